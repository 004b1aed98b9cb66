"""A grader of one's own that returns something else is told so in one line."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from redraft.agents import build
from redraft.llm.client.client import Client
from redraft.llm.scripted import Scripted
from redraft.store import Question, Trajectory
from redraft.store.errors import PartError


@pytest.mark.parametrize("given", [[], [0.5, 0.5], None, "good"])
async def test_what_is_no_list_of_grades_names_the_grader(given: Any) -> None:
    async def grader(trajectories: Sequence[Trajectory]) -> Any:
        return given

    def bad() -> Callable[..., Any]:
        return grader

    agent = build("best_of_n", Client(Scripted(lambda *_: "#### 2")), grader=bad, samples=2)
    with pytest.raises(
        PartError,
        match=r"grader 'test_bad_graders.py:bad' returned .*: it must return a list of 2 Grade, one for each draft",
    ):
        await agent(Question("p", "What is 1 + 1?"))
