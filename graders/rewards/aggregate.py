"""Aggregates the values of a draft's steps to one value. Products are computed with logarithms, so that the product of
many steps does not round to 0."""

import math
from collections.abc import Sequence
from typing import Literal, TypeVar, get_args

from msgspec.structs import replace

from redraft.store.errors import PartError, alternatives
from redraft.store.trajectory import Detail, Grade, Stop, Trajectory

T = TypeVar("T")
How = Literal["product", "minimum", "last", "mean"]
Neutral = Literal["positive", "negative"]


def aggregate(values: Sequence[float], how: How = "product") -> float:
    """Returns one probability for the probabilities of steps: their product (Lightman et al. 2023), their minimum (Wang
    et al. 2024), the last one, or the arithmetic mean. The product is the probability that every step is right. Raises
    ValueError if there are no values, or if a value is not in [0, 1]."""
    return math.exp(log_aggregate([_log(value) for value in values], how))


def log_aggregate(logs: Sequence[float], how: How = "product") -> float:
    """Returns the aggregate of natural logarithms of probabilities, as a natural logarithm. Logarithms are at most 0,
    and -inf for a probability of 0. Raises ValueError if there are none, or if one is above 0."""
    if not logs:
        raise ValueError("no step has a value: there is nothing to aggregate")
    if any(math.isnan(log) or log > 0 for log in logs):
        raise ValueError("the logarithm of a probability is at most 0")
    if how == "product":
        return math.fsum(logs)
    if how == "minimum":
        return min(logs)
    if how == "last":
        return logs[-1]
    top = max(logs)
    if math.isinf(top):
        return top
    return min(0.0, top + math.log(math.fsum(math.exp(log - top) for log in logs) / len(logs)))


def positive(detail: Detail, neutral: Neutral = "positive") -> float:
    """Returns the probability that a step is good. If the model has a third class, `neutral` says whether a neutral
    step counts as good or as bad."""
    good = detail.p_good or 0.0
    return min(1.0, good + (detail.p_neutral or 0.0)) if neutral == "positive" else good


def check(how: str, neutral: str) -> None:
    """Raises PartError if `how` is not a value of How, or `neutral` not one of Neutral."""
    if how not in get_args(How):
        raise PartError(f"no aggregate {how!r}; {alternatives(how, get_args(How))}")
    if neutral not in get_args(Neutral):
        raise PartError(f"no neutral {neutral!r}; {alternatives(neutral, get_args(Neutral))}")


def unjudgeable(trajectory: Trajectory) -> str | None:
    """Returns the reason why a trajectory's steps can't be judged, or None if they can be judged."""
    if trajectory.stop is Stop.FAILED:
        return f"the trajectory failed: {trajectory.reason or 'no reason was given'}"
    return None if any(step.text.strip() for step in trajectory.draft()) else "the draft has no text"


def written(trajectory: Trajectory) -> list[str]:
    """Returns the text of each step that has text, without surrounding whitespace."""
    return [step.text.strip() for step in trajectory.draft() if step.text.strip()]


def graded(
    empty: Grade,
    trajectory: Trajectory,
    details: Sequence[Detail],
    *,
    how: How = "product",
    neutral: Neutral = "positive",
    log: bool = False,
) -> Grade:
    """Returns a copy of the grade `empty` with the value of each step and their aggregate. The copy has a reason
    instead of values if the number of details differs from the number of steps with text, or if a value is not a
    probability.

    A step without text, such as a step that only ends a draft, has the value of the step before it and is not
    aggregated. With `log` the grade's value is the natural logarithm of the aggregate, which still ranks long drafts
    whose products round to 0.
    """
    wanted = len(written(trajectory))
    if len(details) != wanted:
        return replace(empty, reason=f"{_count(len(details), 'value')} for {_count(wanted, 'step')}")
    for number, detail in enumerate(details, start=1):
        for value in (detail.p_good, detail.p_neutral, detail.p_bad):
            if value is not None and not 0 <= value <= 1:
                return replace(empty, reason=f"the value {value} of step {number} is no probability")
    values = [positive(detail, neutral) for detail in details]
    logged = log_aggregate([_log(value) for value in values], how)
    spread = _spread(trajectory, values)
    spread_details = _spread(trajectory, details)
    value = logged if log else math.exp(logged)
    return replace(
        empty, value=value, steps=tuple(spread), details=tuple(detail or Detail() for detail in spread_details)
    )


def _spread(trajectory: Trajectory, found: Sequence[T]) -> list[T | None]:
    """Returns one value for each step. `found` has the values of the steps with text. A step without text gets the
    value of the step before it."""
    rest, last, spread = iter(found), None, []
    for step in trajectory.draft():
        last = next(rest) if step.text.strip() else last
        spread.append(last)
    return spread


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _log(value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"{value} is no probability")
    return math.log(value) if value else -math.inf
