from collections.abc import Callable

import pytest

from redraft.graders.likelihood import likelihood
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Stop, Trajectory


def draft(*steps: tuple[float | None, int]) -> Trajectory:
    path = Trajectory(Question("p1", "How many?", unit="u1"))
    for logprob, tokens in steps:
        path = path.grow("A step.\n", 0, logprob=logprob, tokens=tokens)
    return path


async def test_mean_is_taken_over_tokens_and_not_over_steps() -> None:
    assert await likelihood()([draft((-1.0, 1), (-2.0, 8))]) == [
        Grade("likelihood", "u1:0", 1, -3.0 / 9, steps=(-1.0, -0.25))
    ]


async def test_sum_adds_the_steps() -> None:
    assert await likelihood("sum")([draft((-1.0, 1), (-2.0, 8))]) == [
        Grade("likelihood_sum", "u1:0", 1, -3.0, steps=(-1.0, -2.0))
    ]


async def test_only_the_current_draft_counts() -> None:
    path = draft((-5.0, 1)).respond("Try again.", "none").grow("Better.", 0, logprob=-1.0, tokens=2)
    assert await likelihood()([path]) == [Grade("likelihood", "u1:0", 2, -0.5, steps=(-0.5,))]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (draft((-1.0, 1), (None, 3)), "1 of 2 steps have no log-probability"),
        (draft(), "the draft has no tokens"),
        (draft((0.0, 0)), "the draft has no tokens"),
    ],
)
async def test_no_value_without_log_probabilities(path: Trajectory, reason: str) -> None:
    assert await likelihood()([path]) == [Grade("likelihood", "u1:0", 1, reason=reason)]


async def test_a_step_without_tokens_has_no_mean() -> None:
    (grade,) = await likelihood()([draft((-1.0, 2), (0.0, 0))])
    assert grade.steps == (-0.5, None)
    assert grade.value == -0.5


async def test_a_failed_trajectory_has_no_value(solved: Callable[..., Trajectory]) -> None:
    (grade,) = await likelihood()([solved(None, stop=Stop.FAILED, logprob=-1.0, tokens=2)])
    assert grade == Grade("likelihood", "u1:0", 1, reason="the trajectory failed: no reason was given")


def test_another_reduction_is_refused() -> None:
    with pytest.raises(ValueError, match="no reduce 'max'; there are mean, sum"):
        likelihood("max")  # pyright: ignore[reportArgumentType]
