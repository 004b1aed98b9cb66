"""Compares sets of real numbers. Inequalities, intervals, unions and set-builder notation are converted to one form: a
list of intervals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from redraft.graders.answers.mathematics.comparison.arithmetic import NoValue, context_of, evaluate, number_in
from redraft.graders.answers.mathematics.comparison.value import constant, same_value, unknowns
from redraft.graders.answers.mathematics.forms import (
    Call,
    Expression,
    Form,
    Listing,
    Name,
    Number,
    Quantity,
    Relation,
    SetOf,
    Union,
    Unread,
)

INFINITY = Name("∞")


@dataclass(frozen=True, slots=True)
class Interval:
    """The real numbers from `low` to `high`. `low_closed` and `high_closed` say whether the ends belong to the
    interval. A single number is an interval with equal ends."""

    low: Expression
    low_closed: bool
    high: Expression
    high_closed: bool


Region = tuple[Interval, ...]
"""A set of real numbers: non-overlapping intervals in ascending order."""


def region(form: Form, sure: bool = False) -> Region | None:
    """Returns the set of real numbers that an answer describes, or None if it describes none. With `sure`, also returns
    None for an answer that may be something else: a tuple, a closed pair of numbers, a list."""
    try:
        found = _region(form, sure)
        return None if found is None else _ordered(found)
    except (Unread, NoValue, TypeError, OverflowError):
        return None


def same_region(one: Region, two: Region) -> bool | None:
    """Returns whether two sets are equal; None if that can't be decided."""
    if len(one) != len(two):
        return False
    rulings: list[bool | None] = []
    for a, b in zip(one, two, strict=True):
        if (a.low_closed, a.high_closed) != (b.low_closed, b.high_closed):
            return False
        rulings += [_same_end(a.low, b.low), _same_end(a.high, b.high)]
    return False if False in rulings else None if None in rulings else True


def unknowns_of(form: Form) -> frozenset[str]:
    """Returns the unknowns that a set constrains, such as "x" in "2 < x < 3" and in "x ∈ [2, 3]". The result is empty
    if the set names none."""
    if isinstance(form, Relation):
        names = frozenset(side.name for side in form.sides if isinstance(side, Name) and side.name not in "∞πe∅ℝ")
        return names or frozenset().union(*(unknowns(side) for side in form.sides if isinstance(side, Call)))
    if isinstance(form, SetOf):
        return frozenset().union(*map(unknowns_of, form.conditions))
    if isinstance(form, Listing):
        return frozenset().union(*map(unknowns_of, form.items))
    return frozenset()


def _region(form: Form, sure: bool) -> list[Interval] | None:
    if isinstance(form, Listing):
        return _of_listing(form, sure)
    if isinstance(form, Relation):
        return _of_relation(form)
    if isinstance(form, Union):
        left, right = _region(form.left, sure=False), _region(form.right, sure=False)
        if left is None or right is None:
            return None
        return _combined(form.sign, left, right)
    if isinstance(form, SetOf):
        inside = [_region(condition, sure=True) for condition in form.conditions]
        if isinstance(form.element, Relation):
            inside.insert(0, _region(form.element, sure=True))
        elif not isinstance(form.element, Name):
            return None
        found: list[Interval] | None = None
        for part in inside:
            if part is None:
                return None
            found = part if found is None else _combined("∩", found, part)
        return found
    if form == Name("ℝ"):
        return list(LINE)
    if form == Name("∅"):
        return None if sure else []
    return None


def _of_listing(form: Listing, sure: bool) -> list[Interval] | None:
    if form.brackets == "{}":
        return None if sure else [Interval(item, True, item, True) for item in map(_expression, form.items)]
    if form.brackets == "":
        found = [_region(item, sure=True) for item in form.items]
        parts = [part for part in found if part is not None]
        return _joined(form, parts) if len(parts) == len(found) else None
    if len(form.items) != 2:
        return None
    low, high = map(_expression, form.items)
    infinite = _is_infinite(low) or _is_infinite(high)
    if sure and form.brackets in ("()", "[]") and not infinite:
        return None
    closed = form.brackets[0] == "[", form.brackets[1] == "]"
    if (closed[0] and _is_infinite(low)) or (closed[1] and _is_infinite(high)):
        return None
    return [Interval(low, closed[0], high, closed[1])]


