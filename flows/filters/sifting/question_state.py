"""The state that a filter or a format has per question. Its memory does not grow with the number of questions."""

from collections.abc import Callable
from typing import Generic, TypeVar

from redraft.flows.filters.sifting.candidates import Candidate

State = TypeVar("State")


class PerQuestion(Generic[State]):
    """A state for each question, created by `make`. Candidates are ordered by problem, so the state is discarded when
    the next question begins, unless several problems ask the same question."""

    def __init__(self, make: Callable[[], State]) -> None:
        self._make = make
        self._question: str | None = None
        self._state: State | None = None
        self._shared: dict[str, State] = {}

    def of(self, candidate: Candidate) -> State:
        """Returns the state of a candidate's question."""
        question = candidate.question
        if candidate.shares_question:
            if question not in self._shared:
                self._shared[question] = self._make()
            return self._shared[question]
        if self._state is None or question != self._question:
            self._question, self._state = question, self._make()
        return self._state
