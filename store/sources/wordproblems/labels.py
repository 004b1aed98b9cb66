"""Exact labels for any solution of a story: which of its lines are right, and up to which letter a wrong one is."""

import re
from dataclasses import dataclass

EQUATION = re.compile(r"(-?\d+)([-+*/])(-?\d+)=(-?\d+)")
ANSWER = re.compile(r"#### (-?\d+)$")


@dataclass(frozen=True, slots=True)
class Label:
    """A line's: whether it and all lines before it are right; where not, the letter at which it first goes wrong."""

    right: bool
    wrong_at: int | None = None  # counted from 0 in the line; None in lines after the first wrong one


def labels(solution: str, lines: list[str]) -> list[Label]:
    """One label for each line of a draft, beside the story's own solution: an equation a line, then `#### answer`.

    A line is right where it works out the solution's line in the same place, whichever factor or summand stands first;
    the words around do not count. All lines after the first wrong one are wrong.
    """
    gold = solution.split("\n")
    found: list[Label] = []
    for number, line in enumerate(lines):
        if found and not found[-1].right:
            found.append(Label(False))
        else:
            found.append(_label(line, gold[number] if number < len(gold) else ""))
    return found


def _label(line: str, gold: str) -> Label:
    for pattern in (EQUATION, ANSWER):
        wanted, written = pattern.search(gold), pattern.search(line)
        if wanted is None:
            continue
        if written is None:
            return Label(False, len(line))
        if _sides(wanted.groups()) == _sides(written.groups()):
            return Label(True)
        return Label(False, written.start() + _agreed(written[0], wanted[0]))
    return Label(False, 0)


def _sides(parts: tuple[str, ...]) -> tuple[str, ...]:
    if len(parts) == 4 and parts[1] in "+*":
        return (*sorted((parts[0], parts[2])), parts[1], parts[3])
    return parts


def _agreed(written: str, wanted: str) -> int:
    """How many letters the two share from the start."""
    return next(
        (at for at, (a, b) in enumerate(zip(written, wanted, strict=False)) if a != b), min(len(written), len(wanted))
    )
