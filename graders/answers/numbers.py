"""Reads an answer that is a single plain number, exactly, without floats or sympy, in bounded time."""

import re
from dataclasses import dataclass
from fractions import Fraction

from redraft.graders.answers.mathematics.units import measure
from redraft.graders.answers.normalize import bare


@dataclass(frozen=True, slots=True)
class Plain:
    """A rational number. `percent` says whether a percent sign was written; `value` does not include it. `name` is the
    unknown whose value the number is ("x" in "x = 3"). `unit` is the unit after the number ("cm")."""

    value: Fraction
    percent: bool = False
    name: str = ""
    unit: str = ""


def plain(answer: str) -> Plain | None:
    """Returns the number if an answer is a single plain number, otherwise None.

    Reads integers, decimals, fractions, mixed numbers, powers and scientific notation in plain and LaTeX notation. The
    number may have thousands separators, a currency, degrees, a unit ("12 cm" is 12), a scale word ("1.5 million"), or
    the form "x = 3".
    """
    if len(answer) > MAX_LENGTH:
        return None
    if is_whole(answer):
        return Plain(Fraction(int(answer)))
    if not ANY_DIGIT.search(answer):
        return None
    name, text = named(bare(answer))
    match = NUMBER.match(text)
    tail = TAIL.fullmatch(text, match.end()) if match else None
    if not match or not tail:
        return None
    unit = UNIT_MARKS.sub(" ", tail["unit"]).strip() if tail["unit"] else ""
    if (
        unit
        and (len(unit) == 1 or not measure(unit))
        and not (len(unit) == 1 and "\\" in tail["unit"] and measure(unit))
    ):
        return None
    value = _value(match)
    if value is None:
        return None
    negative = (match["sign"] == "-") != (match["sign2"] == "-")
    scale = SCALES.get((tail["scale"] or "").lower(), 1)
    return Plain(
        (-value if negative else value) * scale,
        bool(tail["percent"]),
        name,
        unit or match["currency"] or _degrees(answer),
    )


def is_whole(answer: str) -> bool:
    """Returns whether an answer consists only of digits, as most answers do."""
    return answer.isdigit() and answer.isascii() and len(answer) <= MAX_LENGTH


def named(text: str) -> tuple[str, str]:
    """Splits "x = 3" into the pair ("x", "3"). The name is "" if there is none."""
    match = NAMED.match(text)
    return (match[1].replace(" ", ""), match[2].strip()) if match else ("", text)


def same_number(gold: Plain, given: Plain, error: Fraction = Fraction(0)) -> bool:
    """Returns whether two numbers are equal, by the conventions of graders in this field. Equality is exact, except
    that 50% equals both 0.5 and 50, because a question for a percentage may be answered in either way. x = 3 equals 3,
    but not y = 3. The values may differ by up to `error`."""
    if gold.name and given.name and gold.name != given.name:
        return False
    if gold.value == given.value or (error and abs(gold.value - given.value) <= error):
        return True
    if gold.percent == given.percent:
        return False
    if given.percent:
        return abs(gold.value - given.value / 100) <= error
    return abs(gold.value - given.value * 100) <= error


