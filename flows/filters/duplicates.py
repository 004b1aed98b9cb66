"""Keeps one of several solutions that say the same."""

import unicodedata

from redraft.flows.filters.candidates import Candidate
from redraft.flows.filters.filter import Filter
from redraft.graders.answers.equations import signature
from redraft.store.digest import digest


def duplicates() -> Filter:
    """Drops a draft whose equations and answer are those of an earlier one of its question, whatever its words are
    (RFT: Yuan et al. 2023, arXiv 2308.01825). Drafts without equations are compared by their text, in which capitals
    and spaces do not count."""
    seen: dict[str, str] = {}

    def compare(candidate: Candidate) -> str | None:
        equations = signature(candidate.text)
        said = (*equations, candidate.answer) if equations else (_normalised(candidate.text),)
        first = seen.setdefault(digest(candidate.question, *said), candidate.trajectory_id)
        what = "equations" if equations else "text"
        return None if first == candidate.trajectory_id else f"duplicate: same {what} as {first}"

    return compare


def _normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
