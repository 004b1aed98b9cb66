"""The process reward model that ships: what it says of right and wrong lines of held-out problems."""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from redraft.graders.prm import prm
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError, Request
from redraft.llm.providers.embedded.model import embedded as policy
from redraft.llm.providers.embedded.reward_model import HERE, ProcessRewardModel, embedded_reward_model
from redraft.llm.scripted import Scripted
from redraft.store.errors import PartError
from redraft.store.problems import Question
from redraft.store.sources.wordproblems import Story, attempt, stories
from redraft.store.trajectory import Stop, Trajectory


def held_out(count: int) -> Iterator[Story]:
    rng = random.Random("held out")
    draws = [(s for s in stories(rng, level) if s.split == "heldout") for level in (1, 2, 3)]
    return (next(draws[number % 3]) for number in range(count))


def draft(question: str, text: str) -> Trajectory:
    path = Trajectory(Question("p1", question, unit="u1"), stop=Stop.ANSWERED)
    for line in text.splitlines(keepends=True):
        path = path.grow(line, 0)
    return path


@pytest.fixture
def client() -> Client:
    return Client(policy())


async def test_it_tells_solutions_from_wrong_attempts_and_finds_the_first_wrong_line(client: Client) -> None:
    rng, above, found = random.Random(1), [], []
    for story in held_out(60):
        wrong = attempt(story, rng)
        right, bad = await prm(client)([draft(story.question, text) for text in (story.solution, wrong.text)])
        assert right.value is not None
        assert bad.value is not None
        assert len(bad.steps) == len(wrong.lines) + 1
        assert right.grader_model == "embedded-prm"
        above.append(right.value > bad.value)
        found.append(int(np.argmin([step or 0.0 for step in bad.steps])) == wrong.first_wrong)
    assert np.mean(above) > 0.85
    assert np.mean(found) > 0.7


async def test_the_product_is_that_of_the_steps_and_no_call_is_made(client: Client) -> None:
    story = next(held_out(1))
    [grade] = await prm(client)([draft(story.question, story.solution)])
    assert grade.value == pytest.approx(np.prod([step or 0.0 for step in grade.steps]))
    assert [detail.p_good for detail in grade.details] == list(grade.steps)
    assert client.used.calls == 0


def test_lines_of_one_step_are_multiplied() -> None:
    story = next(held_out(1))
    lines = story.solution.split("\n")
    apart = embedded_reward_model().score(story.question, lines)
    assert embedded_reward_model().score(story.question, [story.solution]) == [pytest.approx(np.prod(apart))]
    assert embedded_reward_model().score(story.question, ["\n".join(lines[:2]), lines[2]])[1] == pytest.approx(apart[2])


def test_a_line_does_not_depend_on_those_after_it() -> None:
    story = next(held_out(1))
    lines = story.solution.split("\n")
    assert embedded_reward_model().score(story.question, lines[:2]) == pytest.approx(
        embedded_reward_model().score(story.question, lines)[:2], rel=1e-4
    )


async def test_other_writers_are_judged_by_a_language_model_unless_it_is_named() -> None:
    def script(request: Request, index: int) -> str:
        return '{"steps": [{"step": 1, "reason": "So.", "rating": "bad"}]}'

    client = Client(Scripted(script))
    path = draft("Ann has 3 bags with 4 pens each. How many pens does Ann have?", "#### 12")
    [judged] = await prm(client)([path])
    assert judged.steps == (0.0,)
    [scored] = await prm(client, profile="embedded")([path])
    assert scored.grader_model == "embedded-prm"
    with pytest.raises(PartError, match="profile 'embedded' of grader 'prm' has its own model"):
        prm(client, profile="embedded", model="some/prm")


async def test_a_draft_that_is_too_long_has_no_value_and_a_reason(client: Client) -> None:
    [grade] = await prm(client)([draft("How many?", "1+1=2\n" * 400)])
    assert grade.value is None
    assert "too long for the embedded reward model" in str(grade.reason)


def test_weights_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot be read.*") as raised:
        ProcessRewardModel(tmp_path / "prm.npz")
    assert "make train-prm" in str(raised.value)


def test_the_file_is_small() -> None:
    assert (HERE / "prm.npz").stat().st_size < 3_000_000
