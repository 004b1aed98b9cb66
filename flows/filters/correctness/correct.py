"""Keeps drafts that are known to be right."""

from redraft.flows.filters.filter import Filter, SqlFilter
from redraft.flows.filters.sifting.candidates import Candidate


def correct() -> Filter:
    """Drops wrong drafts, and drafts whose answer the oracle could not decide. Also drops drafts without an answer that
    nobody graded, such as an unfinished search."""

    def judge(candidate: Candidate) -> str | None:
        if candidate.correct is None:
            return NO_ANSWER if candidate.answer is None else UNKNOWN
        return None if candidate.correct else "wrong answer"

    sql = f"""CASE WHEN correct IS NULL THEN CASE WHEN answer IS NULL THEN '{NO_ANSWER}' ELSE '{UNKNOWN}' END
        WHEN NOT correct THEN 'wrong answer' END"""
    return SqlFilter(judge, sql)


NO_ANSWER = "no answer"
UNKNOWN = "not known whether it is right"
