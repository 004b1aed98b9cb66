"""Keeps drafts that the model ended itself, and that are neither too short nor too long."""

from redraft.flows.filters.candidates import Candidate
from redraft.flows.filters.filter import Filter


def length(*, most: int = 1024, least: int = 0) -> Filter:
    """Drops empty drafts, drafts of fewer than `least` or more than `most` tokens, and cut drafts."""

    def measure(candidate: Candidate) -> str | None:
        if not candidate.text.strip():
            return "empty"
        if candidate.stop == "length":
            return "cut at the token limit"
        if candidate.tokens > most:
            return f"longer than {most} tokens"
        return f"shorter than {least} tokens" if candidate.tokens < least else None

    return measure
