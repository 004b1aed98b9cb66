"""Comparisons that need no algebra: exact, in microseconds, or not at all."""

import re

from redraft.graders.answers.canonical import canonical, is_words, listing
from redraft.graders.answers.numbers import is_whole, plain, same_number
from redraft.store.problems import Kind


def decide(gold: str, given: str, kind: Kind = Kind.MATH) -> bool | None:
    """Whether an answer equals the key, or None if only algebra can tell. Always decided: choices, text, two
    plain numbers, two lists of plain numbers, numbers in a base, and words against anything."""
    key, other = canonical(gold, kind), canonical(given, kind)
    if kind is not Kind.MATH:
        return key == other
    same = same_plain(gold, given)
    if same is not None:
        return same
    if key == other:
        return True
    if is_words(gold) or is_words(given):
        return False
    bases = _same_in_base(key or "", other or "")
    return _same_list(gold, given) if bases is None else bases


def same_plain(gold: str, given: str) -> bool | None:
    """Whether two plain numbers are equal; None if one of the two is something else."""
    if is_whole(gold) and is_whole(given):
        return int(gold) == int(given)
    one = plain(gold)
    two = plain(given) if one else None
    return same_number(one, two) if one and two else None


def _same_in_base(key: str, other: str) -> bool | None:
    """Whether two numbers in bases are equal: 52_8 equals 52, because the question names the base, and 101010_2, but
    not 52_9. None if neither has a base."""
    first, second = BASED.fullmatch(key), BASED.fullmatch(other)
    if not (first and second) or not (first[2] or second[2]):
        return None
    if first[2] and second[2]:
        return _value(first) == _value(second)
    return first[1] == second[1]


def _value(match: re.Match[str]) -> int | str:
    try:
        return int(match[1], int(match[2]))
    except ValueError:
        return match[0]


def _same_list(gold: str, given: str) -> bool | None:
    first, second = listing(gold), listing(given)
    if first is None or second is None:
        return False if (first and plain(given)) or (second and plain(gold)) else None
    (brackets, values), (others, given_values) = first, second
    if {brackets, others} <= SETS:
        return set(values) == set(given_values)
    if brackets != others and {brackets, others} != {"()", ""}:
        return False
    return values == given_values


BASED = re.compile(r"(-?[0-9A-Za-z]+)(?:_\{?(\d{1,2})\}?)?")
SETS = {"", "{}"}
