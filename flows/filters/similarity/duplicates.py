"""Keeps the first of several drafts with the same equations and answer."""

from redraft.flows.filters.filter import Filter, SqlFilter
from redraft.flows.filters.sifting.candidates import Candidate
from redraft.flows.filters.sifting.per_question import PerQuestion


def duplicates() -> Filter:
    """Drops a draft whose equations and answer equal those of an earlier draft of its question, whatever its words
    (RFT: Yuan et al. 2023, arXiv 2308.01825). Drafts without equations are compared by their text, without regard to
    capitals and spaces."""
    seen = PerQuestion[dict[int | None, str]](dict)

    def compare(candidate: Candidate) -> str | None:
        first = seen.of(candidate).setdefault(candidate.signature, candidate.trajectory_id)
        what = "equations" if candidate.by_equations else "text"
        return None if first == candidate.trajectory_id else f"duplicate: same {what} as {first}"

    return SqlFilter(compare, SQL)


SQL = """
    CASE WHEN row_number() OVER (PARTITION BY open, question, signature ORDER BY place) > 1
        THEN 'duplicate: same ' || CASE WHEN by_equations THEN 'equations' ELSE 'text' END || ' as '
            || first_value(trajectory_id) OVER (PARTITION BY open, question, signature ORDER BY place) END"""
