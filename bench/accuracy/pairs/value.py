"""Computes the value of a LaTeX expression at a point with a small strict parser, to check that the generated pairs are
correct.

It shares no code with redraft or Math-Verify, and rejects every expression that it does not parse completely.
"""

import cmath
import math
import re
from collections.abc import Callable, Sequence

TOKEN = re.compile(r"\\[A-Za-z]+|\\[,!;: ]|\d+(?:\.\d+)?|\.\d+|\s+|.", re.DOTALL)
GROUPS = re.compile(r"(?<=\d)(?:,\\!\s?|\{,\}|\\,|,)(?=\d{3}(?!\d))")
WORD = re.compile(r"(?<![A-Za-z\\])(?:[A-Za-z]{3,}|pi)(?![A-Za-z])|\d\s+\d|[^\x00-\x7f]")
"""Matches text that can't be an unknown: a word, digits with a space between them, non-ASCII characters."""

FUNCTIONS: dict[str, Callable[[complex], complex]] = {
    r"\sin": cmath.sin, r"\cos": cmath.cos, r"\tan": cmath.tan, r"\ln": cmath.log, r"\log": cmath.log10,
    r"\cot": lambda x: 1 / cmath.tan(x), r"\arctan": cmath.atan,
}  # fmt: skip
PRODUCTS = {"*", r"\cdot", r"\times"}


def value(text: str, point: int = 0) -> complex | None:
    """Returns the value of an expression. Each unknown has a number that depends on `point`. Returns None if the text
    is not parsed completely."""
    if WORD.search(text):
        return None
    tokens = [
        token
        for token in TOKEN.findall(GROUPS.sub("", text))
        if not re.fullmatch(r"\s+|\\[,!;: ]|\\(?:left|right)", token)
    ]
    try:
        reader = _Reader(tokens, point)
        found = reader.sum()
        return found if reader.next == "" else None
    except (ValueError, ArithmeticError, IndexError, RecursionError):
        return None


def equal(one: str, two: str) -> bool | None:
    """Returns True if two expressions have the same value at three points, False if not, and None if one of them can't
    be parsed."""
    pairs = [(value(one, point), value(two, point)) for point in range(3)]
    if any(a is None or b is None for a, b in pairs):
        return None
    return all(abs(a - b) <= 1e-12 * max(abs(a), abs(b)) for a, b in pairs if a is not None and b is not None)


class _Reader:
    def __init__(self, tokens: Sequence[str], point: int) -> None:
        self.tokens, self.point, self.place = tokens, point, 0

    @property
    def next(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.tokens[self.place]
        if expected and token != expected:
            raise ValueError(token)
        self.place += 1
        return token

    def sum(self) -> complex:
        total = self.product()
        while self.next in ("+", "-"):
            total = total + self.product() if self.take() == "+" else total - self.product()
        return total

    def product(self) -> complex:
        sign = -1 if self.next == "-" else 1
        if self.next in ("-", "+"):
            self.take()
        total = self.power()
        while self.next and self.next not in {"+", "-", ")", "}", "]", ","}:
            if self.next == "/":
                self.take()
                total /= self.power()
            else:
                if self.next in PRODUCTS:
                    self.take()
                total *= self.power()
        return sign * total

    def power(self) -> complex:
        base = self.atom()
        if self.next != "^":
            return base
        self.take()
        return base ** self.argument()

    def atom(self) -> complex:
        token = self.take()
        if re.fullmatch(r"\d+(\.\d+)?|\.\d+", token):
            return float(token) + (self.atom() if self._mixed(token) else 0)
        if token in "({":
            inside = self.sum()
            self.take({"(": ")", "{": "}"}[token])
            return inside
        if re.fullmatch(r"\\[dtc]?frac", token):
            return self.argument() / self.argument()
        if token == r"\sqrt":
            root = 2.0 + 0j
            if self.next == "[":
                self.take()
                root = self.sum()
                self.take("]")
            return self.argument() ** (1 / root)
        if token in FUNCTIONS:
            return FUNCTIONS[token](self.power())
        if token in (r"\pi", "e", "i"):
            return {r"\pi": math.pi, "e": math.e, "i": 1j}[token]
        if re.fullmatch(r"[A-Za-z]", token):
            return math.sqrt(ord(token) * 1.37 + 0.61 * self.point) / 3
        raise ValueError(token)

    def argument(self) -> complex:
        """Returns the expression in braces, or the next digit, letter or command."""
        if self.next.isdigit() and len(self.next) > 1:
            token = self.take()
            self.place -= 1
            self.tokens = [*self.tokens[: self.place], token[0], token[1:], *self.tokens[self.place + 1 :]]
        if self.next == "-":
            self.take()
            return -self.atom()
        return self.atom()

    def _mixed(self, token: str) -> bool:
        """Returns True if a number is the integer part of a mixed number, as in 1\\frac{2}{3}."""
        rest = "".join(self.tokens[self.place : self.place + 8])
        return token.isdigit() and bool(re.match(r"\\[dtc]?frac(\{\d+\}\{\d+\}|\d\d|\d+\{\d+\})", rest))
