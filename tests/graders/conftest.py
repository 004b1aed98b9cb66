import asyncio
from collections.abc import Callable, Iterator

import pytest

from redraft.graders.answers.checker import Checker
from redraft.store.problems import Kind, Question
from redraft.store.trajectory import Stop, Trajectory


@pytest.fixture(scope="session")
def checker() -> Iterator[Checker]:
    checker = Checker(limit_s=20.0)
    yield checker
    asyncio.run(checker.close())


@pytest.fixture
def solved() -> Callable[..., Trajectory]:
    """A finished trajectory of one step with the given answer."""

    def make(answer: str | None, sample: int = 0, *, stop: Stop = Stop.ANSWERED, kind: Kind = Kind.MATH, **facts):
        question = Question("p1", "How many?", kind, "u1")
        start = Trajectory(question, sample=sample).grow("So it is.", sample, **facts)
        return Trajectory(question, start.steps, sample, stop=stop, answer=answer)

    return make
