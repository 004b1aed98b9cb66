"""Keeps the drafts that the strategies picked."""

from redraft.flows.filters.filter import Filter
from redraft.flows.filters.sifting.candidates import Candidate


def chosen() -> Filter:
    """Drops a draft that its strategy did not pick, such as the drafts of best_of_n with lower grades."""

    def check(candidate: Candidate) -> str | None:
        return None if candidate.chosen else "not the strategy's pick"

    return check
