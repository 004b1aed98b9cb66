"""Keeps what one may train on."""

from redraft.flows.filters.candidates import Candidate
from redraft.flows.filters.filter import Filter


def split(*, drop: str = "test,heldout") -> Filter:
    """Drops problems of the splits in `drop`, names with commas between; a problem with no split stays."""
    names = {name.strip() for name in drop.split(",")}

    def check(candidate: Candidate) -> str | None:
        return f"of split {candidate.split}" if candidate.split in names else None

    return check
