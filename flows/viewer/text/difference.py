"""Marks the words in which two drafts differ."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from markupsafe import Markup

WORD = re.compile(r"\s+|\w+|[^\w\s]")
MOST = 2_000_000
"""The limit of the product of two texts' numbers of words for a comparison by words, which takes about a second at this
limit. Longer texts are compared by lines."""

Piece = tuple[bool, str]
"""A pair: a piece of a text, and True if the other text lacks it."""


def marked(before: str, after: str) -> tuple[Markup, Markup]:
    """Returns both texts as HTML. Words that only the first text has are in <del>, and words that only the second has
    are in <ins>."""
    old, new = differences(before, after)
    return _html(old, "del"), _html(new, "ins")


def differences(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """Returns both texts as lists of pieces. The pieces of a text, joined, are the text. First lines are compared, and
    then the words of lines that differ, by the longest common sequences (Ratcliff and Obershelp, 1988)."""
    old, new = list[Piece](), list[Piece]()
    for same, left, right in _blocks(before.splitlines(keepends=True), after.splitlines(keepends=True)):
        a, b = WORD.findall("".join(left)), WORD.findall("".join(right))
        if same or len(a) * len(b) > MOST:
            old.append((not same, "".join(a)))
            new.append((not same, "".join(b)))
            continue
        for alike, gone, come in _blocks(a, b):
            old.append((not alike, "".join(gone)))
            new.append((not alike, "".join(come)))
    return _joined(old), _joined(new)


def _blocks(a: Sequence[str], b: Sequence[str]) -> Iterator[tuple[bool, Sequence[str], Sequence[str]]]:
    for tag, a_start, a_end, b_start, b_end in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        yield tag == "equal", a[a_start:a_end], b[b_start:b_end]


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Returns the pieces without empty ones. Adjacent pieces of the same kind are joined."""
    found = list[Piece]()
    for differs, text in pieces:
        if text and found and found[-1][0] == differs:
            found[-1] = (differs, found[-1][1] + text)
        elif text:
            found.append((differs, text))
    return found


def _html(pieces: Sequence[Piece], tag: str) -> Markup:
    mark = Markup(f"<{tag}>%s</{tag}>")
    return Markup("").join(mark % text if differs else text for differs, text in pieces)
