"""Spells mathematical characters that are on no keyboard, such as ², as LaTeX does."""

import re
from functools import partial

LONGEST = 20_000  # characters
LAST = 1000
SMALL = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ₀₁₂₃₄₅₆₇₈₉", "0123456789+-()n0123456789")
RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ]+")
LOWERED = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) not in "，．：；！？"}
WIDE_COMMA = re.compile(r"(?<=\d)，(?=[-−\d])")
WIDE_POINT = re.compile(r"(?<=\d)．(?=\d)")
SPACED = re.compile(r"(?<!\\)\$([^$\n]{1,1000})(?<!\\)\$")
TYPESET = re.compile(r"[\\^_{}]")
POWER = re.compile(r"\*\*(?<=[\w)\]}]\*\*)(?=[\w({\\-])")
BASE = re.compile(r"(?:\\[A-Za-z]+|(?<![A-Za-z])[A-Za-z]|[\d)\]}])\Z")
LONGEST_BASE = 20
DOUBLED = re.compile(
    r"\\\\(?<!\\\\\\)(?=(?:[dt]?frac|sqrt|boxed|text|left|right|cdot|times|pi|infty|theta|sin|cos|tan|log|ln|circ|leq?|geq?|pm|begin"
    r"|end|math[a-z]{2})(?![a-z]))"
)
"""The backslash of a command that was escaped twice; two backslashes before other letters break a row."""
WIDE_ANY = re.compile("[\uff01-\uff5e]")
ANY = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ₀₁₂₃₄₅₆₇₈₉\uff01-\uff5e]")
"""Most texts have none of these characters, and this tells so fast."""


def keyboard(text: str) -> str:
    """A text whose raised, lowered and full-width characters are those of a keyboard: x² is x^{2}, （３，４） is (3,4).
    A command that was escaped twice has one backslash. Python's sign of a power is LaTeX's, so that it is no mark of
    bold type: a**2 is a^2. Only the end of a long text is changed, where its answer is."""
    if len(text) <= LONGEST:
        return _changed(text)
    start = len(text) - LONGEST
    return text[:start] + _changed(text[start:])


def _changed(text: str) -> str:
    if ("\\" in text or "^" in text) and (" $" in text[-LAST:] or "$ " in text[-LAST:]):
        text = text[:-LAST] + SPACED.sub(_tight, text[-LAST:])
    if "**" in text:
        text = POWER.sub(_power, text)
    if r"\\" in text:
        text = DOUBLED.sub(r"\\", text)
    if text.isascii() or not ANY.search(text):
        return text
    text = LOWERED.sub(partial(_small, "_", ""), RAISED.sub(partial(_small, "^", ")]}"), text))
    if not WIDE_ANY.search(text):
        return text
    return WIDE_POINT.sub(".", WIDE_COMMA.sub(",", text.translate(WIDE)))


def _small(sign: str, brackets: str, match: re.Match[str]) -> str:
    """Raised or lowered characters in LaTeX, if they stand at something."""
    before = match.string[max(0, match.start() - 1) : match.start()]
    stands = before and (before.isalnum() or before == "_" or before in brackets)
    return f"{sign}{{{match[0].translate(SMALL)}}}" if stands else match[0]


def _power(sign: re.Match[str]) -> str:
    before = sign.string[max(0, sign.start() - LONGEST_BASE) : sign.start()]
    return "^" if BASE.search(before) else sign[0]


def _tight(formula: re.Match[str]) -> str:
    """A formula without spaces inside its dollar signs. Prices are left as they are: "$5 and $6"."""
    return f"${formula[1].strip()}$" if TYPESET.search(formula[1]) else formula[0]
