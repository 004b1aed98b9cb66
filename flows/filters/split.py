"""Leaves out the problems of splits that are not for training."""

from redraft.flows.filters.candidates import Candidate
from redraft.flows.filters.filter import Filter


def split(*, drop: str = "test,heldout") -> Filter:
    """Drops problems of the splits in `drop`, which are separated by commas. A problem without a split stays."""
    names = {name.strip() for name in drop.split(",")}

    def check(candidate: Candidate) -> str | None:
        return f"of split {candidate.split}" if candidate.split in names else None

    return check
