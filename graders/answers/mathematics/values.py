"""Whether two expressions are equal, by their exact or numeric values at several points. No computer algebra is used.

Rational numbers are exact. Other values have 60 digits, and where they are equal or nearly so, 150. Unknowns get random
rational values, which no two different expressions share but by a chance of about 10^-30.
"""

import threading
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from redraft.graders.answers.mathematics.forms import Call, Expression, Name, Number, Unread

if TYPE_CHECKING:
    from mpmath.ctx_mp import MPContext

Value = Any  # a Fraction, or a real or complex number of mpmath


class NoValue(ArithmeticError):
    """An expression has no value at a point: a division by zero, a logarithm of zero."""


def same_value(one: Expression, two: Expression) -> bool | None:
    """Whether two expressions have the same value for all values of their unknowns. None if that can't be told: they
    are equal for positive values alone, have no value anywhere, or values that are too large to compute."""
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
    """The value of an expression without unknowns, to 60 digits. Raises NoValue, or Unread for unknowns."""
    if unknowns(expression):
        raise Unread("it has unknowns")
    return _evaluate(expression, {}, 0)


def rational(expression: Expression) -> Fraction | None:
    """The value of an expression if it is a rational number that needs no numeric function, else None."""
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Name):
        return None
    values = [rational(argument) for argument in expression.arguments]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    try:
        return _exact(expression.function, known)
    except NoValue:
        return None


def distance(one: Expression, two: Expression) -> Value:
    """How far apart two expressions without unknowns are. Raises NoValue or Unread."""
    context = _context(0)
    return abs(_number(constant(one), context) - _number(constant(two), context))


def ratio_is_constant(one: Expression, two: Expression) -> bool | None:
    """Whether two expressions differ by a constant factor alone, so that one is zero where the other is."""
    names = frozenset(unknowns(one) | unknowns(two))
    quotients = []
    for point in _points(names, positive=True) + _points(names, positive=False):
        try:
            top, bottom = _evaluate(one, point, 0), _evaluate(two, point, 0)
        except NoValue:
            continue
        if _is_zero(top) or _is_zero(bottom):
            return None
        quotients.append(top / bottom)
    if len(quotients) < 2:
        return None
    context = _context(0)
    return all(abs(_number(q / quotients[0], context) - 1) < SMALL[0] for q in quotients)


@lru_cache(4096)
def unknowns(expression: Expression) -> frozenset[str]:
    """The names in an expression that are no constants."""
    if isinstance(expression, Name):
        return frozenset() if expression.name in CONSTANTS else frozenset((expression.name,))
    if isinstance(expression, Call):
        return frozenset().union(*(unknowns(argument) for argument in expression.arguments))
    return frozenset()


def _same_at(one: Expression, two: Expression, point: Mapping[str, Fraction]) -> bool | None:
    try:
        first, second = _evaluate(one, point, 0), _evaluate(two, point, 0)
        if isinstance(first, Fraction) and isinstance(second, Fraction):
            return first == second
        context = _context(0)
        first, second = _number(first, context), _number(second, context)
        size, difference = max(abs(first), abs(second)), abs(first - second)
        if difference > size * SMALL[0] and size > TINY:
            return False
        context = _context(1)
        finer = _number(_evaluate(one, point, 1), context), _number(_evaluate(two, point, 1), context)
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


@lru_cache(1024)
def hash_of(text: str) -> int:
    """A number that depends on the text alone, the same in every process."""
    from zlib import crc32

    return crc32(text.encode())


def _evaluate(expression: Expression, point: Mapping[str, Fraction], fine: int, degrees: bool = False) -> Value:
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Name):
        found = point.get(expression.name)
        return _constant(expression.name, fine) if found is None else found
    function = expression.function
    if function in TRIGONOMETRIC:
        degrees = True
    values = [_evaluate(argument, point, fine, degrees) for argument in expression.arguments]
    try:
        return _apply(function, values, fine, degrees)
    except (ZeroDivisionError, OverflowError) as error:
        raise NoValue(function) from error


