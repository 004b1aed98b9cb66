"""Reads the value of a displayed formula and the result of a calculation, and checks whether a formula is complete."""

import re

from redraft.graders.answers.normalize import unwrap


def first_display(text: str) -> str | None:
    """Returns the value of the displayed formula at the beginning of a text; None if there is none."""
    match = DISPLAY.match(text)
    return _value(match[0]) if match else None


def last_display(text: str) -> str | None:
    """Returns the value of the displayed formula at the end of a text; None if there is none."""
    closing = CLOSING.search(text)
    if not closing:
        return None
    opening = OPENINGS.get(closing[1]) or rf"\begin{{{closing[2]}}}"
    start = text.rfind(opening, 0, closing.start())
    return _value(text[start : closing.end()]) if start >= 0 else None


def result(formula: str) -> str:
    """Returns a formula without the steps of a calculation, and without words for a quantity: `x = 2 + 3 = 5` becomes
    `x = 5`; `2 + 3 = 5` and `\\text{Area} = 5` become `5`. A text with several formulas is not changed."""
    if "=" not in formula:
        return formula
    sides = EQUALS.split(formula)
    first, last = sides[0].strip(), sides[-1].strip()
    if len(sides) == 1 or not last or SEVERAL.search(ARGUMENTS.sub("", formula)) or not all(map(is_closed, sides)):
        return formula
    named = QUANTITY.fullmatch(first) and NUMERIC.search(last)
    if not first or named or (CALCULATION.fullmatch(first) and not UNKNOWNS.search(last)):
        return last
    if len(sides) == 2 or any(UNKNOWN.fullmatch(side.strip()) for side in sides[1:-1]):
        return formula
    return f"{first} = {last}" if UNKNOWN.fullmatch(first) else last


def _value(display: str) -> str:
    """Returns the value of a displayed formula. For a derivation over several rows, returns the last side, with the
    unknown of the first row. If each row assigns a number to an unknown, returns all rows, joined by ", "."""
    body = unwrap(display)
    if not ROWS.match(body):
        return result(body.rstrip(" .,;"))
    rows = [row.strip().rstrip(" .,;") for row in _rows(EDGE.sub("", body))]
    rows = [row for row in rows if row]
    if len(rows) > 1 and all(map(ASSIGNMENT.fullmatch, rows)):
        return ", ".join(rows)
    last = rows[-1] if rows else ""
    name = EQUALS.split(rows[0])[0] if last.startswith("=") else ""
    return result(name + last).lstrip("= ")


def _rows(body: str) -> list[str]:
    """Returns the rows of a derivation, without alignment marks. The rows of a matrix inside are not split."""
    matrices: list[str] = []

    def name(match: re.Match[str]) -> str:
        matrices.append(match[0])
        return PLACE

    rows = BREAK.split(NESTED.sub(name, body).replace("&", ""))
    inner = iter(matrices)
    return [re.sub(PLACE, lambda _: next(inner), row) for row in rows]


def is_closed(side: str) -> bool:
    """Returns whether a text closes as many brackets as it opens."""
    return sum(map(side.count, "([{")) == sum(map(side.count, ")]}"))


def is_whole(value: str) -> bool:
    """Returns whether a value is not cut off: its brackets and environments are closed, and no operator at its end
    lacks an operand."""
    plain = value.replace(r"\{", "").replace(r"\}", "")
    opening, closing = plain.find("{"), plain.find("}")
    if plain.count("{") != plain.count("}") or opening > closing >= 0:
        return False
    if plain.count("(") + plain.count("[") > plain.count(")") + plain.count("]"):
        return False
    return plain.count(r"\begin") == plain.count(r"\end") and not WAITS.search(plain) and SAYS.search(value) is not None


_ENVIRONMENT = r"(?:align|aligned|alignat|flalign|gather|gathered|split|equation|eqnarray|multline)\*?"
DISPLAY = re.compile(
    rf"\s*[*_]*(?:\$\$.+?\$\$|\\\[.+?\\\]|\\begin\{{({_ENVIRONMENT})\}}.+?\\end\{{\1\}})[*_.]*", re.DOTALL
)
CLOSING = re.compile(rf"(\$\$|\\\]|\\end\{{({_ENVIRONMENT})\}})[\s.*_]*\Z")
OPENINGS = {"$$": "$$", r"\]": r"\["}
ROWS = re.compile(rf"\s*\\begin\{{{_ENVIRONMENT}\}}")
NESTED = re.compile(r"\\begin\{(\w+\*?)\}.*?\\end\{\1\}", re.DOTALL)
PLACE = "\x00"
EDGE = re.compile(rf"\\(?:begin|end)\{{{_ENVIRONMENT}\}}(?:\{{\d\}})?")
BREAK = re.compile(r"\\\\(?:\[[^\[\]]*\])?|\\newline\b")
SEVERAL = re.compile(
    r",(?!\d{3}(?!\d)|\\!)(?=[^=]*=)|;|(?<![^\W\d_])(?:and|or|und|oder|et|ou)(?![^\W\d_])|\\q?quad|\\\\|[和或与及]"
)
"""Matches what separates two formulas."""
EQUALS = re.compile(r"(?<![<>!\\:])=(?!=)")
UNKNOWN = re.compile(r"\\?[A-Za-z]+(?:_(?:\w|\{\w+\}))?(?:\([A-Za-z]\))?'*")
ASSIGNMENT = re.compile(rf"{UNKNOWN.pattern}\s*=[^=A-Za-z]*(?:\\[dt]?(?:frac|sqrt)[^=A-Za-z]*)*")
ARGUMENTS = re.compile(r"\([^()]*\)")
CALCULATION = re.compile(
    r"(?!.*(?:[^\d\s]x|x[^\d\s]))(?=.*\d)(?=.*(?:[-+*/^−×÷·x]|\\(?:times|cdot|div|[dt]?frac|sqrt)))"
    r"(?:[\d\s.,+*/()x%^{}$−×÷·-]|\\(?:times|cdot|div|\$|%|left|right|pi|(?:[dt]?frac|sqrt)(?![a-z])))+"
)
NUMERIC = re.compile(r"\d|\\(?:pi|infty|text)(?![a-z])")
UNKNOWNS = re.compile(r"(?<![\\A-Za-z{])[A-Za-z](?![A-Za-z])")
QUANTITY = re.compile(
    r"\\(?:text|mathrm|mbox|textbf|operatorname)\{[^{}]*\}|[A-Z]{2,}|[A-Z][a-z]+(?:\s[A-Za-z][a-z]+)*|\|[^|=]+\||Pr?\((?![a-z]\))[^=]*\)"
    r"|[a-zA-Z]\([-\d,. ]+\)|m?\\(?:angle|overline|lvert|operatorname)\b[^=+]*"
)
"""Matches names of quantities that are not unknowns, such as words. Only the value of such a quantity is the answer."""
WAITS = re.compile(r"(?:[-+*/=^_(\[]|(?<!\\)\\(?:times|cdot|div|[dt]?frac|int|sum|pm|sqrt|left|over|angle|in)?)\s*$")
"""Matches the end of a formula that is incomplete."""
SAYS = re.compile(r"[^\W_]|\\[A-Za-z]|[½¼¾∞∅]")