def _of_relation(form: Relation) -> list[Interval] | None:
    sides, signs = form.sides, form.signs
    if len(signs) == 1 and signs[0] in ("∈", "∉"):
        inside = None if sides[1] is None else _region(sides[1], sure=False)
        if inside is None or not isinstance(sides[0], Name):
            return None
        return inside if signs[0] == "∈" else _combined("∖", list(LINE), inside)
    if len(signs) == 1 and signs[0] in TURNED and sides[1] is not None:
        left, right, sign = sides[0], sides[1], signs[0]
        if isinstance(left, Call) and left.function == "abs" and sign in "<≤>≥":
            return _of_distance(left.arguments[0], _expression(right), sign)
        if left is not None and not isinstance(left, Name):
            left, right, sign = right, left, TURNED[sign]
        if left is not None and (not isinstance(left, Name) or left == INFINITY):
            return _of_linear(_expression(left), _expression(right), sign)
        value = _expression(right)
        if sign == "≠":
            return [Interval(MINUS_INFINITY, False, value, False), Interval(value, False, INFINITY, False)]
        if sign in "<≤":
            return [Interval(MINUS_INFINITY, False, value, sign == "≤")]
        return [Interval(value, sign == "≥", INFINITY, False)]
    if len(signs) == 2 and isinstance(sides[1], Name) and sides[0] is not None and sides[2] is not None:
        low, high, first, second = _expression(sides[0]), _expression(sides[2]), signs[0], signs[1]
        if first in ">≥" and second in ">≥":
            low, high, first, second = high, low, TURNED[second], TURNED[first]
        if first in "<≤" and second in "<≤":
            closed = first == "≤" and not _is_infinite(low), second == "≤" and not _is_infinite(high)
            return [Interval(low, closed[0], high, closed[1])]
    return None


def _of_linear(left: Expression, right: Expression, sign: str) -> list[Interval] | None:
    """Returns the numbers that satisfy a linear inequality in one unknown, such as -x > -1 or 2x + 1 ≤ 5; None if it is
    not such an inequality."""
    difference = Call("-", (left, right))
    names = unknowns(difference)
    if len(names) != 1 or sign == "≠":
        return None
    (name,) = names
    at = [evaluate(difference, {name: Fraction(number)}, 0) for number in (0, 1, 3)]
    if not all(isinstance(value, Fraction) for value in at) or at[2] - at[0] != 3 * (at[1] - at[0]) or at[0] == at[1]:
        return None
    slope = at[1] - at[0]
    return _of_relation(Relation((Name(name), Number(-at[0] / slope)), (sign if slope > 0 else TURNED[sign],)))


def _of_distance(inside: Expression, most: Expression, sign: str) -> list[Interval] | None:
    """Returns the numbers whose distance from a point is below or above a bound, such as |x| < 3 or |x - 1| ≥ 2; None
    if `inside` has another form."""
    middle: Expression = Number(Fraction(0))
    if isinstance(inside, Call) and inside.function in "+-" and isinstance(inside.arguments[0], Name):
        middle = inside.arguments[1] if inside.function == "-" else Call("neg", (inside.arguments[1],))
    elif not isinstance(inside, Name):
        return None
    low, high, closed = Call("-", (middle, most)), Call("+", (middle, most)), sign in "≤≥"
    if sign in "<≤":
        return [Interval(low, closed, high, closed)]
    return [Interval(MINUS_INFINITY, False, low, closed), Interval(high, closed, INFINITY, False)]


