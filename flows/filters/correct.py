"""Keeps drafts that are known to be right."""

from redraft.flows.filters.candidates import Candidate
from redraft.flows.filters.filter import Filter


def correct() -> Filter:
    """Drops wrong drafts, and drafts whose answer can't be judged."""

    def judge(candidate: Candidate) -> str | None:
        if candidate.correct is None:
            return "not known whether it is right"
        return None if candidate.correct else "wrong answer"

    return judge
