"""Drafts with the key as a hint, only if no draft is right, and without a trace of the hint."""

import asyncio

import pytest

from redraft.agents.build import build
from redraft.llm.client.client import Client
from redraft.llm.model import Request
from redraft.llm.scripted import Scripted
from redraft.store.errors import PartError
from redraft.store.problems import Keyring, Question
from redraft.store.trajectory import Trajectory

QUESTION = Question("p", "How much is 3 + 5?", unit="u")
HINTED = "How much is 3 + 5?\n\n(Hint: the answer is 8.)"


def solved(first: str, hinted: str = "#### 8", *, key: str | None = "8", **settings: object) -> list[Trajectory]:
    def script(request: Request, index: int) -> str:
        return hinted if "Hint" in request.messages[0].content else first

    model = Scripted(script)
    trajectories = asyncio.run(build("rationalise", Client(model), keys=Keyring({"p": key}), **settings)(QUESTION))  # type: ignore[arg-type]
    asked.extend(request.messages[0].content for request in model.requests)
    return trajectories


asked: list[str] = []


@pytest.fixture(autouse=True)
def _empty() -> None:
    asked.clear()


def test_a_right_draft_needs_no_hint() -> None:
    [found] = solved("3 + 5 = 8.\n#### 8")
    assert (found.answer, found.chosen, found.role.value) == ("8", True, "sample")
    assert not any("Hint" in text for text in asked)


def test_a_wrong_draft_is_followed_by_one_with_a_hint_that_is_not_kept() -> None:
    first, second = sorted(solved("#### 9"), key=lambda one: one.sample)
    assert [(one.sample, one.answer, one.score, one.chosen, one.role.value) for one in (first, second)] == [
        (0, "9", 0.0, False, "sample"),
        (1, "8", 1.0, True, "search"),
    ]
    assert second.question == QUESTION
    assert len(asked) == 2
    assert HINTED in asked[1]


def test_as_many_drafts_as_before_get_the_hint_and_a_wrong_one_is_not_chosen() -> None:
    found = solved("#### 9", "#### 7", samples=3)
    assert sorted((one.sample, one.answer) for one in found) == [
        (0, "9"),
        (1, "9"),
        (2, "9"),
        (3, "7"),
        (4, "7"),
        (5, "7"),
    ]
    assert not any(one.chosen for one in found)


def test_without_a_key_there_is_no_hint() -> None:
    [found] = solved("#### 9", key=None)
    assert (found.answer, found.chosen) == ("9", False)


def test_a_hint_without_its_places_is_a_mistake() -> None:
    with pytest.raises(PartError, match=r"lacks \{answer\}: write it into the text"):
        solved("#### 9", hint="{question} Well?")
