"""Builders of ways. A way is a function that converts a gold to another text, or returns None if it does not apply."""

import re
from collections.abc import Callable
from fractions import Fraction

from pairs.latex import Gold

Way = Callable[[Gold], str | None]
Text = Callable[[str], str | None]
QUOTED = re.compile(r"(\\(?:text|mbox|mathrm)\{[^{}]*\})")
SPECIAL = re.compile(r"(?<!\\)\$|\d[eE][-+]?\d|\\!\s*\d*,|, *\\!")
"""Matches texts with several formulas, floating-point numbers, or digits that are grouped in an unusual way."""
FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")


def typeset(change: Callable[[str], str]) -> Way:
    """Returns a way that applies a change outside of quoted words, to all mathematics that is not words."""

    def way(gold: Gold) -> str | None:
        if gold.form in ("words", "letter", "other") or SPECIAL.search(gold.text):
            return None
        return "".join(part if QUOTED.fullmatch(part) else change(part) for part in QUOTED.split(gold.text))

    return way


def swap(pattern: str, spelling: str | Callable[[re.Match[str]], str]) -> Way:
    return typeset(lambda text: re.sub(pattern, spelling, text))


def unless(pattern: str, way: Way) -> Way:
    """Returns a way for golds whose texts do not match a pattern."""
    return lambda gold: None if re.search(pattern, gold.text) else way(gold)


def around(spelling: str, *forms: str) -> Way:
    """Returns a way that inserts the gold into another text in place of `%s`."""
    return lambda gold: spelling.replace("%s", gold.text) if not forms or gold.form in forms else None


def fractions(spelling: str) -> Way:
    """Returns a way that writes fractions whose parts have no braces in another form. Mixed numbers are not changed."""

    def change(match: re.Match[str]) -> str:
        top, bottom = match[1] or match[2], match[3] or match[4]
        return spelling.replace("TOP", top).replace("BOTTOM", bottom)

    return typeset(lambda text: text if re.search(r"[A-Za-z\d]\s*\\[dtc]?frac", text) else FRACTION.sub(change, text))


def roots(spelling: str) -> Way:
    return swap(r"\\sqrt\s*(?:\{([^{}]*)\}|(\d))", lambda match: spelling.replace("RADICAND", match[1] or match[2]))


def number(spelling: Text) -> Way:
    """Returns a way that spells a plain number differently, between its currency and its unit."""

    def way(gold: Gold) -> str | None:
        other = spelling(gold.number) if gold.number else None
        return None if other is None else gold.text.replace(gold.body, other, 1)

    return way


def whole(spelling: Callable[[int], str | None]) -> Way:
    return number(lambda digits: None if "." in digits else spelling(int(digits)))


def grouped(mark: str) -> Way:
    """Returns a way that writes an integer, or the integer part of a decimal, with a mark between groups of three
    digits."""

    def spelling(digits: str) -> str | None:
        start, dot, decimals = digits.partition(".")
        parts = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", lambda _: mark, start)
        return None if parts == start else parts + dot + decimals

    return number(spelling)


def ratio(spelling: Callable[[Fraction, int, int], str | None]) -> Way:
    """Returns a way for a gold that is one fraction of integers. `spelling` gets its value, numerator and
    denominator."""

    def way(gold: Gold) -> str | None:
        match = re.fullmatch(rf"(-?)\s*{FRACTION.pattern}", gold.body)
        parts = (match[2] or match[3], match[4] or match[5]) if match else ("", "")
        if not match or not all(part.isdecimal() for part in parts) or not int(parts[1]):
            return None
        top, bottom = int(match[1] + parts[0]), int(parts[1])
        other = spelling(Fraction(top, bottom), top, bottom)
        return None if other is None else gold.text.replace(gold.body, other, 1)

    return way


def listed(spelling: Callable[[list[str]], str | None], *forms: str) -> Way:
    """Returns a way that writes the elements differently, inside the same brackets."""

    def way(gold: Gold) -> str | None:
        inner = spelling(gold.elements) if gold.form in forms else None
        opening, closing = gold.brackets or ("", "")
        return None if inner is None else f"{opening}{inner}{closing}"

    return way


def unit(spelling: Callable[[str, str], str | None]) -> Way:
    """Returns a way that spells a unit in words. `spelling` gets the unit and its power."""

    def way(gold: Gold) -> str | None:
        if not gold.unit or not gold.unit["word"]:
            return None
        other = spelling(gold.unit["word"].strip(), gold.unit["power"] or "")
        return None if other is None else gold.text[: gold.unit.start()] + other

    return way


def degrees(spelling: str) -> Way:
    return lambda gold: gold.body + spelling if gold.unit and gold.unit["degrees"] else None


def percent(spelling: Callable[[Fraction], str]) -> Way:
    return lambda gold: spelling(Fraction(gold.number)) if gold.number and gold.unit and gold.unit["percent"] else None


def words(spelling: str, change: Callable[[str], str] = str) -> Way:
    """Returns a way that inserts a gold of words into another text in place of `%s`."""

    def way(gold: Gold) -> str | None:
        match = re.fullmatch(r"\\text\{([^{}]*)\}|([A-Za-z' -]+)", gold.text) if gold.form == "words" else None
        return spelling.replace("%s", change((match[1] or match[2]).strip())) if match else None

    return way


def part(form: str, spelling: Callable[[Gold], str | None]) -> Way:
    """Returns a way for golds of one form."""
    return lambda gold: spelling(gold) if gold.form == form else None
