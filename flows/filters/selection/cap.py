"""Limits the number of drafts per question, so that no question dominates the dataset."""

import itertools

from redraft.flows.filters.filter import Filter, SqlFilter
from redraft.flows.filters.sifting.candidates import Candidate
from redraft.flows.filters.sifting.question_state import PerQuestion
from redraft.store.plugins.arguments import check_number


def cap(*, most: int = 4) -> Filter:
    """Drops all but the first `most` drafts of a question. Without a limit, easy questions would outnumber hard
    questions, because they have more right drafts. Raises PartError for a `most` below 1."""
    check_number("cap.most", most, 4, least=1)
    numbers = PerQuestion(lambda: itertools.count(1))

    def count(candidate: Candidate) -> str | None:
        return f"more than {most} of this question" if next(numbers.of(candidate)) > most else None

    sql = f"""CASE WHEN row_number() OVER (PARTITION BY open, question ORDER BY place) > {most}
        THEN 'more than {most} of this question' END"""
    return SqlFilter(count, sql)
