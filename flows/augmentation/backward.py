"""Backward questions (MetaMath): one question for each number that may be replaced by an unknown variable. The answer
is the replaced number.

The question is split at white space into tokens. A token can be hidden if it is a number, with punctuation and units
such as `$5.50` or `20%.`, or one of the number words. Years, dates, times, and the numbers of labels such as `room 5`
are not quantities, and are not hidden.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from redraft.flows.augmentation.workshop import Workshop
from redraft.llm.gather import gather
from redraft.store.problems import Kind, Problem
from redraft.store.unit import Rewrite


@dataclass(frozen=True, slots=True)
class Mask:
    """A question in which one number is replaced by an unknown. `answer` is the number without units and thousands
    separators; a number word is converted to digits. `variable` is the name of the unknown: `x`, or `X` in a question
    with LaTeX."""

    question: str
    answer: str
    variable: str


def masks(question: str) -> list[Mask]:
    """Returns a Mask for each number of the question that may be hidden, in the order of the numbers. The list is empty
    if the question already contains the name of the unknown."""
    latex = is_latex(question)
    variable = "X" if latex else "x"
    if has_unknown(question, variable):
        return []
    spans = list(TOKEN.finditer(question))
    texts = [span[0] for span in spans]
    return [
        Mask(question[: span.start()] + shown + question[span.end() :], answer, variable)
        for place, span in enumerate(spans)
        for answer, shown in [_hidden(texts, place, variable, math=latex and _in_formula(question, span))]
        if answer
    ]


def has_unknown(question: str, variable: str = "x") -> bool:
    """Returns True if the question contains the name of the unknown as a word of its own."""
    return re.search(rf"(?<![A-Za-z\\]){variable}(?![A-Za-z])", question) is not None


def is_latex(question: str) -> bool:
    """Returns True if a question contains LaTeX formulas. A single dollar sign is read as money."""
    return LATEX.search(question) is not None


def _hidden(texts: list[str], place: int, variable: str, *, math: bool) -> tuple[str, str]:
    """Returns a pair: the number in a token, and the token with the number replaced by the variable. Both are "" if the
    number may not be hidden."""
    token = texts[place]
    before = texts[place - 1] if place else ""
    after = texts[place + 1] if place + 1 < len(texts) else ""
    if word := WORD.fullmatch(token):
        return _hidden_word(word, before, after, variable)
    number = NUMBER.fullmatch(token)
    if number is None or _is_label(number, before, after):
        return "", ""
    opened, closed = number["before"], number["after"]
    shown = variable if math or variable == "x" else f"${variable}$"
    return number["number"].replace(",", "").removesuffix("."), f"{opened}{shown}{closed}"


def _hidden_word(word: re.Match[str], before: str, after: str, variable: str) -> tuple[str, str]:
    name, shown = word["word"].lower(), f"{word['before']}{variable}{word['after']}"
    previous, following = before.lower().strip(SIGNS), after.lower().strip(SIGNS)
    if name == "one" and (previous in BEFORE_PRONOUN or following in AFTER_PRONOUN or word["after"]):
        return "", ""
    if name == "fifth" and (following != "of" or previous not in ("a", "one")):
        return "", ""  # an ordinal, as in "the fifth day"
    if following in ("fifth", "o'clock") or previous in LABELS:
        return "", ""
    return WORDS[name], shown


def _is_label(number: re.Match[str], before: str, after: str) -> bool:
    """Returns True if a number is part of a name, a date or a time."""
    previous, following = before.strip(SIGNS), after.lower().strip(SIGNS)
    named = before.lower() in LABELS or before in CAPITAL_LABELS
    if named and number["before"].strip(QUOTES) == "" and "%" not in number["after"]:
        return True
    if before in MONTHS or before.removesuffix(".") in MONTHS or after.strip(SIGNS) in MONTHS:
        return True
    if following.replace(".", "") in ("am", "pm", "o'clock"):
        return True
    plain = YEAR.fullmatch(number["number"]) and not number["before"] and "%" not in number["after"]
    return bool(plain) and (previous.lower() in BEFORE_YEAR or previous in MONTHS or bool(DAY.fullmatch(previous)))


def _in_formula(question: str, token: re.Match[str]) -> bool:
    """Returns True if a token is between two dollar signs, in a question with LaTeX."""
    opened = len(token[0]) - len(token[0].lstrip("$€£¢\"'“‘"))
    return question.count("$", 0, token.start() + opened) % 2 == 1


TOKEN = re.compile(r"\S+")
SIGNS = ",.?!;:”“\"'()"
QUOTES = "\"'“‘"
LATEX = re.compile(
    r"\\[A-Za-z(\[]"
    r"|\$(?![\s$])(?:\\[A-Za-z]+|(?![A-Za-z]{4})[^$\\])*(?<![\s$])\$(?!\d)"
)
"""Matches a LaTeX command, or a formula between dollar signs. As in Pandoc, there is no space inside the dollar signs,
and no digit follows. A formula contains no word of four letters, so the text between two amounts of money is not a
formula."""
NUMBER = re.compile(
    r"""(?P<before>[$€£¢"'“‘]*)(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?|\.\d+)(?P<after>[$€£¢%,.?!;”’"']*)""",
    re.ASCII,
)
WORDS = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "sixteen": "16", "fifth": "1/5", "half": "1/2",
}  # fmt: skip
WORD = re.compile(rf"""(?P<before>["'“‘]*)(?P<word>{"|".join(WORDS)})(?P<after>[,.?!;”’"']*)""", re.IGNORECASE)


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


