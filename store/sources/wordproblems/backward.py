"""Makes backward questions (FOBAR in MetaMath): the question gives the answer, and asks for one of the numbers, named
x."""

import random
from dataclasses import dataclass

from redraft.store.sources.wordproblems.story import Ref, Story, state

UNDO = {
    # (sign, the unknown operand): (sign of the inverse operation, whether the known operand is its first operand)
    ("+", "left"): ("-", False),
    ("+", "right"): ("-", False),
    ("*", "left"): ("/", False),
    ("*", "right"): ("/", False),
    ("-", "left"): ("+", False),
    ("-", "right"): ("-", True),
    ("/", "left"): ("*", False),
    ("/", "right"): ("/", True),
}


@dataclass(frozen=True, slots=True)
class Backward:
    question: str
    solution: str
    answer: int


def backward(story: Story, rng: random.Random) -> Backward | None:
    """Returns a question that hides one number as x, with its solution and its answer. Each value on the way from that
    number to the answer must be used exactly once; returns None if the story has no such number."""
    hidden = [i for i in range(len(story.numbers)) if _path(story, ("n", i))]
    rng.shuffle(hidden)
    for i in hidden:
        if solution := _solve(story, i):
            shown = tuple("x" if j == i else number for j, number in enumerate(story.numbers))
            ask = f"{story.asks[story.wording[-1]]} The answer is {story.answer}. What is x?"
            return Backward(f"{story.facts(shown)} {ask}", solution, story.numbers[i])
    return None


def _path(story: Story, ref: Ref) -> list[int]:
    """Returns the indices of the steps from a number to the answer, if each value on the way is used exactly once;
    otherwise an empty list."""
    path: list[int] = []
    while ref != ("s", len(story.equations) - 1):
        users = [j for j, e in enumerate(story.equations) for side in (e.left, e.right) if side == ref]
        if len(users) != 1:
            return []
        path.append(users[0])
        ref = ("s", users[0])
    return path


def _solve(story: Story, hidden: int) -> str | None:
    path, results = _path(story, ("n", hidden)), story.results
    lines = [line for j, line in enumerate(story.lines()) if j not in path]
    known = story.answer
    unknown: Ref
    for n, j in enumerate(reversed(path)):
        equation = story.equations[j]
        unknown = ("s", path[len(path) - 2 - n]) if n < len(path) - 1 else ("n", hidden)
        side = "left" if equation.left == unknown else "right"
        other = story.value(equation.right if side == "left" else equation.left, results)
        sign, other_first = UNDO[equation.sign, side]
        left, right = (other, known) if other_first else (known, other)
        if sign == "/" and right == 0:
            return None
        value = story.value(unknown, results)
        lines.append(f"Going back, {left}{sign}{right}={value}.")
        known = value
    return state(lines, known)
