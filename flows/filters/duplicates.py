"""Keeps one of several equal texts."""

from redraft.flows.candidates import Candidate
from redraft.flows.filters.filter import Filter
from redraft.store.records import digest


def duplicates() -> Filter:
    """Drops a draft that says exactly what an earlier one of the same question said."""
    seen: dict[str, str] = {}

    def compare(candidate: Candidate) -> str | None:
        key = digest(candidate.question, candidate.text)
        first = seen.setdefault(key, candidate.trajectory_id)
        return None if first == candidate.trajectory_id else f"duplicate: same text as {first}"

    return compare
