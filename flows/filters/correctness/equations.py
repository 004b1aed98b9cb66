"""Keeps drafts whose plain equations hold, because two mistakes may cancel out and give a right answer."""

from redraft.flows.filters.filter import Filter, SqlFilter
from redraft.flows.filters.sifting.candidates import Candidate


def equations() -> Filter:
    """Drops a draft if one of its equations does not hold, such as 4*3=11 or 6=2. A result may be rounded to the
    decimal places that are written. A draft without equations is kept."""

    def check(candidate: Candidate) -> str | None:
        wrong = candidate.wrong_equation
        return None if wrong is None else f"an equation does not hold: {wrong}"

    return SqlFilter(check, "'an equation does not hold: ' || wrong_equation")