def rounding_error(value: Fraction, decimals: int) -> Fraction:
    """Returns how much the exact value may differ from a decimal with `decimals` digits after its point. A decimal with
    15 to 17 digits, such as 0.14285714285714285 for 1/7, is a printed double, so it is accurate to one unit of its 15th
    digit. Any other decimal is exact, and the result is 0."""
    digits = len(str(abs(value.numerator) * 10**decimals // value.denominator)) if 0 <= decimals <= MAX_LENGTH else 0
    if digits not in DOUBLE_DIGITS:
        return EXACT
    return Fraction(10) ** (digits - DOUBLE_DIGITS[0] - decimals)


def plain_error(gold: str, value: Fraction) -> Fraction:
    """Returns the `rounding_error` of a key that is a plain number."""
    match = DECIMAL.search(gold) if len(gold) > DOUBLE_DIGITS[0] else None
    return rounding_error(value, len(match["places"]) - int(match["e"] or 0)) if match else EXACT


def _degrees(answer: str) -> str:
    return "°" if "°" in answer or "\\circ" in answer or "\\degree" in answer else ""


def _value(match: re.Match[str]) -> Fraction | None:
    if match["whole"] or match["whole2"]:
        whole, top, bottom = (
            match.group("whole", "mixed_top", "mixed_bottom")
            if match["whole"]
            else match.group("whole2", "mixed_top2", "mixed_bottom2")
        )
        part = _ratio(top, bottom)
        return None if part is None else _decimal(whole) + part
    if match["top"]:
        return _ratio(match["top"], match["bottom"])
    if match["over"]:
        return _ratio(match["over"], match["under"])
    if match["base"]:
        return _power(_decimal(match["base"]), int(match["exponent"]))
    scale = _power(Fraction(10), int(match["ten"] or match["e"] or 0))
    return None if scale is None else _decimal(match["decimal"]) * scale


def _decimal(text: str) -> Fraction:
    return Fraction(text.replace(",", "").replace(" ", ""))


def _ratio(top: str, bottom: str) -> Fraction | None:
    under = _decimal(bottom)
    return _decimal(top) / under if under else None


def _power(base: Fraction, exponent: int) -> Fraction | None:
    size = max(len(str(base.numerator)), len(str(base.denominator))) * abs(exponent)
    return base**exponent if size <= MAX_DIGITS and (base or exponent > 0) else None


MAX_LENGTH = 2000  # characters; a longer text is not a plain number, and int() rejects 4,300 digits
DOUBLE_DIGITS = range(15, 18)  # digits of a double that is printed in full
EXACT = Fraction(0)
DECIMAL = re.compile(r"\d\.(?P<places>\d+)(?:[eE](?P<e>[-+]?\d{1,3}))?(?![\d.])")
MAX_DIGITS = 1000  # digits of the result of a power

_DECIMAL = r"(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+)"
_SIGNED = rf"\s*[-+]?\s*{_DECIMAL}\s*"

ANY_DIGIT = re.compile(r"[0-9½¼¾]")
NUMBER = re.compile(
    rf"""(?P<sign>[-+]?)\s*(?P<currency>\$|€|£)?\s*(?P<sign2>[-+]?)\s*(?:
      (?P<whole>\d+)\s*\\frac\{{\s*(?P<mixed_top>\d+)\s*\}}\{{\s*(?P<mixed_bottom>\d+)\s*\}}
    | (?P<whole2>\d+)\s+(?P<mixed_top2>\d+)\s*/\s*(?P<mixed_bottom2>\d+)
    | \\frac\{{(?P<top>{_SIGNED})\}}\{{(?P<bottom>{_SIGNED})\}}
    | (?P<over>{_DECIMAL})\s*/\s*(?P<under>{_DECIMAL})
    | (?P<base>{_DECIMAL})\s*\^\s*\{{?\s*(?P<exponent>-?\d{{1,4}})\s*\}}?
    | (?P<decimal>{_DECIMAL})(?:
        [eE](?P<e>[-+]?\d{{1,3}})
      | \s*(?:\\times|\\cdot|\*|x)\s*10\s*\^\s*\{{?\s*(?P<ten>[-+]?\d{{1,3}})\s*\}}?)?
    )""",
    re.VERBOSE,
)
TAIL = re.compile(
    r"""\s*(?:(?P<percent>%|\\text\s*\{\s*(?:percent|%)\s*\}|percent\b)
    | (?:\\text\s*\{)?\s*(?P<scale>hundred|thousand|million|billion|trillion)s?\b\s*\}?)?
    \s*(?P<unit>\\text\s*\{[A-Za-z ./^23-]*\}(?:\s*\^\s*\{?\d\}?)?
    | (?:[A-Za-z][A-Za-z.'-]*(?:/[a-z]+)?(?:\^\{?[23]\}?)?\s*){1,4})?""",
    re.VERBOSE | re.IGNORECASE,
)
NAMED = re.compile(r"(\\?[A-Za-z]+(?:\s*_\s*(?:\w|\{\w+\}))?(?:\([a-z]\))?)\s*=\s*([^=]+)$")
UNIT_MARKS = re.compile(r"\\text\s*\{|[{}]|\s+")
SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
