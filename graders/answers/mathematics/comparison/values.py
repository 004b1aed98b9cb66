"""Compares two expressions by their exact or numeric values at several points, without computer algebra.

Rational numbers are exact. Other values are computed to 60 digits. If two values are equal or nearly equal, they are
computed again to 150 digits. Unknowns get random rational values. The chance that two different expressions have equal
values there is about 10^-30.
"""

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache

from redraft.graders.answers.mathematics.comparison.arithmetic import (
    CONSTANTS,
    NoValue,
    Value,
    context_of,
    evaluate,
    hash_of,
    number_in,
)
from redraft.graders.answers.mathematics.forms import Call, Expression, Name, Unread


def same_value(one: Expression, two: Expression) -> bool | None:
    """Returns whether two expressions have the same value for all values of their unknowns. Returns None if that can't
    be decided: they are equal for positive values only, they have no value anywhere, or their values are too large to
    compute."""
    if one == two:
        return True
    names = unknowns(one) | unknowns(two)
    if not names:
        return _same_at(one, two, {})
    rulings = [_same_at(one, two, point) for point in _points(frozenset(names), positive=True)]
    if False in rulings:
        whole = [_same_at(one, two, point) for point in _whole_points(frozenset(names))]
        return None if names & WHOLE and True in whole and False not in whole else False
    if True not in rulings:
        return None
    mixed = [_same_at(one, two, point) for point in _points(frozenset(names), positive=False)]
    return None if False in mixed else True


def constant(expression: Expression) -> Value:
    """Returns the value of an expression without unknowns, to 60 digits. Raises NoValue, or Unread for unknowns."""
    if unknowns(expression):
        raise Unread("it has unknowns")
    return evaluate(expression, {}, 0)


def distance(one: Expression, two: Expression) -> Value:
    """Returns the absolute difference of two expressions without unknowns. Raises NoValue or Unread."""
    context = context_of(0)
    return abs(number_in(constant(one), context) - number_in(constant(two), context))


def ratio_is_constant(one: Expression, two: Expression) -> bool | None:
    """Returns whether two expressions differ only by a constant factor, so that both are zero at the same points."""
    names = frozenset(unknowns(one) | unknowns(two))
    quotients = []
    for point in _points(names, positive=True) + _points(names, positive=False):
        try:
            top, bottom = evaluate(one, point, 0), evaluate(two, point, 0)
        except NoValue:
            continue
        if _is_zero(top) or _is_zero(bottom):
            return None
        quotients.append(top / bottom)
    if len(quotients) < 2:
        return None
    context = context_of(0)
    return all(abs(number_in(q / quotients[0], context) - 1) < SMALL[0] for q in quotients)


@lru_cache(4096)
def unknowns(expression: Expression) -> frozenset[str]:
    """Returns the names in an expression that are no constants."""
    if isinstance(expression, Name):
        return frozenset() if expression.name in CONSTANTS else frozenset((expression.name,))
    if isinstance(expression, Call):
        return frozenset().union(*(unknowns(argument) for argument in expression.arguments))
    return frozenset()


def _same_at(one: Expression, two: Expression, point: Mapping[str, Fraction]) -> bool | None:
    try:
        first, second = evaluate(one, point, 0), evaluate(two, point, 0)
        if isinstance(first, Fraction) and isinstance(second, Fraction):
            return first == second
        context = context_of(0)
        first, second = number_in(first, context), number_in(second, context)
        size, difference = max(abs(first), abs(second)), abs(first - second)
        if difference > size * SMALL[0] and size > TINY:
            return False
        context = context_of(1)
        finer = number_in(evaluate(one, point, 1), context), number_in(evaluate(two, point, 1), context)
    except NoValue:
        return None
    except (ZeroDivisionError, OverflowError, ValueError):
        return None
    finer_difference = abs(finer[0] - finer[1])
    if finer_difference <= max(abs(finer[0]), abs(finer[1])) * SMALL[1]:
        return True
    if finer_difference < difference * TINY:  # both are zero but for rounding, which grows less with each digit
        return True
    return False if difference > size * SMALL[0] else None


def _points(names: frozenset[str], positive: bool) -> list[dict[str, Fraction]]:
    return _points_of(tuple(sorted(names)), positive)


@lru_cache(1024)
def _points_of(names: tuple[str, ...], positive: bool) -> list[dict[str, Fraction]]:
    points = []
    for number in range(3 if positive else 2):
        point = {}
        for place, name in enumerate(names):
            seed = hash_of(f"{name}{number}{positive}")
            value = Fraction(101 + seed % 400, 211)
            point[name] = value if positive or (place + number) % 2 else -value
        points.append(point)
    return points


def _whole_points(names: frozenset[str]) -> list[dict[str, Fraction]]:
    return [{name: Fraction(2 + (hash_of(name) + number) % 5) for name in names} for number in range(5)]


def _is_zero(value: Value) -> bool:
    return abs(value) < TINY


WHOLE = frozenset("nkmNKM")
"""Unknowns that often stand for whole numbers: equality for those alone is not decided."""


SMALL = (10.0**-50, 1e-140)


TINY = 1e-40
