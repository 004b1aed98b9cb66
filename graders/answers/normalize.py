"""Unifies the many ways to typeset the same answer. The functions change texts without interpreting them."""

import re


def bare(answer: str) -> str:
    """Returns the answer without typesetting: wrappers (`$..$`, `\\boxed{}`, `**..**`), a final full stop, spacing
    commands, `\\left` and `\\right`, degrees, and display variants (`\\dfrac`, `\\frac43`)."""
    text = unwrap(RADICAL.sub(r"\\sqrt{\1}", answer).translate(SYMBOLS))
    if "\\" in text:
        text = NOISE.sub(r"\1 ", TIGHT.sub("", THOUSANDS.sub(",", text)))
        text = FONTS.sub(r"\\text", DISPLAY.sub(r"\\\1", text))
        text = FRACTION.sub(_braced, text)
        text = ROOT.sub(r"\\sqrt{\1}", text)
        text = ESCAPED.sub(r"\1", text)
    return " ".join(text.replace("{,}", ",").split())


def unwrap(answer: str) -> str:
    """Returns the answer without what surrounds it: whitespace, markdown, math delimiters, a box, a final full stop. A
    text longer than LONGEST characters only loses whitespace."""
    if answer.isalnum() or len(answer) > LONGEST:
        return answer.strip()
    while True:
        text = answer.strip()
        if text.endswith(SPACES):
            text = SPACING.sub("", text)
        text = text.rstrip(".;?").strip()
        if text.count("**") == 1:
            text = text.removeprefix("**").removesuffix("**")
        text = text.removesuffix(",")
        for opening, closing in WRAPPERS:
            size = len(opening) + len(closing)
            inner = text[len(opening) : len(text) - len(closing)]
            wrapped = len(text) >= size and text.startswith(opening) and text.endswith(closing)
            if wrapped and closing not in inner.replace(r"\$", "") and not inner.endswith("\\"):
                text = inner
        if text.startswith("\\"):
            text = _unwrap_command(text)
        if text == answer:
            return text
        answer = text


def _unwrap_command(text: str) -> str:
    """Returns the text without a box, a font, a size or a colour around all of it. A font around letters alone is kept,
    because it may have a meaning, such as a vector."""
    if BOXED.match(text):
        inside = box(text)
        return inside[0] if inside and inside[1] == len(text) else text
    match = DECLARATION.match(text)
    if match:
        return text[match.end() :]
    font = FONT.fullmatch(text)
    return font[1] if font and any(map(str.isdigit, font[1])) else text


def box(text: str, start: int = 0) -> tuple[str, int] | None:
    """Returns a pair: the content of the `\\boxed`, `\\fbox` or `\\framebox` that begins at `start`, and the end offset
    of the box. Returns None if the closing brace is missing. The content of `\\boxed 5` is the text before the next
    space or dollar sign."""
    opening = BOX.match(text, start)
    if not opening:
        return None
    begin = opening.end()
    if text[begin - 1] != "{":
        held = UNBRACED.match(text, begin)
        return (held[0], held.end()) if held else None
    depth = 1
    for mark in BRACES.finditer(text, begin):
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
        if depth == 0:
            return text[begin : mark.start()], mark.end()
    return None


def _braced(match: re.Match[str]) -> str:
    parts = [part.strip("{} ") if part.startswith("{") else part for part in match.groups()]
    return rf"\frac{{{parts[0]}}}{{{parts[1]}}}"


SYMBOLS = str.maketrans(
    {
        "−": "-",
        "–": "-",
        "\u2009": " ",
        "\u202f": " ",
        "\u00a0": " ",
        "×": r"\times ",
        "·": r"\cdot ",
        "÷": "/",
        "π": r"\pi ",
        "∞": r"\infty ",
        "°": r"^\circ",
        "±": r"\pm ",
        "½": r"\frac{1}{2}",
        "¼": r"\frac{1}{4}",
        "¾": r"\frac{3}{4}",
        "²": "^2",
        "³": "^3",
        "⁄": "/",
    }
)
WRAPPERS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("__", "__"), ("`", "`"))
SPACES = (r"\,", r"\;", r"\:", r"\!", "~", "\\quad", "\\ ")
SPACING = re.compile(r"(?:\\[,;:!]|\\ ?$|\\q?quad|~|\s)+$")
DECLARATION = re.compile(
    r"(?:\\(?:displaystyle|textstyle|bf|rm|it|tiny|small|normalsize|[lL]arge|LARGE|[hH]uge)(?![A-Za-z])|\\[,;:!]|\\ "
    r"|\\q?quad(?![a-z])|\\color\s*\{\w+\})\s*"
)
"""Matches commands at the beginning of an answer that only change its appearance."""
FONT = re.compile(
    r"\\(?:text[a-z]{0,2}|math(?:bf|rm|it|sf|tt|normal)|mbox|bm|boldsymbol|bbox\s*\[[^\[\]]*\]|textcolor\s*\{\w+\}"
    r"|f?colorbox\s*\{\w+\}(?:\{\w+\})?)\s*\{([^{}]*)\}"
)
LONGEST = 10_000
BOXED = re.compile(r"\\(?:boxed|fbox|framebox)(?![a-z])")
BOX = re.compile(rf"{BOXED.pattern}(?:\s*\{{|\s+(?=[^\s{{])|(?=[\d-]))")
UNBRACED = re.compile(r"[^\s$]+")
BRACES = re.compile(r"\\.|[{}]", re.DOTALL)
RADICAL = re.compile(r"√\s*(\d+|[A-Za-z])")
THOUSANDS = re.compile(r",\s*\\!\s*")
TIGHT = re.compile(
    r"\\!|\\(?:left|right)(?![a-z])\.?|\\(?:displaystyle|limits)(?![a-z])|\^\s*(?:\\circ|\{\s*\\circ\s*\})|\\degrees?\b"
)
NOISE = re.compile(r"(\\\\)|\\[,;: ]|\\q?quad(?![a-z])|~")
DISPLAY = re.compile(r"\\[dtc](frac|binom)")
FONTS = re.compile(r"\\(?:mbox|textrm|textbf|textit|mathrm|mathbf|rm)(?=\s*\{)")
FRACTION = re.compile(r"\\frac\s*(\{[^{}]*\}|\d)\s*(\{[^{}]*\}|\d)")
ROOT = re.compile(r"\\sqrt\s*(\d|[a-z](?![a-z]))")
ESCAPED = re.compile(r"\\([$%#])")
