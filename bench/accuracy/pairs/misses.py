"""Builders of near misses: each returns a function that yields wrong answers similar to a gold."""

import re
from collections.abc import Callable, Iterator, Sequence

from pairs.latex import Gold, numbers

Miss = Callable[[Gold], Iterator[str]]


def within(gold: Gold, change: Callable[[str], Iterator[str]]) -> Iterator[str]:
    """Yields changes of the gold's body, with the gold's currency and unit added again."""
    start = gold.text.find(gold.body) if gold.body else -1
    if start >= 0:
        for other in change(gold.body):
            yield gold.text[:start] + other + gold.text[start + len(gold.body) :]


def each(pattern: str, change: Callable[[re.Match[str]], str | None], *forms: str) -> Miss:
    """Returns a function that yields the body with one match of a pattern changed, for each match."""

    def one(text: str) -> Iterator[str]:
        for match in re.finditer(pattern, text):
            other = change(match)
            if other is not None:
                yield text[: match.start()] + other + text[match.end() :]

    def way(gold: Gold) -> Iterator[str]:
        if gold.form not in ("words", "letter") and (not forms or gold.form in forms):
            yield from within(gold, one)

    return way


def digits(change: Callable[[str], Sequence[str]]) -> Miss:
    """Returns a function that yields the body with one number changed, for each number."""

    def one(text: str) -> Iterator[str]:
        for match in numbers(text):
            for other in change(match[0]):
                yield text[: match.start()] + other + text[match.end() :]

    return lambda gold: within(gold, one) if gold.form not in ("words", "letter") else iter(())
