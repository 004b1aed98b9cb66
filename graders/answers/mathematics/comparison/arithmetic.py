"""Computes the value of an expression at a point: exactly if it is rational, otherwise as an mpmath number with 60, 150
or 1,000 digits."""

import threading
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from math import comb, factorial, gcd, isqrt, lcm
from typing import TYPE_CHECKING, Any
from zlib import crc32

from redraft.graders.answers.mathematics.forms import Expression, Name, Number, Unread

if TYPE_CHECKING:
    from mpmath.ctx_mp import MPContext


Value = Any  # a Fraction, or a real or complex number of mpmath


class NoValue(ArithmeticError):
    """Raised if an expression has no value at a point, such as a division by zero or a logarithm of zero."""


def evaluate(expression: Expression, point: Mapping[str, Fraction], fine: int, degrees: bool = False) -> Value:
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Name):
        found = point.get(expression.name)
        return _constant(expression.name, fine) if found is None else found
    function = expression.function
    if function in TRIGONOMETRIC:
        degrees = True
    values = [evaluate(argument, point, fine, degrees) for argument in expression.arguments]
    try:
        return _apply(function, values, fine, degrees)
    except (ZeroDivisionError, OverflowError) as error:
        raise NoValue(function) from error


def rational(expression: Expression) -> Fraction | None:
    """Returns the value of an expression if it is a rational number that needs no numeric function; otherwise None."""
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


def _apply(function: str, values: list[Value], fine: int, degrees: bool) -> Value:
    if all(isinstance(value, Fraction) for value in values):
        exact = _exact(function, values)
        if exact is not None:
            return exact
    context = context_of(fine)
    numbers = [number_in(value, context) for value in values]
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
    """Returns the value of a function of rational numbers; None if the value is not known to be rational."""
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
    if function == "/*":
        quotient = _exact("/", values[:2])
        return None if quotient is None else _exact("*", [quotient, values[2]])
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
        return Fraction((gcd if function == "gcd" else lcm)(*(int(value) for value in values)))
    if function == "mod" and whole:
        if values[1] == 0:
            raise NoValue("mod")
        return Fraction(first % values[1])
    if function == "!" and whole and 0 <= first <= MOST_FACTORIAL:
        return Fraction(factorial(int(first)))
    if function == "binom" and whole and 0 <= values[1] <= first <= MOST_FACTORIAL:
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
    """Returns the principal root, except that an odd root of a negative number is the real root."""
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
    return _power(value, 1 / number_in(degree, context), context) if value != 0 else value


def number_in(value: Value, context: "MPContext") -> Value:
    if isinstance(value, Fraction):
        return context.mpf(value.numerator) / value.denominator
    if abs(context.mag(value)) > LARGEST_MAGNITUDE if value else False:
        raise Unread("a number is too large")
    return value


def _constant(name: str, fine: int) -> Value:
    context = context_of(fine)
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


def context_of(fine: int) -> "MPContext":
    """Returns this thread's own mpmath context with the precision DIGITS[fine]. The global context is shared by all
    threads, so its precision could change meanwhile."""
    contexts = getattr(_local, "contexts", None)
    if contexts is None:
        from mpmath.ctx_mp import MPContext

        contexts = _local.contexts = tuple(MPContext() for _ in DIGITS)
        for context, digits in zip(contexts, DIGITS, strict=True):
            context.dps = digits
    return contexts[fine]


@lru_cache(1024)
def hash_of(text: str) -> int:
    """Returns a number that depends only on the text, so it is the same in every process."""
    return crc32(text.encode())


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
    "/*": lambda _, a, b, c: a / b * c,
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


DIGITS = (60, 150, 1000)


LARGEST = 10**300


LARGEST_MAGNITUDE = 10**7  # binary digits before the point


MOST_BITS = 20_000


MOST_FACTORIAL = 3000


MOST_GAMMA = 10**6
