"""Removes typesetting from a mathematical text: fonts, spaces, non-ASCII characters."""

import re
import unicodedata

from redraft.graders.answers.mathematics.reading.symbols import FUNCTIONS, PICTURES
from redraft.graders.answers.mathematics.units import measure


def typeset(text: str) -> str:
    """Returns the text without commands that only change its appearance. The result is ASCII, except for letters in
    words."""
    if not text.isascii():
        text = SUPERSCRIPTS.sub(lambda m: f"^{{{m[0].translate(NORMAL)}}}", text)
        text = SUBSCRIPTS.sub(lambda m: f"_{{{m[0].translate(NORMAL)}}}", text)
        text = VULGAR.sub(lambda m: " " + unicodedata.normalize("NFKC", m[0]).replace("\u2044", "/"), text)
        text = unicodedata.normalize("NFKC", WIDE_SPACE.sub("~", text)).translate(PICTURES)
        text = PLAIN_ROOT.sub(r"\\sqrt{\1}", text)
    text = CROSS.sub("*", text)
    text = HALF_OF_DAY.sub(r"\1m", text)
    if "$" in text and len(DELIMITER.findall(text)) % 2 == 0:
        text = DELIMITER.sub(" ", text)
    if "\\" in text:
        text = MATH_MODE.sub(" ", LETTER_IN_FONT.sub(r" \1 ", text))
        text = TYPESETTING.sub(" ", TEXT.sub(_text, THOUSANDS.sub("{,}", text)))
    return text


def _text(match: re.Match[str]) -> str:
    """Returns the content of a font command or a text command: a letter, a function, a number or words."""
    content = match[2].strip()
    if not content or match[1] in ("mathbb", "mathcal", "mathfrak", "overline", "vec", "hat", "bar", "widehat"):
        return match[0]
    if content in FUNCTIONS or (len(content) == 1 and match[1] not in UPRIGHT):
        return f" {content} "
    if len(content) == 1 and (
        match[1] in ("mathrm", "rm") or not match.string[: match.start()].rstrip()[-1:].isalnum()
    ):
        return f" {content} "
    return f" \x01{content}\x02 " if LETTERS.fullmatch(content) or measure(content) else f" {content} "


UPRIGHT = ("text", "mbox", "textrm", "textnormal", "hbox", "mathrm", "rm", "textsf", "operatorname")
FONTS = (
    r"text|mbox|hbox|textrm|textbf|textit|textnormal|textsf|texttt|operatorname\*?|mathrm|mathbf|mathit|mathsf|mathtt"
    "|boldsymbol|bm|rm|bf"
)
TEXT = re.compile(rf"\\({FONTS})\s*\{{([^{{}}]*)\}}")
LETTERS = re.compile(r"[^\W\d_]+\.?(?:[ '’.-]+[^\W\d_]+\.?)*")
TYPESETTING = re.compile(
    r"\\(?:left|right|[bB]igg?[lrm]?|displaystyle|textstyle|scriptstyle|limits|nolimits|mathstrut|strut|hfill|bf|rm|it)(?![A-Za-z])\.?"
    r"|\\(?:hspace|vspace|phantom|label|tag)\*?\s*\{[^{}]*\}|\\!"
)
CROSS = re.compile(r"(?<=\d) [xX] (?=\d)")
HALF_OF_DAY = re.compile(r"(?<![A-Za-z])([apAP])\.\s?[mM]\b\.?")
DELIMITER = re.compile(r"(?<!\\)\$")
MATH_MODE = re.compile(r"\\[()\[\]]")
LETTER_IN_FONT = re.compile(
    r"\\(?:mathrm|mathbf|mathit|mathsf|boldsymbol|bm|rm|bf)\s*(?<![{])([A-Za-z0-9])(?![A-Za-z])"
)
THOUSANDS = re.compile(r",\s*\\!\s*(?=\d{3})")
SUPERSCRIPTS = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱ]+")
SUBSCRIPTS = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
NORMAL = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱ₀₁₂₃₄₅₆₇₈₉", "0123456789+-ni0123456789")
VULGAR = re.compile("[¼½¾⅐-⅞]")
WIDE_SPACE = re.compile("[\u00a0\u2000-\u200a\u202f]")
PLAIN_ROOT = re.compile(r"\\sqrt *(\d+(?:\.\d+)?)")
