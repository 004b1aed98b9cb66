"""The protocol of an index of similar texts, and the filter that keeps the first of several similar texts."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol

from redraft.flows.filters.filter import Filter
from redraft.flows.filters.sifting.candidates import Candidate
from redraft.flows.filters.sifting.question_state import PerQuestion
from redraft.store.errors import PartError

Of = Literal["draft", "question"]
"""The texts that are compared: the drafts of one question with each other, or the questions of all problems."""


class Match(NamedTuple):
    """A text of an index that is similar to another text."""

    name: str  # the name of the text in the index
    how: str  # the similarity, such as "Jaccard 0.83"


class Index(Protocol):
    """A collection of named texts that can be searched for similar texts. `read` converts a text to the form in which
    texts are compared."""

    def read(self, text: str) -> Any: ...

    def add(self, name: str, read: Any) -> None: ...

    def find(self, read: Any) -> Match | None:
        """Returns the first added text that is similar, or None if no text is similar."""
        ...


def keep_first(make: Callable[[], Index], of: Of, what: str) -> Filter:
    """Returns a filter that drops a text if it is similar to an earlier text that the filter kept. The reason contains
    `what`, the earlier trajectory or problem, and the similarity."""
    per_question, store_wide = PerQuestion(make), make() if of == "question" else None
    latest: tuple[str | None, str | None] = (None, None)  # the last problem, and the reason to drop it

    def compare(index: Index, name: str, text: str) -> str | None:
        read = index.read(text)
        if match := index.find(read):
            return f"{what}: {match.how} with {match.name}"
        index.add(name, read)
        return None

    def check(candidate: Candidate) -> str | None:
        nonlocal latest
        if store_wide is None:
            return compare(per_question.of(candidate), candidate.trajectory_id, candidate.text)
        if latest[0] != candidate.problem_id:  # candidates are ordered by problem
            latest = candidate.problem_id, compare(store_wide, candidate.problem_id, candidate.question)
        return latest[1]

    return check


def check_threshold(name: str, value: float) -> None:
    """Raises PartError unless a similarity threshold is in (0, 1]."""
    if not 0 < value <= 1:
        raise PartError(f"{name}={value} is no similarity: give a number above 0 and up to 1, such as 0.8")
