"""Keeps drafts that the model ended itself, and that are neither too short nor too long in tokens."""

from redraft.flows.filters.filter import Filter, SqlFilter
from redraft.flows.filters.sifting.candidates import Candidate
from redraft.store.plugins.arguments import check_number, check_range


def length(*, most: int = 1024, least: int = 0) -> Filter:
    """Drops empty drafts, drafts of fewer than `least` or more than `most` tokens, and drafts that a limit cut off.
    Raises PartError for a `most` below 1, and for a `least` below 0 or above `most`."""
    check_number("length.most", most, 1024, least=1)
    check_number("length.least", least, 10, least=0)
    check_range("length", least, most)

    def measure(candidate: Candidate) -> str | None:
        if not candidate.text.strip():
            return "empty"
        if candidate.stop == "length":
            return "cut at the token limit"
        if candidate.tokens > most:
            return f"longer than {most} tokens"
        return f"shorter than {least} tokens" if candidate.tokens < least else None

    sql = f"""CASE WHEN signature IS NULL THEN 'empty' WHEN stop = 'length' THEN 'cut at the token limit'
        WHEN tokens > {most} THEN 'longer than {most} tokens' WHEN tokens < {least} THEN 'shorter than {least} tokens'
        END"""
    return SqlFilter(measure, sql)
