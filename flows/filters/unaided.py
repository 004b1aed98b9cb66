"""Keeps what no oracle touched."""

from redraft.flows.filters.candidates import Candidate
from redraft.flows.filters.filter import Filter


def unaided() -> Filter:
    """Drops trajectories in the making or choosing of which the known answer was read."""

    def check(candidate: Candidate) -> str | None:
        return "an oracle touched it" if candidate.oracle_used else None

    return check
