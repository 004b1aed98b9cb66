"""Compares single values: with units, percent and degrees, numbers in a base, and ratios."""

from collections.abc import Callable, Iterable
from fractions import Fraction

from redraft.graders.answers.mathematics.comparison.arithmetic import NoValue
from redraft.graders.answers.mathematics.comparison.result import NOT_MINE, Compare, Ruling, all_of
from redraft.graders.answers.mathematics.comparison.simplify import scalar_of
from redraft.graders.answers.mathematics.comparison.value import constant, distance, same_value, unknowns
from redraft.graders.answers.mathematics.forms import (
    Based,
    Call,
    Expression,
    Form,
    Name,
    Number,
    Quantity,
    Ratio,
    Union,
    Unread,
)
from redraft.graders.answers.mathematics.units import SIZES, measure
from redraft.graders.answers.numbers import rounding_error


def same_others(gold: Form, given: Form, same: Compare) -> Ruling:
    if isinstance(gold, Based) or isinstance(given, Based):
        return _same_based(gold, given)
    if isinstance(gold, Ratio) or isinstance(given, Ratio):
        return _same_ratio(gold, given, same)
    if isinstance(gold, Union) and isinstance(given, Union) and gold.sign == given.sign:
        return True if all_of([same(gold.left, given.left), same(gold.right, given.right)]) else None
    if isinstance(gold, Quantity | Number | Name | Call) and isinstance(given, Quantity | Number | Name | Call):
        return _same_scalar(gold, given)
    return NOT_MINE


def _same_based(gold: Form, given: Form) -> bool | None:
    """Compares numbers in a base. 52_8 equals 101010_2. It also equals 52, because the question names the base, but not
    52_9."""
    if isinstance(gold, Based) and isinstance(given, Based):
        try:
            return int(gold.digits, gold.base) == int(given.digits, given.base)
        except ValueError:
            return gold == given
    based, other = (gold, given) if isinstance(gold, Based) else (given, gold)
    assert isinstance(based, Based)
    return isinstance(other, Number) and other.decimals is None and other.value == int(based.digits)


def _same_ratio(gold: Form, given: Form, same: Compare) -> bool | None:
    if isinstance(gold, Ratio) and isinstance(given, Ratio):
        if gold.half != given.half:
            return None if not (gold.half and given.half) else False
        if len(gold.parts) != len(given.parts):
            return False
        ruling = all_of(list(map(same, gold.parts, given.parts)))
        return ruling if ruling is not False or gold.half or not _proportional(gold, given) else None
    ratio, other = (gold, given) if isinstance(gold, Ratio) else (given, gold)
    assert isinstance(ratio, Ratio)
    parts = [part for part in ratio.parts if isinstance(part, Number | Name | Call)]
    if len(parts) == 2 and len(ratio.parts) == 2 and not ratio.half and isinstance(other, Number | Call):
        return same(Call("/", (parts[0], parts[1])), other)
    return False if isinstance(other, Number | Call) else None


def _proportional(gold: Ratio, given: Ratio) -> bool:
    pairs = list(zip(map(scalar_of, gold.parts), map(scalar_of, given.parts), strict=True))
    (a, b), rest = pairs[0], pairs[1:]
    return all(same_value(Call("*", (a, d)), Call("*", (b, c))) for c, d in rest)


def _same_scalar(gold: Form, given: Form) -> bool | None:
    """Compares two values with their units, percent signs and degrees."""
    read = [_as_quantity(form) for form in (gold, given)]
    if read != [gold, given] and not (unknowns(scalar_of(read[0])) or unknowns(scalar_of(read[1]))):
        if isinstance(gold, Quantity) or isinstance(given, Quantity):
            gold, given = read
        elif not (unknowns(scalar_of(gold)) and unknowns(scalar_of(given))):
            return None if _same_scalar(*read) else False
    one, two = scalar_of(gold), scalar_of(given)
    factor = _factor(gold, given)
    if factor is None:
        return None
    if _is_degrees(gold) != _is_degrees(given) and any(_is_measured(form) for form in (gold, given)):
        return None
    one, one_percent = _without(one, "percent")
    two, two_percent = _without(two, "percent")
    if one_percent != two_percent and any(_is_measured(form) for form in (gold, given)):
        return None
    one, one_degrees = _without(one, "degree")
    two, two_degrees = _without(two, "degree")
    if factor != 1:
        two = Call("*", (Number(factor), two))
    ruling = _same_number(one, two)
    if ruling is True:
        return True
    if one_percent != two_percent:
        left, right = (_hundredth(one), two) if one_percent else (one, _hundredth(two))
        return True if _same_number(left, right) is True else ruling
    if one_degrees != two_degrees:
        left, right = (_radians(one), two) if one_degrees else (one, _radians(two))
        return True if _same_number(left, right) is True else ruling
    return ruling


def _is_degrees(form: Form) -> bool:
    return isinstance(form, Call) and form.function == "degree"


def _is_measured(form: Form) -> bool:
    """Returns whether a value has a unit that is not a unit of angles or temperatures."""
    unit = measure(form.unit) if isinstance(form, Quantity) else None
    return unit is not None and unit[0] not in ("", "angle", "temperature", "fahrenheit")


