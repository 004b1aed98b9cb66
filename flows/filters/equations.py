"""Keeps drafts whose plain equations hold, since two mistakes may lead to a right answer."""

from redraft.flows.filters.candidates import Candidate
from redraft.flows.filters.filter import Filter
from redraft.graders.answers.equations import equations as parse_equations


def equations() -> Filter:
    """Drops a draft if one of its equations does not hold, such as 4*3=11 or 6=2. A result may be rounded to the
    decimals that it shows. A draft without equations stays."""

    def check(candidate: Candidate) -> str | None:
        wrong = next((equation for equation, holds in parse_equations(candidate.text) if not holds), None)
        return None if wrong is None else f"an equation does not hold: {wrong}"

    return check
