"""Keeps drafts that ended by themselves, and are neither too short nor too long."""

from redraft.flows.candidates import Candidate
from redraft.flows.filters.filter import Filter


def length(*, most: int = 1024, least: int = 1) -> Filter:
    """Drops drafts of fewer than `least` or more than `most` tokens, and those cut at the model's limit."""

    def measure(candidate: Candidate) -> str | None:
        if candidate.stop == "length":
            return "cut at the token limit"
        if candidate.tokens > most:
            return f"longer than {most} tokens"
        return f"shorter than {least} tokens" if candidate.tokens < least else None

    return measure
