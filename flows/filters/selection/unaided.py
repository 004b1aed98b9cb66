"""Keeps trajectories that did not use the answer key."""

from redraft.flows.filters.filter import Filter, SqlFilter
from redraft.flows.filters.sifting.candidates import Candidate


def unaided() -> Filter:
    """Drops a trajectory if the known answer was read while it was written or chosen."""

    def check(candidate: Candidate) -> str | None:
        return "an oracle touched it" if candidate.oracle_used else None

    return SqlFilter(check, "CASE WHEN oracle_used THEN 'an oracle touched it' END")
