"""Makes wrong solutions of a story, called attempts. Exact labels say which step is the first wrong one, and what is
wrong with it."""

import random
from dataclasses import dataclass
from enum import StrEnum

from redraft.store.sources.wordproblems.story import Equation, Story, state


class Error(StrEnum):
    SLIP = "slip"  # the equation does not hold
    OPERAND = "operand"  # the equation uses a wrong number of the question
    SIGN = "sign"  # the equation uses a wrong operation


@dataclass(frozen=True, slots=True)
class Attempt:
    """A wrong solution. `labels` has True for each line before the first wrong line, and False for that line and all
    later ones."""

    lines: tuple[str, ...]
    answer: int
    first_wrong: int  # the index of the first wrong line, from 0
    error: Error
    equation: str  # the equation of the first wrong line

    @property
    def labels(self) -> tuple[bool, ...]:
        return tuple(i < self.first_wrong for i in range(len(self.lines)))

    @property
    def text(self) -> str:
        return state(list(self.lines), self.answer)


def attempt(story: Story, rng: random.Random) -> Attempt:
    """Returns a wrong attempt. A random step of it is wrong. The steps before that step are right, and the steps after
    it calculate with the wrong value."""
    while True:
        made = _attempt(story, rng, rng.randrange(len(story.equations)), rng.choice(list(Error)))
        if made is not None and made.answer != story.answer:
            return made


def _attempt(story: Story, rng: random.Random, at: int, error: Error) -> Attempt | None:
    results: list[int] = []
    lines: list[str] = []
    wrong = ""
    for j, equation in enumerate(story.equations):
        left, right, sign = (
            story.value(equation.left, results),
            story.value(equation.right, results),
            equation.sign,
        )
        if j == at:
            left, right, sign, result = _err(story, rng, equation, left, right, error)
        else:
            result = equation.work(left, right)
            if result is None:  # the wrong value may not be divisible: then the quotient is rounded down
                result = left // max(right, 1) if sign == "/" else None
        if result is None or result > 99_999:
            return None
        shown = f"{left}{sign}{right}={result}"
        wrong = shown if j == at else wrong
        results.append(result)
        lines.append(equation.note.format(e=shown))
    if results[at] == story.results[at]:
        return None
    return Attempt(tuple(lines), results[-1], at, error, wrong)


def _err(
    story: Story, rng: random.Random, equation: Equation, left: int, right: int, error: Error
) -> tuple[int, int, str, int | None]:
    sign = equation.sign
    if error is Error.SLIP:
        right_result = equation.work(left, right)
        if right_result is None:
            return left, right, sign, None
        return (
            left,
            right,
            sign,
            right_result + rng.choice((-10, -2, -1, 1, 2, 10)) if right_result > 10 else right_result + 1,
        )
    if error is Error.SIGN:
        sign = rng.choice([s for s in "+-*" if s != sign])
    elif rng.random() < 0.5:
        left = rng.choice(story.numbers)
    else:
        right = rng.choice(story.numbers)
    return left, right, sign, Equation(equation.left, sign, equation.right, "").work(left, right)
