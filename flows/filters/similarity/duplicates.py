"""Keeps one draft of several with the same equations and answer."""

from collections.abc import Sequence
from functools import partial
from typing import Literal

from rapidfuzz.distance import Levenshtein

from redraft.flows.filters.filter import Filter, ProblemFilter, SqlFilter
from redraft.flows.filters.sifting.candidates import Candidate
from redraft.flows.filters.sifting.question_state import PerQuestion


def duplicates(*, keep: Literal["first", "furthest"] = "first") -> Filter:
    """Drops a draft if another draft of its question has the same equations and the same answer, even if the words
    differ (RFT, Yuan et al. 2023, arXiv 2308.01825). Drafts without equations are compared by their text; case and
    white space are ignored.

    With `keep="first"`, the first draft is kept. `keep="furthest"` follows the published code of RFT: a later draft of
    the problem replaces the kept one if the sum of its edit distances is larger. These are the distances (Levenshtein,
    in characters) to the kept drafts with other equations. If several problems ask the same question, only the first
    one keeps such a draft.
    """
    seen = PerQuestion[dict[int | None, str]](dict)

    def compare(candidate: Candidate) -> str | None:
        return _reason(candidate, seen.of(candidate).setdefault(candidate.signature, candidate.trajectory_id))

    def compare_all(candidates: Sequence[Candidate]) -> list[str | None]:
        kept, best = seen.of(candidates[0]), _furthest(candidates)
        names = (kept.setdefault(one.signature, best[one.signature].trajectory_id) for one in candidates)
        return [_reason(candidate, name) for candidate, name in zip(candidates, names, strict=True)]

    return SqlFilter(compare, SQL) if keep == "first" else ProblemFilter(compare_all)


def _reason(candidate: Candidate, kept: str) -> str | None:
    """Returns the reason why a candidate is dropped. `kept` is the id of the trajectory that is kept; for this
    trajectory itself, returns None."""
    what = "equations" if candidate.by_equations else "text"
    return None if kept == candidate.trajectory_id else f"duplicate: same {what} as {kept}"


def _furthest(candidates: Sequence[Candidate]) -> dict[int | None, Candidate]:
    """Returns a dict from each signature to the candidate to keep."""
    kept: dict[int | None, Candidate] = {}
    for candidate in candidates:
        known = kept.setdefault(candidate.signature, candidate)
        if known.text != candidate.text:
            others = [other.text for other in kept.values() if other is not known]
            before, now = (sum(map(partial(Levenshtein.distance, one.text), others)) for one in (known, candidate))
            if now > before:
                kept[candidate.signature] = candidate
    return kept


SQL = """
    CASE WHEN row_number() OVER (PARTITION BY open, question, signature ORDER BY place) > 1
        THEN 'duplicate: same ' || CASE WHEN by_equations THEN 'equations' ELSE 'text' END || ' as '
            || first_value(trajectory_id) OVER (PARTITION BY open, question, signature ORDER BY place) END"""
