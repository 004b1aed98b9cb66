"""Makes the one-line text of an error, in which long arguments of the user are shortened."""

import re
from collections.abc import Iterable, Mapping, Sequence

from redraft.store.errors import RedraftError

MOST_REPEATED = 100  # the limit for one argument, in characters
MOST = 1000  # the limit for a message, in characters
UNREADABLE = re.compile("[\ud800-\udfff\0]")
"""Matches the surrogates by which Python represents bytes that are not UTF-8, and the zero byte, which file names
cannot contain."""


def refuse_broken_text(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Raises RedraftError if an argument, or an environment variable that begins with REDRAFT_, is not UTF-8."""
    options = ((name, value) for name, value in environment.items() if name.startswith("REDRAFT_"))
    for place, text in (*((f"argument {at}", text) for at, text in enumerate(arguments, start=1)), *options):
        if UNREADABLE.search(text):
            raise RedraftError(f"{place} is not UTF-8, {_shown(text)}: write it as UTF-8, or rename the file")


def one_line(text: str, given: Iterable[str]) -> str:
    """Returns a message as one line. The line contains at most MOST_REPEATED characters of each text in `given`. If it
    is longer than MOST characters, its middle is left out."""
    text = " ".join(text.split())
    for argument in given:
        if len(argument) > MOST_REPEATED:
            for written in dict.fromkeys([" ".join(argument.split()), repr(argument)[1:-1]]):
                text = _cut(text, written)
    return text if len(text) <= MOST else f"{text[: MOST * 2 // 3]} ... {text[-MOST // 4 :]}"


def _cut(text: str, argument: str) -> str:
    """Returns the text, in which every substring of the argument that is longer than MOST_REPEATED is cut."""
    found, at = [], 0
    while at < len(text):
        end = at + MOST_REPEATED
        if text[at : end + 1] not in argument or len(text) <= end:
            found.append(text[at])
            at += 1
            continue
        while end < len(text) and text[at : end + 1] in argument:
            end += 1
        found.append(f"{text[at : at + MOST_REPEATED - 3]}...")
        at = end
    return "".join(found)


def _shown(text: str) -> str:
    return repr(text[: MOST_REPEATED // 2])
