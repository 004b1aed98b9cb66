"""Checks of a user's own parts: what passes unchanged, and the line that a mistake gets."""

import math
from pathlib import Path
from typing import Any

import pytest

from redraft.agents.critics.critic import GO_ON
from redraft.agents.critics.none import none as no_critic
from redraft.agents.feedback.feedback import Remark
from redraft.agents.validation import CheckedPart, check_part, is_shipped, part_label
from redraft.llm.model import ModelError
from redraft.store.errors import PartError
from redraft.store.plugins.discovery import load
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Trajectory

TRAJECTORY = Trajectory(Question("p", "How much?", unit="u"))


def returning(noun: str, found: Any) -> CheckedPart:
    """A part of this kind that always returns the same."""

    async def part(*given: Any, **named: Any) -> Any:
        return found

    def mine() -> Any:
        return part

    return check_part(noun, mine, part)


def grade(value: Any) -> Grade:
    return Grade("mine", "u:0", 1, value=value)


@pytest.mark.parametrize(
    ("noun", "given", "found"),
    [
        ("strategy", (TRAJECTORY.question,), []),
        ("strategy", (TRAJECTORY.question,), (TRAJECTORY,)),
        ("policy", (TRAJECTORY, 2), [TRAJECTORY, TRAJECTORY]),
        ("policy", (TRAJECTORY, 0), []),
        ("grader", ([],), []),
        ("grader", ([TRAJECTORY] * 3,), [grade(1), grade(-2.5), grade(None)]),
        ("critic", (TRAJECTORY,), GO_ON),
        ("feedback", ([TRAJECTORY] * 3,), [None, Remark("Again.", "mine"), ModelError("dead")]),
    ],
)
async def test_what_a_kind_returns_passes_unchanged(noun: str, given: Any, found: Any) -> None:
    assert await returning(noun, found)(*given) is found


@pytest.mark.parametrize(
    ("noun", "given", "found", "message"),
    [
        ("strategy", (TRAJECTORY.question,), [1], "a list of 1, [1]: it must return a list of Trajectory, everything"),
        ("strategy", (TRAJECTORY.question,), None, "None: it must return a list of Trajectory, everything"),
        ("policy", (TRAJECTORY, 2), [TRAJECTORY], "it must return a list of 2 Trajectory, one for each proposal"),
        ("policy", (TRAJECTORY, 1), iter([TRAJECTORY]), "a list_iterator: it must return a list of 1 Trajectory"),
        ("grader", ([TRAJECTORY],), [], "a list of 0, []: it must return a list of 1 Grade, one for each draft"),
        ("grader", ([TRAJECTORY],), [0.5], "it must return a list of 1 Grade, one for each draft"),
        ("grader", ([TRAJECTORY],), [grade(math.inf)], "grades whose value is a finite number, or None with a reason"),
        ("grader", ([TRAJECTORY],), [grade("0.5")], "grades whose value is a finite number, or None with a reason"),
        ("critic", (TRAJECTORY,), True, "a bool, True: it must return a Critique, as Critique(Opinion.GO_ON)"),
        ("feedback", ([TRAJECTORY],), [], "it must return a list of 1 Remark or None, one for each draft"),
        ("feedback", ([TRAJECTORY],), ["Again."], "it must return a list of 1 Remark or None"),
    ],
)
async def test_anything_else_is_one_line(noun: str, given: Any, found: Any, message: str) -> None:
    with pytest.raises(PartError) as error:
        await returning(noun, found)(*given)
    assert str(error.value).startswith(f"{noun} 'test_validation.py:mine' returned ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


async def test_a_policy_may_be_asked_by_name() -> None:
    policy = returning("policy", [TRAJECTORY])
    assert await policy(TRAJECTORY, n=1, first=3) == [TRAJECTORY]
    with pytest.raises(PartError, match="a list of 2 Trajectory"):
        await policy(TRAJECTORY, n=2)


def test_every_other_attribute_is_the_parts_own() -> None:
    class Mine:
        limit = 7

        def __call__(self) -> None: ...

    part = check_part("critic", Mine, Mine())
    assert part.limit == 7
    with pytest.raises(AttributeError, match="depth"):
        _ = part.depth


def test_a_part_that_ships_is_not_wrapped() -> None:
    critic = no_critic()
    assert check_part("critic", no_critic, critic) is critic
    assert (is_shipped(no_critic), is_shipped(critic), is_shipped(returning), is_shipped(3)) == (
        True,
        True,
        False,
        False,
    )


@pytest.mark.parametrize(
    ("made", "message"),
    [(None, "returned None: the function itself must return"), (3, "returned an int, 3: the function itself must")],
)
def test_a_factory_that_makes_nothing_to_call(made: Any, message: str) -> None:
    with pytest.raises(PartError, match=message):
        check_part("grader", returning, made)


def test_a_factory_must_not_be_async() -> None:
    async def mine() -> None: ...

    message = r"mine' must not be async itself: write `def`, and return `async def critique\(trajectory\)`"
    with pytest.raises(PartError, match=message):
        check_part("critic", mine, mine())


def test_a_part_is_named_with_its_file_unless_it_ships(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def harsh(): ...\n")
    assert part_label("critic", load(f"{tmp_path / 'own.py'}:harsh", "critic")) == "critic 'own.py:harsh'"
    assert part_label("critic", no_critic) == "critic 'none'"
    assert part_label("critic", print) == "critic 'print'"
