"""Compares equations, inequalities, sets of numbers and chains of equal sides."""

from itertools import pairwise

from redraft.graders.answers.mathematics.comparison.intervals import region, same_region, unknowns_of
from redraft.graders.answers.mathematics.comparison.result import NOT_MINE, Compare, Ruling
from redraft.graders.answers.mathematics.comparison.simplify import NOTHING, name_of, scalar_of, scalar_or_none
from redraft.graders.answers.mathematics.comparison.value import (
    NoValue,
    distance,
    ratio_is_constant,
    unknowns,
)
from redraft.graders.answers.mathematics.forms import Call, Expression, Form, Name, Number, Quantity, Relation, Unread


def same_regions(gold: Form, given: Form, _: Compare) -> Ruling:
    sure, other = region(gold, sure=True), region(given, sure=True)
    if sure is None and other is None:
        return NOT_MINE
    ours = region(gold) if sure is None else sure
    theirs = region(given) if other is None else other
    if ours is None or theirs is None:
        return NOT_MINE
    names = unknowns_of(gold) | unknowns_of(given)
    if len(names) > 1:
        return None
    return same_region(ours, theirs)


def same_relations(gold: Form, given: Form, same: Compare) -> Ruling:
    """Compares equations, inequalities and chains, except plain assignments such as x = 2."""
    ours, theirs = isinstance(gold, Relation), isinstance(given, Relation)
    if not ours and not theirs:
        return NOT_MINE
    if ours and theirs:
        assert isinstance(gold, Relation)
        assert isinstance(given, Relation)
        if gold.signs == given.signs == ("=",):
            return _same_equation(gold, given, same)
        chained = _chained(given)
        if gold.signs == ("=",) and chained is not None:
            return same_relations(gold, chained, same)
        if gold.signs == given.signs and len(gold.sides) == len(given.sides):
            same_sides = [
                a == b or (a is not None and b is not None and same(a, b))
                for a, b in zip(gold.sides, given.sides, strict=True)
            ]
            return True if all(ruling is True for ruling in same_sides) else None
        return None
    relation, other = (gold, given) if ours else (given, gold)
    assert isinstance(relation, Relation)
    value = value_of(relation, other if theirs else None, same)
    if value is None:
        return _unlike(relation, other)
    ruling = same(value, other) if ours else same(other, value)
    rounded = relation.sides[-1] if "≈" in relation.signs else None
    return same(other, rounded) if ruling is False and rounded is not None and theirs else ruling


def _unlike(relation: Relation, other: Form) -> bool | None:
    """Compares a relation with a form that is not a relation. The result is False if the form is a value, unless the
    relation may state that value; otherwise the result is None."""
    if not isinstance(other, Number | Call | Quantity):
        return None
    if set(relation.signs) <= {"=", "≈", "⇒", "→"}:
        sides = [side for side in relation.sides if side is not None]
        return False if is_constant(other) and not any(map(_is_sought, sides)) else None
    return False if relation.signs != ("∼",) else None


def _chained(form: Relation) -> Relation | None:
    """Returns x = b for a chain x = a = b; None for any other relation."""
    if len(form.signs) > 1 and set(form.signs) == {"="} and name_of(form.sides[0]):
        return Relation((form.sides[0], form.sides[-1]), ("=",))
    return None


def value_of(form: Relation, key: Form | None, same: Compare) -> Form | None:
    """Returns the value that a chain of equal sides states; None if no value can represent the chain. A value
    represents the chain in three cases: one side is a single unknown; all constant sides are equal; or `key` is a
    constant and only the last side is constant."""
    if set(form.signs) - {"=", "≈"} or form.sides[0] is None:
        return None
    sides = [side for side in form.sides if side is not None]
    constants = [side for side in sides if is_constant(side)]
    exact = [side for side, sign in zip(sides, ("=", *form.signs), strict=True) if sign == "="]
    if len(constants) > 1:
        rounded = [_close(a, b, same) for a, b in pairwise(constants)]
        if not all(rounded):
            return None
        return exact[-1] if exact[-1] in constants else constants[-1]
    first, last = sides[0], sides[-1]
    if (name := name_of(first)) is not None:
        return None if name in unknowns(scalar_of(last)) else last
    if name_of(last) and len(sides) == 2:
        return first
    if constants == [last] and key is not None and is_constant(key) and all(map(_is_sought, sides[:-1])):
        return last
    return None


def _is_sought(form: Form) -> bool:
    """Returns whether a side may be the quantity that the question asks for: an expression of unknowns without numbers,
    such as a + b or cos A."""
    if isinstance(form, Call):
        return form.function.isalpha() or form.function.endswith("()") or all(map(_is_sought, form.arguments))
    return isinstance(form, Name)


def is_constant(form: Form) -> bool:
    value = scalar_of(form)
    return value is not NOTHING and not unknowns(value)


def _close(one: Form, two: Form, same: Compare) -> bool:
    """Returns whether two constant sides of a chain are equal, or one is the other rounded to the decimals that it
    shows."""
    a, b = scalar_of(one), scalar_of(two)
    if same(one, two) is True:
        return True
    for rounded, exact in ((a, b), (b, a)):
        if isinstance(rounded, Number) and rounded.decimals:
            try:
                return distance(exact, rounded) <= 10**-rounded.decimals
            except (NoValue, Unread):
                return False
    return False


def _same_equation(gold: Relation, given: Relation, same: Compare) -> bool | None:
    sides = [scalar_or_none(side) for side in (*gold.sides, *given.sides)]
    if None in sides:
        rulings = [a is not None and b is not None and same(a, b) for a, b in zip(gold.sides, given.sides, strict=True)]
        return True if all(ruling is True for ruling in rulings) else None
    first, second, third, fourth = (side for side in sides if side is not None)
    one, two = Call("-", (first, second)), Call("-", (third, fourth))
    if unknowns(one) != unknowns(two):
        return False
    proportional = ratio_is_constant(one, two)
    return proportional or (None if proportional is None else _maybe_equation(one, two))


def _maybe_equation(one: Expression, two: Expression) -> bool | None:
    """Compares two equations that are not proportional. Returns False if both are linear, because then they differ.
    Otherwise returns None, because they may have the same solutions."""
    degree = max(_degree(one), _degree(two))
    return False if degree <= 1 else None


def _degree(form: Expression) -> int:
    if isinstance(form, Number) or (isinstance(form, Name) and not unknowns(form)):
        return 0
    if isinstance(form, Name):
        return 1
    parts = [_degree(argument) for argument in form.arguments]
    if form.function in ("+", "-", "neg"):
        return max(parts)
    if form.function == "*":
        return sum(parts)
    return parts[0] if form.function == "/" and parts[1] == 0 else 9