def _apply(function: str, values: list[Value], fine: int, degrees: bool) -> Value:
    if all(isinstance(value, Fraction) for value in values):
        exact = _exact(function, values)
        if exact is not None:
            return exact
    context = _context(fine)
    numbers = [_number(value, context) for value in values]
    if function == "degree":
        return numbers[0] * context.pi / 180 if degrees else numbers[0]
    if function == "^":
        return _power(numbers[0], numbers[1], context)
    if function == "root":
        return _root(numbers[0], values[1], context)
    rule = RULES.get(function)
    if rule is None:
        if not function.endswith("()"):
            raise Unread(f"{function} has no value")
        return context.sin(
            sum((number * (k + 2) for k, number in enumerate(numbers)), context.mpf(hash_of(function) % 97 + 1))
        )
    if any(abs(number) > LARGEST for number in numbers):
        raise Unread("a number is too large")
    result = rule(context, *numbers)
    if context.isnan(result) or context.isinf(result):
        raise NoValue(function)
    return result


def _exact(function: str, values: list[Fraction]) -> Fraction | None:
    """The rational value of a function of rational numbers, None if it is not rational or not known to be."""
    first = values[0]
    if function == "^":
        return _exact_power(first, values[1])
    if function in ("+", "-", "*", "/"):
        if any(max(value.numerator.bit_length(), value.denominator.bit_length()) > MOST_BITS for value in values):
            return None
        second = values[1]
        if function == "/":
            if second == 0:
                raise NoValue("/")
            return first / second
        return first + second if function == "+" else first - second if function == "-" else first * second
    if function == "neg":
        return -first
    if function == "percent":
        return first / 100
    if function == "abs":
        return abs(first)
    if function in ("floor", "ceil"):
        return Fraction(first // 1 if function == "floor" else -(-first // 1))
    if function == "sqrt":
        return _exact_root(first)
    if function in ("max", "min"):
        return max(values) if function == "max" else min(values)
    whole = all(value.denominator == 1 for value in values)
    if function in ("gcd", "lcm") and whole:
        from math import gcd, lcm

        return Fraction((gcd if function == "gcd" else lcm)(*(int(value) for value in values)))
    if function == "mod" and whole:
        if values[1] == 0:
            raise NoValue("mod")
        return Fraction(first % values[1])
    if function == "!" and whole and 0 <= first <= MOST_FACTORIAL:
        from math import factorial

        return Fraction(factorial(int(first)))
    if function == "binom" and whole and 0 <= values[1] <= first <= MOST_FACTORIAL:
        from math import comb

        return Fraction(comb(int(first), int(values[1])))
    return None


def _exact_power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if base == 0:
        if exponent <= 0:
            raise NoValue("^")
        return base
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if exponent.denominator != 1 or bits * abs(exponent.numerator) > MOST_BITS:
        return None
    return base**exponent.numerator


def _exact_root(value: Fraction) -> Fraction | None:
    from math import isqrt

    if value < 0 or max(value.numerator.bit_length(), value.denominator.bit_length()) > MOST_BITS:
        return None
    top, bottom = isqrt(value.numerator), isqrt(value.denominator)
    return Fraction(top, bottom) if top * top == value.numerator and bottom * bottom == value.denominator else None


def _power(base: Value, exponent: Value, context: "MPContext") -> Value:
    if base == 0:
        if context.re(exponent) <= 0:
            raise NoValue("^")
        return base
    if abs(context.mag(base)) * abs(exponent) > LARGEST_MAGNITUDE:
        raise Unread("a power is too large")
    return base**exponent


def _root(value: Value, degree: Value, context: "MPContext") -> Value:
    """The principal root, but the real one for an odd root of a negative number."""
    if degree == 0:
        raise NoValue("root")
    if (
        isinstance(degree, Fraction)
        and degree.denominator == 1
        and degree % 2 == 1
        and context.im(value) == 0
        and value.real < 0
    ):
        return -(abs(value) ** (context.mpf(1) / int(degree)))
    return _power(value, 1 / _number(degree, context), context) if value != 0 else value


def _number(value: Value, context: "MPContext") -> Value:
    if isinstance(value, Fraction):
        return context.mpf(value.numerator) / value.denominator
    if abs(context.mag(value)) > LARGEST_MAGNITUDE if value else False:
        raise Unread("a number is too large")
    return value


def _is_zero(value: Value) -> bool:
    return abs(value) < TINY


def _constant(name: str, fine: int) -> Value:
    context = _context(fine)
    if name == "π":
        return +context.pi
    if name == "e":
        return +context.e
    if name == "i":
        return context.mpc(0, 1)
    if name == "φ":
        return +context.phi
    raise Unread(f"{name!r} has no value")


_local = threading.local()


def _context(fine: int) -> "MPContext":
    """The arithmetic of this thread. Mpmath's own is shared by all threads, and changes its precision in between."""
    contexts = getattr(_local, "contexts", None)
    if contexts is None:
        from mpmath.ctx_mp import MPContext

        contexts = _local.contexts = (MPContext(), MPContext())
        for context, digits in zip(contexts, DIGITS, strict=True):
            context.dps = digits
    return contexts[fine]


def _gamma(context: "MPContext", value: Value) -> Value:
    if abs(value) > MOST_GAMMA:
        raise Unread("a factorial is too large")
    if context.im(value) == 0 and context.isint(value) and value < 0:
        raise NoValue("!")
    return context.gamma(value + 1)


def _log(context: "MPContext", value: Value, base: Value = None) -> Value:
    if value == 0:
        raise NoValue("log")
    if base is None:
        return context.log(value) / context.log(10)
    return context.log(value) / context.log(base)


TRIGONOMETRIC = frozenset(["sin", "cos", "tan", "cot", "sec", "csc"])
RULES: Mapping[str, Callable[..., Value]] = {
    "+": lambda _, a, b: a + b,
    "-": lambda _, a, b: a - b,
    "*": lambda _, a, b: a * b,
    "/": lambda _, a, b: a / b,
    "neg": lambda _, a: -a,
    "percent": lambda _, a: a / 100,
    "sqrt": lambda c, a: c.sqrt(a),
    "abs": lambda _, a: abs(a),
    "floor": lambda c, a: c.floor(a),
    "ceil": lambda c, a: c.ceil(a),
    "sgn": lambda c, a: c.sign(a),
    "!": _gamma,
    "binom": lambda c, n, k: _gamma(c, n) / _gamma(c, k) / _gamma(c, n - k),
    "mod": lambda c, a, b: a - b * c.floor(a / b),
    "max": lambda _, *a: max(a),
    "min": lambda _, *a: min(a),
    "exp": lambda c, a: c.exp(a),
    "ln": lambda c, a, base=None: _log(c, a, c.e if base is None else base),
    "log": _log,
    "lg": _log,
} | {
    name: (lambda c, a, name=name: getattr(c, name)(a))
    for name in ["sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "re", "im"]
} | {
    f"arc{name}": (lambda c, a, name=name: getattr(c, f"a{name}")(a)) for name in TRIGONOMETRIC
}  # fmt: skip
CONSTANTS = frozenset("πei")
WHOLE = frozenset("nkmNKM")
"""Unknowns that often stand for whole numbers: equality for those alone is not decided."""
DIGITS = (60, 150)
SMALL = (10.0**-50, 1e-140)
TINY = 1e-40
LARGEST = 10**300
LARGEST_MAGNITUDE = 10**7  # binary digits before the point
MOST_BITS = 20_000
MOST_FACTORIAL = 3000
MOST_GAMMA = 10**6
