"""Marks the words in which two drafts differ."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from markupsafe import Markup

WORD = re.compile(r"\s+|\w+|[^\w\s]")
MOST = 2_000_000
"""The product of two numbers of words up to which words are compared: that takes about a second. Beyond it, lines."""

Piece = tuple[bool, str]
"""A piece of a text, and whether the other text lacks it."""


def marked(before: str, after: str) -> tuple[Markup, Markup]:
    """Returns both texts as HTML. What the second lacks is in <del>, and what the first lacks is in <ins>."""
    old, new = differences(before, after)
    return _html(old, "del"), _html(new, "ins")


def differences(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """Returns both texts in pieces; the pieces of a text, joined, are the text. Lines are compared first, and then the
    words of lines that differ, by the longest common runs (Ratcliff and Obershelp, 1988)."""
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
    """Returns the pieces without empty ones, and with neighbours of a kind as one."""
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
