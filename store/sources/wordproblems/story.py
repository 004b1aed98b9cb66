"""A word problem as a small program: numbers, equations over them, and the sentences that tell it.

All that redraft makes of a problem follows from this one value: its question in several wordings, its solution, the
inverse question that asks for a number instead, wrong attempts whose first wrong step is known, and a program.
"""

import random
from dataclasses import dataclass, replace
from fractions import Fraction

from redraft.store.digest import digest

Ref = tuple[str, int]  # ("n", i): the i-th number of the question; ("s", j): the result of the j-th step


@dataclass(frozen=True, slots=True)
class Equation:
    """`left sign right`, told by `note`, in which `{e}` stands for the worked equation."""

    left: Ref
    sign: str  # "+", "-", "*" or "/"
    right: Ref
    note: str

    def work(self, left: int, right: int) -> int | None:
        """The result, or None where it is no whole number from 0 on."""
        return calculate(left, self.sign, right)


def calculate(left: int, sign: str, right: int) -> int | None:
    if sign == "/":
        return left // right if right and left % right == 0 else None
    result = {"+": left + right, "-": left - right, "*": left * right}[sign]
    return result if result >= 0 else None


@dataclass(frozen=True, slots=True)
class Story:
    """`says` holds, for each sentence, its wordings; in them `{0}` is the first number of the question, and so on."""

    family: str
    level: int
    numbers: tuple[int, ...]
    equations: tuple[Equation, ...]
    says: tuple[tuple[str, ...], ...]
    asks: tuple[str, ...]
    wording: tuple[int, ...]  # which wording of each sentence, then of the question

    @property
    def results(self) -> tuple[int, ...]:
        """The value of each step."""
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
        """One in ten is held out, by a hash of family, structure and numbers: a rephrasing stays on its side."""
        structure = [(e.left, e.sign, e.right) for e in self.equations]
        return "heldout" if int(digest("split", self.family, structure, self.numbers), 16) % 10 == 0 else "train"

    def facts(self, shown: tuple[object, ...] | None = None) -> str:
        """The sentences without the question."""
        shown = self.numbers if shown is None else shown
        return " ".join(say[w].format(*shown) for say, w in zip(self.says, self.wording, strict=False))

    @property
    def question(self) -> str:
        return f"{self.facts()} {self.asks[self.wording[-1]]}"

    def lines(self) -> list[str]:
        """The solution, a line a step, without the last line that states the answer."""
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
        """A few lines of Python that leave the result in `answer`."""
        names = {("n", i): str(number) for i, number in enumerate(self.numbers)}
        lines = []
        for j, e in enumerate(self.equations):
            names["s", j] = "answer" if j == len(self.equations) - 1 else "abcdefgh"[j]
            sign = "//" if e.sign == "/" else e.sign
            lines.append(f"{names['s', j]} = {names[e.left]} {sign} {names[e.right]}")
        return "\n".join(lines)

    def rephrase(self, rng: random.Random) -> "Story":
        """The same problem, with every sentence worded in another way."""
        sizes = [*(len(say) for say in self.says), len(self.asks)]
        moved = tuple((w + rng.randrange(1, size)) % size for w, size in zip(self.wording, sizes, strict=True))
        return replace(self, wording=moved)


def tell(equation: Equation, left: int, right: int, result: int) -> str:
    return equation.note.format(e=f"{left}{equation.sign}{right}={result}")


def state(lines: list[str], answer: int | Fraction) -> str:
    """A whole solution: its lines, then the answer in GSM8K's form."""
    return "\n".join([*lines, f"#### {answer}"])
