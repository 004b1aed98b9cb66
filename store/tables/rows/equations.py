"""Finds plain equations in a text, such as 5*9=45, and checks whether they are true. The check needs no model and no
key."""

import re
import unicodedata
from collections.abc import Iterator
from fractions import Fraction


def equations(text: str) -> Iterator[tuple[str, bool]]:
    """Yields a pair for each equation `number sign number = number` in the text: the equation as written, and whether
    it is true. An equation is also true if it is correct up to the last decimal of its result (10/3=3.33).
    `number=number`, as in 6=2, counts too if it is written without spaces. Parts of a longer expression, of a mixed
    number (1 1/2 = 1.5) or of a time are left out."""
    for match in EQUATION.finditer(text):
        start, end = match.span()
        before = text[max(0, start - AROUND) : start].rpartition("\n")[2]
        after = text[end : end + AROUND].partition("\n")[0]
        if not _is_part(match[2], before, after):
            yield match[0], _holds(*match.groups())


def signature(text: str) -> tuple[str, ...]:
    """Returns the distinct equations of a solution in order, including long ones. The spelling is unified: spaces,
    words, currencies and thousands separators are removed, so two solutions that differ only in wording have the same
    signature. A text without equations has an empty signature. RFT distinguishes solutions by such lists of equations
    (Yuan et al. 2023, arXiv 2308.01825). The equations are not evaluated."""
    lines = unicodedata.normalize("NFKC", text).splitlines()
    plain = "\n".join([line for line in lines if "=" in line])  # no pattern goes beyond its line
    for signs, pattern, spelling in SPELLINGS:
        if any(sign in plain for sign in signs):
            plain = pattern.sub(spelling, plain)
    found = (_closed(part.replace(" ", "")) for part in ARITHMETIC.findall(plain) if "=" in part)
    return tuple(dict.fromkeys(equation for equation in found if WORKED.search(equation) and "==" not in equation))


def _is_part(sign: str | None, before: str, after: str) -> bool:
    """Returns whether an equation is part of a longer expression, judged by the text around it on its line."""
    if sign is None and after[:1].isalpha():  # 6=3Y
        return True
    if sign == "/" and MIXED.search(before):
        return True
    if before and before.rstrip(" \t$")[-1:] in LAST and GOES_BEFORE.search(BULLET.sub("", before)):
        return True
    return GOES_ON.match(after) is not None


def _closed(equation: str) -> str:
    """Returns an equation without an equals sign or a full stop at its ends, and without brackets around all of it."""
    bare = equation.lstrip("=").rstrip("=.")
    if bare.count("(") == bare.count(")") and not ENCLOSED.fullmatch(bare):
        return bare
    return bare.strip("()").rstrip("=.")


def _holds(left: str, sign: str | None, right: str | None, result: str) -> bool:
    number = Fraction if "." in f"{left}{right}{result}" else int  # whole numbers are ten times faster
    a, b, c = (number((text or "0").replace(",", "")) for text in (left, right, result))
    if sign is None:
        return a == c
    if sign in "/÷":
        if b == 0:
            return False
        exact = Fraction(a, b)
    else:
        exact = {"+": a + b, "-": a - b, "−": a - b}.get(sign, a * b)
    decimals = len(result.partition(".")[2])
    return exact == c or (decimals > 0 and abs(exact - c) < Fraction(1, 10**decimals))


NUMBER = r"(\d+(?:,\d{3})*(?:\.\d+)?)"
EQUATION = re.compile(rf"(?<![\w.]){NUMBER}(?:\s*([-+*/×÷−])\s*{NUMBER}\s*=\s*|=)(-?{NUMBER[1:]}(?![\d.]*\d)")
BULLET = re.compile(r"^\s*[-*+]\s+$")
MIXED = re.compile(r"(?:^|[^=\d.,\s]) *\d+(?: +and)? +$")
"""Matches the text before the fraction of a mixed number, or before a space that separates thousands."""
GOES_BEFORE = re.compile(r"(?:[-+*/×÷−^=(√]|\d *[xX]|\([^()]*\)|\d:)[ \t$]*$")
GOES_ON = re.compile(
    r"[ \t]*(?:[-+*/×÷−^=(%]|and \(?\d+/\d+(?!\d| *=)|[xX] *\d|\\?p?mod\b)|[ \t]+\d|:\d|\.\.|[A-Za-z][ \t]*[-+*/=]"
)
"""GOES_BEFORE and GOES_ON match the text before and after a part of a longer expression: a sign, a factor, the hour of
a time, a fraction."""
LAST = "-+*/×÷−^=(√xX):"  # the characters that GOES_BEFORE ends with, apart from blanks
AROUND = 64  # characters that are read on each side of an equation

SPELLINGS = [
    (signs, re.compile(pattern), spelling)
    for signs, pattern, spelling in (
        ("\\×·∗xX", r"\\(?:times|cdot)\b|[×·∗]|[xX](?<=\d[xX])(?=\d)", "*"),
        ("\\÷", r"\\div\b|÷", "/"),
        ("\\", r"\\[\[\]()]", " "),
        ("\\", r"\\d?frac\{(\d+)\}\{(\d+)\}", r"(\1/\2)"),
        ("−–", "[−–]", "-"),
        ("*", r"\*\*", "^"),
        ("\\$€£%", r"\\[$%]|[$€£%]", ""),
        (",", r",(?<=\d,)(?=\d{3}(?!\d))", ""),
        (".", r"(\.\d*?)0+(?!\d)", r"\1"),
        (".", r"\.(?<=\d\.)(?!\d)", " "),
        (" ", r" (?<=\d ) *(?:[^\W\d_]+ ){1,3}?(?=(?:[-+*/=]|[xX] ) *[(\d=])", " "),
        ("xX", r" (?<=\d ) *[xX] +(?=\d)", "*"),
        (" ", r" (?<=\d ) *(?=\d)", ","),
    )
]
"""Triples that unify the spelling of equations: characters, a pattern and its replacement. The pattern is only searched
for in texts that have one of the characters. It begins with a literal, because that is several times faster than a
lookbehind. Units of up to three words between a number and an operator are removed."""
ARITHMETIC = re.compile(r"[\d(=.][\d .()*/+=^-]*")
ENCLOSED = re.compile(r"\([^()]*=[^()]*\)")
WORKED = re.compile(r"[\d)][-+*/^]\(?[\d.(].*=-?[\d.]")
