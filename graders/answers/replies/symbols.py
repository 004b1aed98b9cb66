"""Replaces mathematical characters that keyboards lack, such as ², by LaTeX."""

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
"""Matches the doubled backslash of a command that was escaped twice. Before other letters, it breaks a row."""
WIDE_ANY = re.compile("[\uff01-\uff5e]")
ANY = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ₀₁₂₃₄₅₆₇₈₉\uff01-\uff5e]")
"""A fast check, since most texts have none of these characters."""


def keyboard(text: str) -> str:
    """Returns a text with superscript, subscript and full-width characters replaced by ASCII.

    x² becomes x^{2}, and （３，４） becomes (3,4). The doubled backslash of a command that was escaped twice becomes a
    single one. Python's power operator becomes LaTeX's, so that it is not taken for bold type: a**2 becomes a^2. Only
    the last LONGEST characters of a long text are changed, because its answer is there.
    """
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
    """Returns superscript or subscript characters as LaTeX, if they follow a base."""
    before = match.string[max(0, match.start() - 1) : match.start()]
    stands = before and (before.isalnum() or before == "_" or before in brackets)
    return f"{sign}{{{match[0].translate(SMALL)}}}" if stands else match[0]


def _power(sign: re.Match[str]) -> str:
    before = sign.string[max(0, sign.start() - LONGEST_BASE) : sign.start()]
    return "^" if BASE.search(before) else sign[0]


def _tight(formula: re.Match[str]) -> str:
    """Returns a formula without spaces directly inside its dollar signs. Prices are not changed: "$5 and $6"."""
    return f"${formula[1].strip()}$" if TYPESET.search(formula[1]) else formula[0]
