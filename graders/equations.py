"""Plain equations in a text, such as 5*9=45, and whether they hold: the one check that needs no model and no key."""

import re
from collections.abc import Iterator
from fractions import Fraction


def equations(text: str) -> Iterator[tuple[str, bool]]:
    """Each `number sign number = number` in the text, as written, and whether it holds exactly. What is part of a
    longer expression is passed over."""
    for match in EQUATION.finditer(text):
        before, after = text[: match.start()].rstrip(), text[match.end() :].lstrip()
        if not before.endswith(SIGNS) and not after.startswith(SIGNS):
            yield match[0], _holds(*match.groups())


def _holds(left: str, sign: str, right: str, result: str) -> bool:
    a, b, c = (Fraction(number.replace(",", "")) for number in (left, right, result))
    if sign in "/÷":
        return b != 0 and a == b * c
    return {"+": a + b, "-": a - b, "−": a - b}.get(sign, a * b) == c


SIGNS = tuple("+-*/×÷−^=(")
NUMBER = r"(\d+(?:,\d{3})*(?:\.\d+)?)"
EQUATION = re.compile(rf"(?<![\w.]){NUMBER}\s*([-+*/×÷−])\s*{NUMBER}\s*=\s*(-?{NUMBER[1:]}(?![\d.]*\d)")
