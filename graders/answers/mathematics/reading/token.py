"""Splits a mathematical text, LaTeX or plain, into tokens, without typesetting. The time is linear in the length."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from redraft.graders.answers.mathematics.forms import Unread
from redraft.graders.answers.mathematics.reading.symbols import (
    CODES,
    COMMAND_SIGNS,
    COMMANDS,
    FUNCTIONS,
    NUMBER_SETS,
    SPACES,
    SPELLED,
    SYMBOLS,
)
from redraft.graders.answers.mathematics.reading.typesetting import typeset
from redraft.graders.answers.mathematics.units import SHORT_NOUNS, SIZES

Kind = Literal[
    "number", "name", "function", "command", "operator", "relation", "open", "close", "separator", "words", "currency",
    "begin", "end", "dots", "condition",
]  # fmt: skip


class Token(NamedTuple):
    """A token of the text. `spaced` says whether there is a space before it."""

    kind: Kind
    text: str
    spaced: bool


def tokens(text: str) -> list[Token]:
    """Returns the tokens of a text. Raises Unread if the text is too long or has a sign that is not mathematical."""
    if len(text) > MAX_LENGTH:
        raise Unread("the text is too long")
    spaced = ", " in text  # then a comma without a space groups digits
    text = typeset(text)
    grouped = "(" not in text and "[" not in text and r"\{" not in text and not text.startswith("{")
    pattern = GROUPED if grouped or spaced else SINGLE
    found, at = [], 0
    while at < len(text):
        match = pattern.match(text, at)
        if not match or match.end() == at:
            raise Unread(f"{text[at : at + 20]!r} is not read")
        at = match.end()
        if match.lastgroup:
            found += _read(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) > match.start())
    if len(found) > MAX_TOKENS:
        raise Unread("the text is too long")
    return found


def _read(kind: str, text: str, spaced: bool) -> Iterator[Token]:
    if kind == "number":
        yield Token("number", _digits(text), spaced)
    elif kind == "based":
        digits, _, base = text.partition("_")
        yield Token("number", digits, spaced)
        yield Token("operator", "_", False)
        yield Token("number", base.strip("{}"), False)
    elif kind == "words":
        yield from _words(text, spaced)
    elif kind == "text":
        yield from _phrase(text.strip("\x01\x02 "), spaced)
    elif kind == "letterlike":
        name = text.replace(" ", "")
        yield Token("name", NUMBER_SETS.get(name, name), spaced)
    elif kind == "environment":
        name = text[text.index("{") + 1 : -1].strip()
        yield Token("begin" if text.startswith(r"\begin") else "end", name, spaced)
    elif kind == "command":
        yield from _command(text, spaced)
    else:
        text = SPELLED.get(text, text)
        yield Token(SIGN_KINDS.get(text, "operator"), text, spaced)


def _digits(text: str) -> str:
    """Returns the digits of a number in Python's notation."""
    if EUROPEAN.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    return GROUPING.sub("", text)


def _command(text: str, spaced: bool) -> Iterator[Token]:
    name = text[1:].rstrip()
    if name in SPACES:
        return
    if name in FUNCTIONS:
        yield Token("function", FUNCTIONS[name], spaced)
    elif name in SYMBOLS:
        yield Token("name", SYMBOLS[name], spaced)
    elif name in COMMAND_SIGNS:
        sign = COMMAND_SIGNS[name]
        yield Token(SIGN_KINDS.get(sign, "operator"), sign, spaced)
    elif name in COMMANDS:
        yield Token("command", COMMANDS[name], spaced)
    else:
        raise Unread(f"{text.strip()} is not read")


def _phrase(text: str, spaced: bool) -> Iterator[Token]:
    """Yields the tokens of words in a LaTeX text command."""
    for number, piece in enumerate(re.split(r"\s+(?=(?:and|or|for|where|when|if)\b)|(?<=\band)\s+|(?<=\bor)\s+", text)):
        word = piece.casefold()
        apart = spaced or number > 0
        if word in ("and", "or"):
            yield Token("separator", word, apart)
        elif word in CONDITIONS:
            yield Token("condition", word, apart)
        elif word.split(" ", 1)[0] in CONDITIONS:
            yield Token("condition", word.split(" ", 1)[0], apart)
            yield Token("words", piece.split(" ", 1)[1], apart)
        elif piece in FUNCTIONS:
            yield Token("function", FUNCTIONS[piece], apart)
        else:
            yield Token("words", piece, True)


