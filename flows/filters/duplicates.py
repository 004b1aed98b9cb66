"""Keeps the first of several drafts with the same equations and answer."""

import unicodedata

from redraft.flows.filters.candidates import Candidate
from redraft.flows.filters.filter import Filter
from redraft.flows.filters.per_question import PerQuestion
from redraft.graders.answers.equations import signature
from redraft.store.digest import digest


def duplicates() -> Filter:
    """Drops a draft whose equations and answer equal those of an earlier draft of its question, whatever its words
    (RFT: Yuan et al. 2023, arXiv 2308.01825). Drafts without equations are compared by their text, without regard to
    capitals and spaces."""
    seen = PerQuestion[dict[str, str]](dict)

    def compare(candidate: Candidate) -> str | None:
        equations = signature(candidate.text)
        compared = (*equations, candidate.answer) if equations else (_normalised(candidate.text),)
        first = seen.of(candidate).setdefault(digest(*compared), candidate.trajectory_id)
        what = "equations" if equations else "text"
        return None if first == candidate.trajectory_id else f"duplicate: same {what} as {first}"

    return compare


def _normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
