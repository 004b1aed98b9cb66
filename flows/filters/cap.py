"""Limits the number of drafts of one question, so that no question fills the dataset."""

from collections import Counter

from redraft.flows.filters.candidates import Candidate
from redraft.flows.filters.filter import Filter


def cap(*, most: int = 4) -> Filter:
    """Drops all but the first `most` drafts of a question. Otherwise easy questions, which have more right drafts,
    would outnumber hard questions."""
    counts: Counter[str] = Counter()

    def count(candidate: Candidate) -> str | None:
        counts[candidate.question] += 1
        return f"more than {most} of this question" if counts[candidate.question] > most else None

    return count
