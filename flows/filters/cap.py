"""Keeps a problem from filling the dataset."""

from collections import Counter

from redraft.flows.filters.candidates import Candidate
from redraft.flows.filters.filter import Filter


def cap(*, most: int = 4) -> Filter:
    """Drops what comes after the first `most` drafts of a question: easy ones would otherwise crowd out hard ones."""
    counts: Counter[str] = Counter()

    def count(candidate: Candidate) -> str | None:
        counts[candidate.question] += 1
        return f"more than {most} of this question" if counts[candidate.question] > most else None

    return count
