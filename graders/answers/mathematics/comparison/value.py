"""Compares two expressions by their exact or numeric values at several points, without computer algebra.

Rational numbers are exact. Other values are computed to 60 digits. If two values are equal or nearly equal, they are
computed again to 150 digits, or to 1,000 digits if they are huge, so that a small term beside a huge number is not
lost. Unknowns get pseudo-random rational values. The probability that two different expressions have equal values there
is about 10^-30. Functions with cases, such as absolute values and floors, may be equal in a part of their domain. So
points far away are also used, and many points for step functions.
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
    be decided, because they are equal only for positive values, they have no value anywhere, or their values are too
    large to compute."""
    if one == two:
        return True
    names = unknowns(one) | unknowns(two)
    if not names:
        return _same_at(one, two, {})
    rulings = [_same_at(one, two, point) for point in near_points(frozenset(names), positive=True)]
    if False in rulings:
        whole = [_same_at(one, two, point) for point in whole_points(frozenset(names))]
        return None if names & WHOLE and True in whole and False not in whole else False
    if True not in rulings:
        return None
    return None if any(_same_at(one, two, point) is False for point in _other_points(one, two)) else True


def constant(expression: Expression) -> Value:
    """Returns the value of an expression without unknowns, to 60 digits. Raises NoValue, and Unread for unknowns."""
    if unknowns(expression):
        raise Unread("it has unknowns")
    return evaluate(expression, {}, 0)


def distance(one: Expression, two: Expression) -> Value:
    """Returns the absolute difference of two expressions without unknowns. Raises NoValue or Unread."""
    context = context_of(0)
    return abs(number_in(constant(one), context) - number_in(constant(two), context))


def ratio_is_constant(one: Expression, two: Expression) -> bool | None:
    """Returns whether two expressions differ only by a constant factor, so that both are zero at the same points; None
    if that can't be decided."""
    names = frozenset(unknowns(one) | unknowns(two))
    quotients = []
    for point in near_points(names, positive=True) + _other_points(one, two):
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
    """Returns the names in an expression that are not constants."""
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
        if size > HUGE:
            return _same_huge(one, two, point)
        context = context_of(1)
        finer = number_in(evaluate(one, point, 1), context), number_in(evaluate(two, point, 1), context)
    except NoValue:
        return None
    except (ZeroDivisionError, OverflowError, ValueError):
        return None
    finer_difference = abs(finer[0] - finer[1])
    if finer_difference <= max(abs(finer[0]), abs(finer[1])) * SMALL[1]:
        return True
    if finer_difference < difference * TINY:  # both are 0 except for rounding, which decreases with more digits
        return True
    return False if difference > size * SMALL[0] else None


def _same_huge(one: Expression, two: Expression, point: Mapping[str, Fraction]) -> bool | None:
    """Compares values that agree in their first digits and are so large that a small term would be lost by rounding."""
    context = context_of(2)
    first, second = number_in(evaluate(one, point, 2), context), number_in(evaluate(two, point, 2), context)
    if max(context.mag(first), context.mag(second)) > HUGEST_MAGNITUDE:
        return None
    return bool(abs(first - second) < TINY)


def _other_points(one: Expression, two: Expression) -> list[dict[str, Fraction]]:
    """Returns additional points: of both signs, far away, and many for step functions."""
    names = frozenset(unknowns(one) | unknowns(two))
    points = near_points(names, positive=False) + far_points(names)
    if STEPS & (_functions(one) | _functions(two)):
        points = points + whole_points(names, MANY) + far_points(names, MANY)
    return points


def _functions(expression: Expression) -> frozenset[str]:
    if not isinstance(expression, Call):
        return frozenset()
    return frozenset((expression.function,)).union(*map(_functions, expression.arguments))


def _is_zero(value: Value) -> bool:
    return abs(value) < TINY


WHOLE = frozenset("nkmNKM")
"""Unknowns that often denote integers. Expressions in them that are equal only for integers are undecided."""


SMALL = (10.0**-50, 1e-140)


TINY = 1e-40


STEPS = frozenset(["floor", "ceil", "sgn", "mod", "gcd", "lcm"])
"""Step functions, which are constant between jumps."""


MANY = 60  # points for functions with steps


HUGE = 1e20


HUGEST_MAGNITUDE = 2_800  # bits before the binary point, of the 3,300 that are computed


def near_points(names: frozenset[str], positive: bool) -> list[dict[str, Fraction]]:
    """Returns points whose coordinates have absolute values between 0.4 and 2.4: three with positive coordinates, or
    two in which the signs alternate."""
    return _near_points(tuple(sorted(names)), positive)


@lru_cache(1024)
def _near_points(names: tuple[str, ...], positive: bool) -> list[dict[str, Fraction]]:
    points = []
    for number in range(3 if positive else 2):
        point = {}
        for place, name in enumerate(names):
            seed = hash_of(f"{name}{number}{positive}")
            value = Fraction(101 + seed % 400, 211)
            point[name] = value if positive or (place + number) % 2 else -value
        points.append(point)
    return points


def far_points(names: frozenset[str], many: int = 4) -> list[dict[str, Fraction]]:
    """Returns points with coordinates of both signs. Their absolute values are at most about 1000, 100, 10 and 1 in
    turn."""
    return [
        {
            name: Fraction((-1) ** (place + number) * (hash_of(f"{name}{number}") % 10_000 + 7), 7 * 10 ** (number % 4))
            for place, name in enumerate(sorted(names))
        }
        for number in range(many)
    ]


def whole_points(names: frozenset[str], many: int = 5) -> list[dict[str, Fraction]]:
    """Returns points whose coordinates are integers from 2 on."""
    return [{name: Fraction(2 + (hash_of(name) + number) % many) for name in names} for number in range(many)]
