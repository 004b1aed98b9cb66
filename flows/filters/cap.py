"""Limits the number of drafts of one question, so that no question fills the dataset."""

import itertools

from redraft.flows.filters.candidates import Candidate
from redraft.flows.filters.filter import Filter
from redraft.flows.filters.per_question import PerQuestion


def cap(*, most: int = 4) -> Filter:
    """Drops all but the first `most` drafts of a question. Otherwise easy questions, which have more right drafts,
    would outnumber hard questions."""
    numbers = PerQuestion(lambda: itertools.count(1))

    def count(candidate: Candidate) -> str | None:
        return f"more than {most} of this question" if next(numbers.of(candidate)) > most else None

    return count
