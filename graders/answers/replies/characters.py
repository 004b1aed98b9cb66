"""Characters of mathematics that a keyboard has not, in the spelling of LaTeX."""

import re

LONGEST = 20_000  # characters
SMALL = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ₀₁₂₃₄₅₆₇₈₉", "0123456789+-()n0123456789")
RAISED = re.compile(r"(?<=[\w)}\]])[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ]+")
LOWERED = re.compile(r"(?<=\w)[₀₁₂₃₄₅₆₇₈₉]+")
WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) not in "，．：；！？"}
WIDE_COMMA = re.compile(r"(?<=\d)，(?=[-−\d])")
WIDE_POINT = re.compile(r"(?<=\d)．(?=\d)")
POWER = re.compile(r"(\\[A-Za-z]+|(?<![A-Za-z])[A-Za-z]|[\d)\]}])\*\*(?=[\w({\\-])")


def keyboard(text: str) -> str:
    """A text whose raised, lowered and full-width characters are those of a keyboard: x² is x^{2}, （３，４） is (3,4).
    Python's sign of a power is LaTeX's, so that it is no mark of bold type: a**2 is a^2. Only the end of a long text is
    changed, where its answer is."""
    start = max(len(text) - LONGEST, 0)
    return text[:start] + _changed(text[start:])


def _changed(text: str) -> str:
    if "**" in text:
        text = POWER.sub(r"\1^", text)
    if text.isascii():
        return text
    text = RAISED.sub(lambda match: f"^{{{match[0].translate(SMALL)}}}", text)
    text = LOWERED.sub(lambda match: f"_{{{match[0].translate(SMALL)}}}", text).translate(WIDE)
    return WIDE_POINT.sub(".", WIDE_COMMA.sub(",", text))