def _words(word: str, spaced: bool) -> Iterator[Token]:
    """Yields the tokens of a sequence of letters: a function, a constant, a unit, a word, or a product of unknowns."""
    low = word.casefold()
    if word in FUNCTIONS or (low in FUNCTIONS and len(low) > 2):
        yield Token("function", FUNCTIONS.get(word) or FUNCTIONS[low], spaced)
    elif low in ("and", "or"):
        yield Token("separator", low, spaced)
    elif low in CONDITIONS:
        yield Token("condition", low, spaced)
    elif low in ("pi", "infinity", "inf", "oo") or (word in SYMBOLS and len(word) > 2):
        yield Token("name", SYMBOLS[low if low in SYMBOLS else word], spaced)
    elif low == "mod":
        yield Token("operator", "mod", spaced)
    elif low in ("sqrt", "cbrt"):
        yield Token("command", low, spaced)
    elif low in CODES:
        yield Token("currency", CODES[low], spaced)
    elif len(word) == 1:
        yield Token("name", word, spaced)
    elif low in WORDS or low in SHORT_NOUNS or word in SIZES or low in SIZES:
        yield Token("words", word, spaced)
    elif split := JOINED.fullmatch(word):
        for piece in (split["before"], split["function"], split["after"]):
            if piece:
                yield from _words(piece, spaced)
                spaced = False
    elif len(word) <= LONGEST_PRODUCT:
        for letter in word:
            yield Token("name", letter, spaced)
            spaced = False
    else:
        yield Token("words", word, spaced)


MAX_LENGTH = 2000  # characters
MAX_TOKENS = 600
LONGEST_PRODUCT = 3  # letters

_KINDS: Sequence[tuple[Kind, str]] = (
    ("relation", "= < > ≤ ≥ ≠ ∈ ∉ ≈ ≡ ∼ → ⇒"),
    ("open", "( [ { {{ ⟨ ⌊ ⌈"),
    ("close", ") ] } }} ⟩ ⌋ ⌉"),
    ("separator", r", ; \\ and or"),
    ("currency", "$ € £ ₹ ¥ ₩"),
    ("dots", "…"),
)
SIGN_KINDS: Mapping[str, Kind] = {sign: kind for kind, signs in _KINDS for sign in signs.split()}
WORDS = frozenset(re.findall(r"\w+", "yes no not none true odd even one two six any is are was be it by at am pm"))
CONDITIONS = frozenset(("for", "where", "when", "if", "with", "provided", "given", "whenever", "as"))

GROUPING = re.compile(r"\{,\}|[,']|\\[,;: ]|[~ ]+")
EUROPEAN = re.compile(r"\d{1,3}(?:\.\d{3})+,\d{1,2}")
_GAP = r"(?:\{,\}|\\[,;:\ ][ ]*|~|[ ](?=\d{3}(?![\d/]|[ ]*/)))"
_DECIMALS = r"(?:\.\d+)?"
_NUMBER = (
    r"\d{1,3}(?:\.\d{3})+,\d{1,2}(?![\d,])"
    rf"|(?<![\d.])\d{{1,3}}(?:{_GAP}\d{{3}})+(?![\d]){_DECIMALS}"
    r"|\d{1,3}(?:'\d{3})+(?!\d)"
    r"%s"
    r"|\d*\.\d*(?:\s*\\(?:overline|dot|bar)\s*(?:\{\d+\}|\d)|\(\d+\))|\d+(?:\.\d+)?[eE][-+]?\d+(?![\w.])|\d+\.\d+|\.\d+|\d+\.(?![\w.])|\d+"
)
_REST = r"""
    |(?P<based>(?=[0-9A-Z]*[A-Z])(?=[0-9A-Z]*\d)[0-9A-F]+_(?:\{\d\d?\}|\d\d?))
    |(?<=\d)\s*(?:\^\s*)?\{?\s*\x01?(?:st|nd|rd|th)\x02?\s*\}?(?![A-Za-z])
    |(?P<text>\x01[^\x01\x02]*\x02)
    |(?P<letterlike>\\(?:mathbb|mathcal|mathfrak|overline|vec|hat|bar|widehat|overrightarrow)\s*\{\s*\w+\s*\})
    |(?P<environment>\\(?:begin|end)\s*\{[a-z]+\*?\})(?:\s*\{[clr|\s]*\})?
    |(?P<command>\\[A-Za-z]+)
    |(?P<words>[^\W\d_]+(?:(?<=[a-z]{3})['’]s?)?)
    |(?P<sign>\\\\|\\[{}|%$_&]|\*\*|<=|>=|!=|==|/=|\|\||\.\.\.|[-+*/^_!=<>()\[\]{}|,;:%$€£₹¥₩°'&])
    |\\[,;:!\ ]|~
    )"""
_COMMAS = r"|(?<![\d,.])\d{1,3}(?:,\d{3})+(?![\d]|,\d)(?:\.\d+)?"
GROUPED = re.compile(rf"\s*(?:(?P<number>{_NUMBER % _COMMAS}){_REST}|\s+", re.VERBOSE)
SINGLE = re.compile(rf"\s*(?:(?P<number>{_NUMBER % ''}){_REST}|\s+", re.VERBOSE)
JOINED = re.compile(
    r"(?P<before>[A-Za-z]{0,2})(?P<function>arcsin|arccos|arctan|sqrt|sin|cos|tan|cot|sec|csc|log|ln|pi)(?P<after>[A-Za-z]{0,2})"
)
