"""Limits the drafts of one question, so that it cannot fill the dataset."""

from collections import Counter

from redraft.flows.filters.candidates import Candidate
from redraft.flows.filters.filter import Filter


def cap(*, most: int = 4) -> Filter:
    """Drops all but the first `most` drafts of a question, since easy questions would otherwise crowd out hard ones."""
    counts: Counter[str] = Counter()

    def count(candidate: Candidate) -> str | None:
        counts[candidate.question] += 1
        return f"more than {most} of this question" if counts[candidate.question] > most else None

    return count
