"""Labels the lines of any solution of a story exactly: which lines are right, and at which character the first wrong
line becomes wrong."""

import re
from dataclasses import dataclass

EQUATION = re.compile(r"(-?\d+)([-+*/])(-?\d+)=(-?\d+)")
ANSWER = re.compile(r"#### (-?\d+)$")


@dataclass(frozen=True, slots=True)
class Label:
    """The label of a line. `right` says whether the line and all lines before it are right. `wrong_at` is set only for
    the first wrong line."""

    right: bool
    wrong_at: int | None = None  # the index in the line, from 0, of the first wrong character


def labels(solution: str, lines: list[str]) -> list[Label]:
    """Returns one label for each line of a draft. `solution` is the story's own solution: lines with one equation each,
    then `#### answer`.

    A line is right if it has the same equation as the line with the same index in the solution. The order of factors or
    summands, and the words of the line, make no difference. Every line after the first wrong line is wrong.
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
    """Returns the length of the longest common prefix of two texts, in characters."""
    return next(
        (at for at, (a, b) in enumerate(zip(written, wanted, strict=False)) if a != b), min(len(written), len(wanted))
    )
