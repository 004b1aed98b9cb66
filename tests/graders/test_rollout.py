"""Monte-Carlo labels against closed forms, in a world whose every outcome is written down."""

import itertools
from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace

from redraft.graders.answers.checker import Checker
from redraft.graders.rewards.monte_carlo import FIRST
from redraft.graders.rollout import rollout
from redraft.graders.statistics import wilson
from redraft.store.errors import PartError
from redraft.store.problems import Keyring, Question
from redraft.store.trajectory import Role, Stop, Trajectory, Verdict

QUESTION = Question("p1", "How many?", unit="u1")
KEYS = Keyring({"p1": "7"})
Outcome = Callable[[str, int], str | Stop]
"""From the text of a prefix and the number of a rollout, from 0, to its answer, or why it has none."""


class World:
    """A policy whose rollouts end as they are told to, in two steps. It remembers what it was asked for."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.asked: list[tuple[str, int, int]] = []

    async def __call__(self, trajectory: Trajectory, n: int, first: int = 0) -> list[Trajectory]:
        assert (trajectory.role, trajectory.stop) == (Role.ROLLOUT, None)
        self.asked.append((trajectory.text(), n, first - FIRST))
        return [self._written(trajectory, number) for number in range(first, first + n)]

    def _written(self, path: Trajectory, number: int) -> Trajectory:
        end = self.outcome(path.text(), number - FIRST)
        if end is Stop.FAILED:
            return replace(path, stop=Stop.FAILED, reason="nobody answers")
        path = path.grow("Then\n\n", number)
        if isinstance(end, Stop):
            return replace(path, stop=end)
        return replace(path.grow(f"it is {end}.", 0), stop=Stop.ANSWERED, answer=end)


def draft(*texts: str, answer: str | None = "7", stop: Stop | None = Stop.ANSWERED, sample: int = 0) -> Trajectory:
    path = Trajectory(QUESTION, sample=sample)
    for number, text in enumerate(texts):
        path = path.grow(text, 0 if number else sample)
    return replace(path, stop=stop, answer=answer)


def listed(pattern: Sequence[bool]) -> Outcome:
    return lambda text, number: "7" if pattern[number] else "8"


async def test_a_soft_label_is_the_share_of_right_rollouts_with_wilsons_interval(checker: Checker) -> None:
    rights = {"One. ": 1, "One. Two. ": 3}
    world = World(lambda text, number: "7" if number < rights[text] else "8")
    [grade] = await rollout(world, KEYS, rollouts=4, checker=checker)([draft("One. ", "Two. ", "It is 7.")])
    assert grade.steps == (0.25, 0.75, 1.0)
    assert grade.value == 0.25
    for detail, right in zip(grade.details, (1, 3), strict=False):
        interval = wilson(right, 4)
        assert (detail.n, detail.lo, detail.hi) == (4, interval.low, interval.high)
    assert grade.details[2].n is None
    assert sorted(world.asked) == [("One. ", 4, 0), ("One. Two. ", 4, 0)]


@pytest.mark.parametrize(("answer", "value"), [("7", 1.0), ("8", 0.0), (None, 0.0)])
async def test_the_last_step_is_worth_its_answer_and_costs_nothing(answer, value, checker: Checker) -> None:
    world = World(listed([True] * 4))
    grader = rollout(world, KEYS, rollouts=4, checker=checker)
    [grade] = await grader([draft("It is.", answer=answer)])
    assert (grade.steps, grade.value, world.asked) == ((value,), value, [])
    [grade] = await grader([draft("One. ", stop=None, answer=None)])  # a search's prefix is no end
    assert (grade.steps, len(world.asked)) == ((1.0,), 1)


@pytest.mark.parametrize("early", [1, 2, 4])
@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 1.0])
async def test_expectations_are_the_closed_forms_early_ends_included(p: float, early: int, checker: Checker) -> None:
    n, soft, hard, thrown = 4, 0.0, 0.0, 0.0
    for pattern in itertools.product([True, False], repeat=n):
        weight = p ** sum(pattern) * (1 - p) ** (n - sum(pattern))
        path = draft("One. ", stop=None, answer=None)
        [one] = await rollout(World(listed(pattern)), KEYS, rollouts=n, checker=checker)([path])
        world = World(listed(pattern))
        [two] = await rollout(world, KEYS, rollouts=n, labels="hard", at_once=early, checker=checker)([path])
        soft += weight * (one.steps[0] or 0.0)
        hard += weight * (two.steps[0] or 0.0)
        thrown += weight * sum(count for _, count, _ in world.asked)
    assert soft == pytest.approx(p)
    assert hard == pytest.approx(1 - (1 - p) ** n)
    assert thrown == pytest.approx(sum(early * (1 - p) ** (early * before) for before in range(n // early)))


async def test_a_soft_label_ends_when_its_interval_is_narrow(checker: Checker) -> None:
    world = World(listed([True] * 64))
    grader = rollout(world, KEYS, rollouts=64, width=0.25, at_once=4, checker=checker)
    [grade] = await grader([draft("One. ", stop=None, answer=None)])
    widths = [wilson(n, n).high - wilson(n, n).low for n in (8, 12)]
    assert widths[0] > 0.25 >= widths[1]
    assert grade.details[0].n == 12
    assert [first for _, _, first in world.asked] == [0, 4, 8]


async def test_a_failure_is_no_outcome_and_a_cut_off_rollout_is_a_wrong_one(checker: Checker) -> None:
    ends: list[str | Stop] = ["7", Stop.FAILED, Stop.LENGTH, Stop.BUDGET]
    [grade] = await rollout(World(lambda text, number: ends[number]), KEYS, rollouts=4, checker=checker)(
        [draft("One. ", stop=None, answer=None)]
    )
    assert (grade.steps, grade.details[0].n) == ((0.5,), 2)
    [grade] = await rollout(World(lambda text, number: Stop.FAILED), KEYS, rollouts=3, checker=checker)(
        [draft("One. ", "It is 7.")]
    )
    assert (grade.value, grade.steps) == (None, (None, 1.0))
    assert grade.reason == "step 1: no rollout of 3 counts (nobody answers)"


async def test_rollouts_are_kept_apart_each_once(checker: Checker) -> None:
    world = World(listed([True, False]))
    first = draft("One. ", "Two. ", "It is 7.")
    second = replace(first, steps=first.steps[:2], sample=1).grow("It is 8.", 1)
    second = replace(second, stop=Stop.ANSWERED, answer="8")
    grades = await rollout(world, KEYS, rollouts=2, checker=checker)([first, second])
    assert [grade.steps for grade in grades] == [(0.5, 0.5, 1.0), (0.5, 0.5, 0.0)]
    assert len(world.asked) == 2  # the second draft shares both prefixes
    assert grades[1].rollouts == ()
    thrown = grades[0].rollouts
    assert [path.steps[-2].step_id for path in thrown] == [
        f"u1/0.{FIRST}", f"u1/0.{FIRST + 1}", f"u1/0.0.{FIRST}", f"u1/0.0.{FIRST + 1}",
    ]  # fmt: skip
    assert {path.role for path in thrown} == {Role.ROLLOUT}
    assert all(path.oracle_used for path in thrown)
    said = [path.grades[0] for path in thrown]
    assert [(grade.grader, grade.verdict) for grade in said] == [
        ("oracle", Verdict.RIGHT), ("oracle", Verdict.WRONG),
    ] * 2  # fmt: skip
    assert [grade.trajectory_id for grade in said] == [path.trajectory_id for path in thrown]


async def test_without_a_key_there_is_no_label(checker: Checker) -> None:
    world = World(listed([True]))
    [grade] = await rollout(world, Keyring(), checker=checker)([draft("One. ", "It is 7.")])
    assert (grade.value, grade.reason, world.asked) == (None, "the key of this problem is not known", [])
    failed = Trajectory(QUESTION, stop=Stop.FAILED, reason="gone")
    [grade] = await rollout(world, KEYS, checker=checker)([failed])
    assert grade.reason == "the trajectory failed: gone"


def test_settings_that_there_are_not() -> None:
    world = World(listed([True]))
    with pytest.raises(PartError, match="no labels 'firm'; there are soft, hard"):
        rollout(world, KEYS, labels="firm")  # type: ignore[arg-type]
    with pytest.raises(PartError, match="must be at least 1"):
        rollout(world, KEYS, rollouts=0)
    with pytest.raises(PartError, match="no aggregate 'most'"):
        rollout(world, KEYS, how="most")  # type: ignore[arg-type]
