"""A story: a word problem as data, with its numbers, its equations and its sentences.

The rest is derived from a Story: the question in several wordings, the solution, a Python program, a backward question
that asks for one of the numbers, and wrong attempts whose first wrong step is known.
"""

import random
from dataclasses import dataclass, replace
from fractions import Fraction

from redraft.store.digest import digest

Ref = tuple[str, int]  # ("n", i) is the i-th number of the question; ("s", j) is the result of the j-th step


@dataclass(frozen=True, slots=True)
class Equation:
    """One step: the operation `left sign right`. `note` is the step's sentence; `{e}` in it stands for the equation."""

    left: Ref
    sign: str  # "+", "-", "*" or "/"
    right: Ref
    note: str

    def work(self, left: int, right: int) -> int | None:
        """Returns the result, or None if the result is negative or not a whole number."""
        return calculate(left, self.sign, right)


def calculate(left: int, sign: str, right: int) -> int | None:
    if sign == "/":
        return left // right if right and left % right == 0 else None
    result = {"+": left + right, "-": left - right, "*": left * right}[sign]
    return result if result >= 0 else None


@dataclass(frozen=True, slots=True)
class Story:
    """A word problem as data. `says` has the wordings of each sentence. In a wording, `{0}` stands for the first number
    of the question and `{1}` for the second."""

    family: str
    level: int
    numbers: tuple[int, ...]
    equations: tuple[Equation, ...]
    says: tuple[tuple[str, ...], ...]
    asks: tuple[str, ...]
    wording: tuple[int, ...]  # the index of the wording that each sentence uses; the last index is the question's

    @property
    def results(self) -> tuple[int, ...]:
        """Returns the result of each step."""
        results: list[int] = []
        for equation in self.equations:
            left, right = (self.value(ref, results) for ref in (equation.left, equation.right))
            result = equation.work(left, right)
            if result is None:
                raise ValueError(f"{left}{equation.sign}{right} is no whole number from 0 on")
            results.append(result)
        return tuple(results)

    def value(self, ref: Ref, results: list[int] | tuple[int, ...]) -> int:
        return self.numbers[ref[1]] if ref[0] == "n" else results[ref[1]]

    @property
    def answer(self) -> int:
        return self.results[-1]

    @property
    def split(self) -> str:
        """Returns the split: `heldout` for one story in ten, by a hash, else `train`. The hash is of the family, the
        equations and the numbers, so a rephrased story has the same split."""
        structure = [(e.left, e.sign, e.right) for e in self.equations]
        return "heldout" if int(digest("split", self.family, structure, self.numbers), 16) % 10 == 0 else "train"

    def facts(self, shown: tuple[object, ...] | None = None) -> str:
        """Returns the sentences before the question. `shown` has values to show instead of the numbers."""
        shown = self.numbers if shown is None else shown
        return " ".join(say[w].format(*shown) for say, w in zip(self.says, self.wording, strict=False))

    @property
    def question(self) -> str:
        return f"{self.facts()} {self.asks[self.wording[-1]]}"

    def lines(self) -> list[str]:
        """Returns the lines of the solution, one for each step, without the last line, which states the answer."""
        results = self.results
        return [
            tell(e, self.value(e.left, results), self.value(e.right, results), results[j])
            for j, e in enumerate(self.equations)
        ]

    @property
    def solution(self) -> str:
        return state(self.lines(), self.answer)

    @property
    def program(self) -> str:
        """Returns a Python program that assigns the result to `answer`."""
        names = {("n", i): str(number) for i, number in enumerate(self.numbers)}
        lines = []
        for j, e in enumerate(self.equations):
            names["s", j] = "answer" if j == len(self.equations) - 1 else "abcdefgh"[j]
            sign = "//" if e.sign == "/" else e.sign
            lines.append(f"{names['s', j]} = {names[e.left]} {sign} {names[e.right]}")
        return "\n".join(lines)

    def rephrase(self, rng: random.Random) -> "Story":
        """Returns the same problem with another wording of every sentence."""
        sizes = [*(len(say) for say in self.says), len(self.asks)]
        moved = tuple((w + rng.randrange(1, size)) % size for w, size in zip(self.wording, sizes, strict=True))
        return replace(self, wording=moved)


def tell(equation: Equation, left: int, right: int, result: int) -> str:
    return equation.note.format(e=f"{left}{equation.sign}{right}={result}")


def state(lines: list[str], answer: int | Fraction) -> str:
    """Returns a complete solution: its lines, then a line with the answer in GSM8K's format, such as `#### 18`."""
    return "\n".join([*lines, f"#### {answer}"])