def _joined(form: Listing, parts: list[list[Interval]]) -> list[Interval] | None:
    """Returns the set that several conditions describe: the numbers that satisfy all of them ("and") or any of them
    ("or"). A comma means "and" if a condition excludes a number (x ≠ 2), and "or" if no number satisfies all
    conditions. Otherwise the meaning of a comma is unknown, and the result is None."""
    if form.joined == "or":
        return [interval for part in parts for interval in part]
    every = parts[0]
    for part in parts[1:]:
        every = _combined("∩", every, part)
    if form.joined == "and" or any(isinstance(item, Relation) and "≠" in item.signs for item in form.items):
        return every
    return None if every else [interval for part in parts for interval in part]


def _combined(sign: str, left: list[Interval], right: list[Interval]) -> list[Interval]:
    if sign == "∪":
        return left + right
    if sign == "∖":
        return _combined("∩", left, _complement(list(_ordered(right))))
    found = []
    for one in left:
        for two in right:
            if met := _met(one, two):
                found.append(met)
    return found


def _complement(parts: list[Interval]) -> list[Interval]:
    found, low, closed = [], MINUS_INFINITY, False
    for part in parts:
        if not _is_empty(between := Interval(low, closed, part.low, not part.low_closed)) and not _is_infinite(
            part.low
        ):
            found.append(between)
        low, closed = part.high, not part.high_closed
    if not parts or not _is_infinite(low):
        found.append(Interval(low, closed, INFINITY, False))
    return found


def _met(one: Interval, two: Interval) -> Interval | None:
    low = max(one, two, key=lambda part: (_place(part.low), not part.low_closed))
    high = min(one, two, key=lambda part: (_place(part.high), part.high_closed))
    met = Interval(low.low, low.low_closed, high.high, high.high_closed)
    return None if _is_empty(met) else met


def _ordered(parts: Sequence[Interval]) -> Region:
    """Returns the intervals in ascending order. Intervals that touch or overlap are merged."""
    found: list[Interval] = []
    for part in sorted((p for p in parts if not _is_empty(p)), key=lambda p: (_place(p.low), not p.low_closed)):
        last = found[-1] if found else None
        touches = last is not None and (
            _place(part.low) < _place(last.high)
            or (_place(part.low) == _place(last.high) and (part.low_closed or last.high_closed))
        )
        if last is None or not touches:
            found.append(part)
        elif (_place(part.high), part.high_closed) > (_place(last.high), last.high_closed):
            found[-1] = replace(last, high=part.high, high_closed=part.high_closed)
    return tuple(found)


def _is_empty(part: Interval) -> bool:
    low, high = _place(part.low), _place(part.high)
    return low > high or (low == high and not (part.low_closed and part.high_closed))


def _place(end: Expression) -> Any:
    """Returns the value of an interval's end, exactly or to 60 digits. Raises Unread if the end contains unknowns or is
    not real."""
    if _is_infinite(end):
        return float("inf") if end == INFINITY else float("-inf")
    value = number_in(constant(end), context_of(0))
    if value.imag != 0:
        raise Unread("an end is no real number")
    return value.real


def _is_infinite(end: Expression) -> bool:
    return end in (INFINITY, MINUS_INFINITY, Call("+", (INFINITY,)))


def _same_end(one: Expression, two: Expression) -> bool | None:
    if _is_infinite(one) or _is_infinite(two):
        return one == two
    return same_value(one, two)


def _expression(form: Form | None) -> Expression:
    if isinstance(form, Quantity):
        return _expression(form.value)
    if isinstance(form, Call) and form.function == "degree":
        return _expression(form.arguments[0])
    if isinstance(form, Number | Name | Call):
        return form
    raise Unread("an end is no number")


MINUS_INFINITY = Call("neg", (INFINITY,))
LINE = (Interval(MINUS_INFINITY, False, INFINITY, False),)
TURNED = {"<": ">", ">": "<", "≤": "≥", "≥": "≤", "≠": "≠"}