def _as_quantity(form: Form) -> Form:
    """Returns a number with letters as a Quantity if the letters may be a unit: 5 m, 9.8 m/s^2. Other forms are
    returned unchanged."""
    if not isinstance(form, Call) or not unknowns(form):
        return form
    number, unit = _number_and_unit(form)
    return Quantity(number, unit) if number is not None and unit and measure(unit) else form


def _number_and_unit(form: Expression) -> tuple[Expression | None, str]:
    """Splits a product or quotient into its number and the text of its letters, which may be a unit. The number is None
    if the form can't be split in this way."""
    if not unknowns(form):
        return form, ""
    if isinstance(form, Name):
        return (Number(Fraction(1)), form.name) if form.name in SIZES else (None, "")
    if isinstance(form, Call) and form.function == "^" and isinstance(form.arguments[1], Number):
        number, unit = _number_and_unit(form.arguments[0])
        return (number, f"{unit}^{form.arguments[1].value}") if number == Number(Fraction(1)) else (None, "")
    if isinstance(form, Call) and form.function in ("*", "/"):
        (one, first), (two, second) = map(_number_and_unit, form.arguments)
        if one is None or two is None or (form.function == "/" and not second):
            return None, ""
        if form.function == "/":
            return (one, f"{first}/{second}") if two == Number(Fraction(1)) else (None, "")
        return (one, second) if not first and two == Number(Fraction(1)) else (None, "")
    return None, ""


def _same_number(gold: Expression, given: Expression) -> bool | None:
    ruling = same_value(gold, given)
    if ruling is False and (_rounds(gold, given) or _rounds(given, gold) or _is_double(gold, given)):
        return True
    if ruling is False:
        for alternative in _alternatives(gold, given):
            if same_value(*alternative) is not False:
                return None
    return ruling


def _rounds(exact: Expression, decimal: Expression) -> bool:
    """Returns whether a decimal with at least six decimals agrees with an irrational number in all its digits."""
    if (
        not isinstance(decimal, Number)
        or decimal.decimals is None
        or decimal.decimals < SIX
        or isinstance(exact, Number)
    ):
        return False
    try:
        return not isinstance(constant(exact), Fraction) and distance(exact, decimal) < 10.0**-decimal.decimals
    except (Unread, NoValue):
        return False


def _is_double(gold: Expression, given: Expression) -> bool:
    """Returns whether the key is a decimal with all digits of a double, and the answer equals it up to the precision of
    a double."""
    if isinstance(gold, Call) and gold.function == "neg":
        return _is_double(gold.arguments[0], Call("neg", (given,)))
    if not isinstance(gold, Number) or gold.decimals is None:
        return False
    error = rounding_error(gold.value, gold.decimals)
    try:
        return bool(error) and distance(gold, given) <= float(error)
    except (Unread, NoValue):
        return False


def _alternatives(gold: Expression, given: Expression) -> Iterable[tuple[Expression, Expression]]:
    """Yields the two expressions in alternative readings: "log" as the natural logarithm, unknowns in lower case, a
    factorial sign as an exclamation mark, 1/2x as 1/(2x)."""
    if isinstance(given, Call) and given.function == "!":
        yield gold, given.arguments[0]  # an exclamation mark
    for change in (_natural, _lower, _divided):
        one, two = _mapped(gold, change), _mapped(given, change)
        if (one, two) != (gold, given):
            yield one, two


def _mapped(form: Expression, change: Callable[[Expression], Expression]) -> Expression:
    if isinstance(form, Call):
        form = Call(form.function, tuple(_mapped(argument, change) for argument in form.arguments))
    return change(form)


def _natural(form: Expression) -> Expression:
    return (
        Call("ln", form.arguments)
        if isinstance(form, Call) and form.function == "log" and len(form.arguments) == 1
        else form
    )


def _divided(form: Expression) -> Expression:
    """Returns 1/2x as 1/(2x), and any other expression unchanged."""
    if isinstance(form, Call) and form.function == "/*":
        top, bottom, factor = form.arguments
        return Call("/", (top, Call("*", (bottom, factor))))
    return form


def _lower(form: Expression) -> Expression:
    return Name(form.name.casefold()) if isinstance(form, Name) else form


def _factor(gold: Form, given: Form) -> Fraction | None:
    """Returns the factor that converts the given value to the key's unit; 1 if a unit is missing. Returns None if the
    units measure different things, or if the words after a value are not a unit."""
    units = []
    for form in (gold, given):
        if isinstance(form, Quantity):
            unit = measure(form.unit)
            if unit is None:
                return None
            units.append(unit)
    if len(units) < 2 or "" in (units[0][0], units[1][0]):
        return Fraction(1)
    (kind, size), (other, other_size) = units
    return other_size / size if kind == other else None


def _without(form: Expression, mark: str) -> tuple[Expression, bool]:
    if isinstance(form, Call) and form.function == mark:
        return form.arguments[0], True
    if isinstance(form, Call) and form.function == "neg":
        inside, found = _without(form.arguments[0], mark)
        return (Call("neg", (inside,)), True) if found else (form, False)
    return form, False


def _hundredth(form: Expression) -> Expression:
    return Call("/", (form, Number(Fraction(100))))


def _radians(form: Expression) -> Expression:
    return Call("*", (form, Call("/", (Name("π"), Number(Fraction(180))))))


SIX = 6  # minimum number of decimals with which a decimal may represent an irrational number
