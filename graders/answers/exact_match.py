"""Compares answers in this process, in microseconds: plain numbers first, then any answers that can be parsed
completely."""

import re

from redraft.graders.answers.canonical import LONGEST, canonical, is_words
from redraft.graders.answers.mathematics.comparison.equal import equal
from redraft.graders.answers.mathematics.forms import Unread
from redraft.graders.answers.normalize import bare
from redraft.graders.answers.numbers import is_whole, plain, plain_error, same_number
from redraft.graders.ruling import Ruling
from redraft.store.problems import Kind
from redraft.store.trajectory import Verdict


def decide(gold: str, given: str, kind: Kind = Kind.MATH) -> Ruling | None:
    """Returns the ruling on an answer. Returns None if the comparison needs computer algebra, because the answer or the
    key has a sum, an integral or the like."""
    if kind is not Kind.MATH:
        return RULINGS[canonical(gold, kind) == canonical(given, kind)]
    same = same_plain(gold, given)
    if same is not None:
        return RULINGS[same]
    if max(len(gold), len(given)) > LONGEST:
        return RULINGS[True] if gold == given else UNREAD
    if DECIMAL_COMMA.fullmatch(given) and same_plain(gold, given.replace(".", "").replace(",", ".").strip(" $€£")):
        return RULINGS[True if PRICE.search(given) else None]
    if bare(gold) == bare(given):
        return RULINGS[True]
    try:
        return RULINGS[equal(gold, given)]
    except Unread:
        return _unread(gold, given)


def same_plain(gold: str, given: str) -> bool | None:
    """Returns whether two plain numbers are equal. Returns None if one of them is not a plain number, or if their units
    differ."""
    if is_whole(gold) and is_whole(given):
        return int(gold) == int(given)
    one = plain(gold)
    two = plain(given) if one else None
    if one is None or two is None or (one.unit and two.unit and one.unit != two.unit):
        return None
    if one.percent != two.percent and (one.unit or two.unit):
        return None
    return same_number(one, two, plain_error(gold, one.value))


def _unread(gold: str, given: str) -> Ruling | None:
    """Returns the ruling on two texts of which at least one can't be read as mathematics. Equal texts are `right`;
    different words, or words and a number, are `wrong`; anything else is `undecided`. Returns None if computer algebra
    might decide."""
    texts = _text(gold), _text(given)
    if texts[0] == texts[1] or (texts[0].casefold() == texts[1].casefold() and not SYMBOL.search(texts[0])):
        return RULINGS[True]
    if is_words(gold) and is_words(given):
        return RULINGS[False]
    if (is_words(gold) and plain(given)) or (is_words(given) and plain(gold)):
        return RULINGS[False]
    return None if ALGEBRA.search(gold) or ALGEBRA.search(given) else UNREAD


def _text(answer: str) -> str:
    """Returns the text of an answer without font commands."""
    return " ".join(FONT.sub(r"\1", bare(answer)).split())


FONT = re.compile(r"\\text\s*\{([^{}]*)\}")
SYMBOL = re.compile(r"[\\_^]|(?<![^\W\d_])[^\W\d_](?![^\W\d_])")
"""Matches symbols that are not words, for which case matters: X is not x."""
DECIMAL_COMMA = re.compile(r"[^\d,]*\d{1,3}(?:\.?\d{3})*,\d+[^\d,]*")
PRICE = re.compile(r"[$€£]\s*[\d.]+,\d\d$|,\d\d\s*\\?(?:[$€£]|[Ee]uro|EUR|[Dd]ollar)")
ALGEBRA = re.compile(r"\\(?:sum|prod|int|iint|iiint|oint|lim|det)(?![a-z])|\\begin\{vmatrix|[∑∏∫]")
UNREAD = Ruling(Verdict.UNDECIDED, "not all of the answer and the key can be read")
RULINGS = {
    True: Ruling(Verdict.RIGHT),
    False: Ruling(Verdict.WRONG),
    None: Ruling(Verdict.UNDECIDED, "whether the answer equals the key can't be told"),
}