BEFORE_PRONOUN = _set("no each every which this that the any another other last first only")
AFTER_PRONOUN = _set("of another by day can should must who that is was has had gets got costs will would")
LABELS = _set(
    "room page chapter grade level number no question problem part figure step bus flight route highway channel"
    " section apartment exercise lesson version #"
)
CAPITAL_LABELS = _set("Day Week Month Year Team Class Group Box Bag Train Plan Store Type Car Player Game")
"""Words that turn the number after them into a label if they are capitalized."""
MONTHS = _set(
    "January February March April May June July August September October November December Jan Feb Mar Apr Jun Jul"
    " Aug Sep Sept Oct Nov Dec"
)
BEFORE_YEAR = _set("in since of year by until before after during from to between and than through")
YEAR = re.compile(r"1[5-9]\d\d|20\d\d", re.ASCII)
DAY = re.compile(r"\d{1,2}(?:st|nd|rd|th)?", re.ASCII)


Ask = Callable[[Problem, Mask, int, Workshop], Awaitable[str]]
"""A function that returns the backward question of a mask. The integer is the number of the mask. Raises Refused."""


class Refused(Exception):
    """Raised if no question could be made. It has the reason, and the text that was made instead."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(reason)
        self.text = text


async def backward(
    problem: Problem, workshop: Workshop, ask: Ask, *, most: int | None, agreement: float
) -> list[Rewrite]:
    """Returns a tested question for each number that may be hidden, in the order of the numbers. `most` limits how many
    are made."""
    if problem.kind is not Kind.MATH:
        return [workshop.refused(f"no mathematics: the kind is {problem.kind.value}")]
    if problem.answer is None:
        return [workshop.refused("no known answer")]
    found = masks(problem.question)
    if not found:
        variable = "X" if is_latex(problem.question) else "x"
        unknown = has_unknown(problem.question, variable)
        return [workshop.refused(f"already has an unknown: {variable}" if unknown else "no number to hide")]

    async def tested(number: int, mask: Mask) -> Rewrite:
        try:
            question = await ask(problem, mask, number, workshop)
        except Refused as refused:
            return workshop.refused(str(refused), refused.text, mask.answer)
        meta = {"hidden": number}
        return await workshop.test(problem, number, question, mask.answer, agreement=agreement, meta=meta)

    return await gather(tested(number, mask) for number, mask in enumerate(found[:most]))
