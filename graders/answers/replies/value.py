"""Reads the value at the beginning of a sentence.

A formula is read as a whole: a number inside `$3\\sqrt{2}$` is not its value. A unit of measurement after a value
belongs to the value. Other words are left out, unless they change the value ("5 dozen", "8 hours and 30 minutes").
"""

import re

from redraft.graders.answers.mathematics.units import measure
from redraft.graders.answers.normalize import unwrap
from redraft.graders.answers.replies.formulas import is_whole, result
from redraft.graders.answers.replies.split import COMMAND, FORMULA, JOIN, NAME, PROSE, SPAN, VALUE, masked


def leading(sentence: str) -> str | None:
    """Returns the value at the beginning of a sentence, with the words that belong to it; None if there is none."""
    mask = masked(sentence)
    if mask.endswith(JOIN):
        mask = mask.rstrip(f" ,{JOIN}")
        sentence = sentence[: len(mask)]
    if BOUND.match(mask):
        return sentence
    prose = PROSE.search(mask)
    if prose is None:
        return bare(sentence)
    start = prose.start()
    before, after = mask[:start], mask[start:]
    if GOES_ON.match(sentence, start):
        return bare(sentence)
    if not VALUE.search(before):
        return None
    compound = COMPOUND.match(after)
    if CHANGES.match(after) or (compound and _unit(compound[1])):
        return bare(sentence[:start] + OF.split(sentence[start:], maxsplit=1)[0])
    another = ANOTHER.match(REMARK.sub("", before[len(before.rstrip(JOIN + " ")) :] + after))
    if before.rstrip().endswith(JOIN):
        if bound := MORE.match(sentence, start):
            return bare(sentence[: bound.end()])
        if another:
            return bare(sentence)
        return bare(OPEN_END.sub("", sentence[: len(before.rstrip().rstrip(JOIN))]))
    if another:
        return bare(sentence)
    unit = "" if before.endswith(" a ") else _unit(sentence[start:])
    return bare(sentence[:start] + unit if unit else OPEN_END.sub("", sentence[:start]))


def _unit(words: str) -> str:
    """Returns the unit of measurement at the beginning of the words after a number, or letters that may be unknowns.
    Returns "" if the words are others, such as counted things or the rest of the sentence."""
    parts = words.split()
    for count in range(min(LONGEST_UNIT, len(parts)), 0, -1):
        unit = " ".join(parts[:count]).rstrip(".,;:)")
        known = measure(unit)
        if known and known[0] and (unit != "in" or len(parts) == 1):
            return unit
    return words if UNCLEAR.fullmatch(words) else ""


def bare(text: str) -> str | None:
    """Returns a value without math delimiters, and without the steps of its calculation; None if the value is cut
    off."""
    value = unwrap(text)
    if "$" in value or r"\(" in value:
        value = unwrap(SPAN.sub(lambda span: span[1] or span[2] or span[3], value))
    if value.isalnum():
        return value
    return result(value) or None if is_whole(value) else None


def is_formula(answer: str) -> bool:
    """Returns whether an answer is more than words."""
    return bool(DIGIT.search(answer)) or not PROSE.search(masked(answer))


LONGEST_UNIT = 3  # words, as in "miles per hour"
OPEN_END = re.compile(r"[\s,;:(–—*_\"'-]+(?:an?\s+)?$")
DIGIT = re.compile(r"\d|\\[a-z]*frac|\\(?:infty|pi|sqrt|emptyset|varnothing)")
BEGINS = re.compile(
    rf"[\s*_(\"'~≈]*(?:[-+−–±]?\s*[$€£¥₹]?\s*[-+−–]?\.?\d|[-+−–±√(\[{{|]*[{FORMULA}{COMMAND}{NAME}π∞√])"
)
UNCLEAR = re.compile(r"[abcdkmnpqrtxyz]{2,3}\W*")
REMARK = re.compile(r"\([^()]*\)")
ANOTHER = re.compile(rf"[^\d{FORMULA}{JOIN}]{{0,30}}{JOIN}+\s*[$€£]?[-\d{FORMULA}]")
GOES_ON = re.compile(r"[A-Za-z]+\s*(?:[+*]|\\cdot(?![a-z])|\\times(?![a-z]))\s*[\da-z\\]")
"""Matches words with an operator after them, as in "5 hours+1". No part of such a text is the answer."""
COMPOUND = re.compile(rf"(?!in\b)([A-Za-z]+)\s*,?\s*(?:{JOIN}+\s*)?[$€£]?[\d{FORMULA}]")
"""Matches a unit and a further number, as in "8 hours 30 minutes"."""
MORE = re.compile(r"(?:more|less|fewer|greater|higher|lower|above|below|later|earlier)\b")
OF = re.compile(r"\s+of\b")
CHANGES = re.compile(
    rf"(?:squared|cubed|factorial|dozens?|hundred|thousand|[mb]illion|trillion|percent|thirds?|halves|half|quarters?"
    rf"|(?:four|fif|six|seven|eigh|nin|ten)ths?|score|times (?:\d|as|more|larger)|plus|minus|over|divided"
    rf"|modulo|degrees|hundredths?|thousandths?|millionths?|[a-z]+teenths|twelfths|gross|lakh|crore"
    rf"|out of|remainder|of (?:the )?[$€£]?\d[\d,.]*|in \d+"
    rf"|(?:less|fewer|more|greater|larger|smaller) than)\b"
    rf"|to (?:the power|(?:the )?[$€£]?\d)|[十百千万萬亿億만억천백]|分之|{JOIN}",
    re.IGNORECASE,
)
"""Matches words after a number that change its value, or a further number after a unit ("8 hours and 30 minutes")."""
BOUND = re.compile(r"(?:at least|at most|more than|less than|greater than|fewer than|up to|between|negative|minus)\b")
