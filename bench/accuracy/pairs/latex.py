"""Parses the parts of an answer in LaTeX that the generators of pairs need: its terms, its elements, its numbers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

OPENING = {"(", "[", "{", r"\{", r"\begin", r"\langle"}
CLOSING = {")", "]", "}", r"\}", r"\end", r"\rangle"}
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\.\d+|\s+|.", re.DOTALL)
NUMBER = r"\d{1,3}(?:(?:,|,\\!\s?|\{,\}|\\,)\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
POWER = r"\^(?:\{(\d+)\}|(\d))"
RELATION = re.compile(r"=|<|>|\\(?:leq?|geq?|lt|gt|neq?|in|approx|sim|equiv)(?![a-z])")
WORDS = re.compile(r"\\(?:text|mbox|textbf|mathrm)\{(?P<quoted>[^{}]*)\}|(?P<bare>[A-Za-z]{3,}(?:[ '-][A-Za-z]+)*)")
UNIT = re.compile(
    r"\s*(?:\\(?:text|mbox|mathrm)\{(?P<word>[^{}]*)\}(?P<power>\^\{?[23]\}?)?"
    r"|(?P<degrees>\^\\circ|\^\{\\circ\}|\\degree)|(?P<percent>\\%))\Z"
)


@dataclass(frozen=True)
class Gold:
    """A reference answer of a source, and its parts. The properties are meaningful only for mathematics."""

    source: str
    text: str
    kind: str = "math"

    @cached_property
    def form(self) -> str:
        """Returns the form of the answer: words, letter, based, matrix, union, named, assignments, blanks, sequence,
        time, set, interval, tuple, list, relation, pair (of values, by plus or minus), scalar or other."""
        text = self.text
        if re.fullmatch(r"\\text\{\([A-Z]\)\}", text):
            return "letter"
        if WORDS.fullmatch(text):
            return "words"
        if re.fullmatch(r"-?[0-9A-F]+_\{?\d+\}?", text):
            return "based"
        if r"\begin" in text:
            return "matrix" if re.fullmatch(r"\\begin\{([pb])matrix\}.*\\end\{\1matrix\}", text, re.DOTALL) else "other"
        if r"\cup" in text:
            return "union"
        if self.named:
            return "named"
        if re.fullmatch(r"\d{1,2}:\d\d(?: [ap]m)?", text):
            return "time"
        if r"\ldots" in text:
            return "sequence"
        if len(split(text, ";")) > 1:
            return "blanks"
        if len(self.assignments) > 1:
            return "assignments"
        if len(split(text, ",")) > 1 and not re.fullmatch(NUMBER, self.body):
            return "relation" if RELATION.search(text) else "list"
        if self.brackets:
            return self._bracketed(*self.brackets)
        if RELATION.search(text) or r"\pm" in text:
            return "relation" if RELATION.search(text) else "pair"
        return "scalar" if not re.search(r"\\text|\\mbox|;|:|\\ldots|\\infty", self.body) else "other"

    def _bracketed(self, opening: str, closing: str) -> str:
        if opening == r"\{":
            return "set"
        if len(self.elements) == 2 and (opening + closing != "()" or r"\infty" in self.text):
            return "interval"
        return "tuple" if opening + closing == "()" else "scalar"

    @cached_property
    def named(self) -> tuple[str, str] | None:
        """Returns the unknown and its value in `x = 5`, or None."""
        match = re.fullmatch(r"([A-Za-z])\s*=\s*([^=<>,]+)", self.text)
        return (match[1], match[2]) if match else None

    @cached_property
    def assignments(self) -> list[tuple[str, str]]:
        """Returns the unknowns and their values in `x=2, y=4`. The list is empty if an element is not an assignment."""
        found = [re.fullmatch(r"\s*([A-Za-z])\s*=\s*([^=]+?)\s*", part) for part in split(self.text, ",")]
        pairs = [(match[1], match[2]) for match in found if match]
        return pairs if len(pairs) == len(found) == len(dict(pairs)) else []

    @cached_property
    def unit(self) -> re.Match[str] | None:
        return None if WORDS.fullmatch(self.text) or "illion" in self.text else UNIT.search(self.text)

    @cached_property
    def body(self) -> str:
        """Returns the text without a currency before it and a unit after it."""
        text = self.text[: self.unit.start()] if self.unit else self.text
        return re.sub(r"^\\\$\s*", "", text)

    @cached_property
    def brackets(self) -> tuple[str, str] | None:
        """Returns the outer brackets of a tuple, an interval or a set, or None."""
        text = tight(self.text)
        match = re.fullmatch(r"(\\\{|[(\[])(.*?)(\\\}|[)\]])", text, re.DOTALL)
        return (match[1], match[3]) if match and balanced(match[2]) and "," in match[2] else None

    @cached_property
    def elements(self) -> list[str]:
        """Returns the elements of a list, a tuple, an interval or a set."""
        text = tight(self.text)
        inner = text[len(self.brackets[0]) : -len(self.brackets[1])] if self.brackets else text
        return [part.strip() for part in split(inner, ",")]

    @cached_property
    def terms(self) -> list[str]:
        """Returns the terms of a sum, each with its sign. The list has one term if the text is not a sum."""
        return list(_terms(self.body)) if self.form == "scalar" and "|" not in self.body else []

    @cached_property
    def number(self) -> str | None:
        """Returns the digits of a plain number without grouping marks, or None if the text is not a plain number."""
        match = re.fullmatch(rf"(-?)\s*({NUMBER})", self.body)
        return match[1] + re.sub(r"[,\\!{}\s]", "", match[2]) if match else None


def tight(text: str) -> str:
    """Returns the text without commands that change the size of brackets."""
    return re.sub(r"\\(?:left|right)(?![a-z])\s*", "", text)


def split(text: str, at: str) -> list[str]:
    """Returns the parts of a text between separators that are not inside brackets."""
    parts, depth = [""], 0
    for token in TOKEN.findall(tight(text)):
        depth += (token in OPENING) - (token in CLOSING)
        if token == at and depth == 0:
            parts.append("")
        else:
            parts[-1] += token
    return parts


def balanced(text: str) -> bool:
    depth = 0
    for token in TOKEN.findall(text):
        depth += (token in OPENING) - (token in CLOSING)
        if depth < 0:
            return False
    return depth == 0


def numbers(text: str) -> Iterator[re.Match[str]]:
    """Yields the numbers in a text, except those in names of commands and environments."""
    return re.finditer(rf"(?<![\d.])(?:{NUMBER})", text)


def _terms(text: str) -> Iterator[str]:
    term, depth = "", 0
    for token in TOKEN.findall(text):
        depth += (token in OPENING) - (token in CLOSING)
        before = term.rstrip()
        if (
            token in "+-"
            and depth == 0
            and before
            and not before.endswith(("^", "_", "+", "-", "*", "/", r"\cdot", r"\times"))
        ):
            yield term.strip()
            term = token
        else:
            term += token
    yield term.strip()
