"""Simplifies forms: removes the parts that do not affect the value."""

from redraft.graders.answers.mathematics.forms import (
    Call,
    Expression,
    Form,
    Listing,
    Name,
    Number,
    Quantity,
    Relation,
    Words,
)


def simplified(form: Form) -> Form:
    """Returns a form without the conditions beside an answer, and with ± expanded to both values."""
    if isinstance(form, Listing):
        if conditions := conditions_of(form):
            items = [item for item in form.items if item not in conditions]
            return simplified(Listing("", tuple(items), form.joined) if len(items) > 1 else items[0])
        if form.brackets == "" and any(map(_is_point, form.items)):
            form = _points(form)
        spread = tuple(sign for item in form.items for sign in both_signs(item))
        if form.brackets in ("", "{}") and len(spread) > len(form.items):
            return Listing(form.brackets, spread, form.joined)
        if form.brackets == "{}" and all(isinstance(item, Relation) for item in form.items) and form.items:
            return Listing("", form.items, form.joined)
        return form
    if isinstance(form, Relation) and form.signs == ("≈",) and form.sides[0] is None and form.sides[1] is not None:
        return simplified(form.sides[1])
    if isinstance(form, Relation):
        return _named_first(form)
    if isinstance(form, Number | Name | Call | Quantity):
        spread = both_signs(form)
        return Listing("", tuple(spread)) if len(spread) > 1 else form
    return form
    return form


def _is_point(form: Form) -> bool:
    """Returns whether a form is like (x, y) = (1, 2)."""
    if not isinstance(form, Relation) or form.signs != ("=",):
        return False
    return all(isinstance(side, Listing) and side.brackets == "()" for side in form.sides)


def _points(form: Listing) -> Listing:
    """Returns a list of points as the points alone, if some of them are written as (x, y) = (1, 2). Otherwise returns
    the list unchanged."""
    lefts = {item.sides[0] for item in form.items if isinstance(item, Relation) and _is_point(item)}
    if len(lefts) != 1 or not all(_is_point(item) or isinstance(item, Listing) for item in form.items):
        return form
    rights = (item.sides[1] if isinstance(item, Relation) else item for item in form.items)
    return Listing("", tuple(item for item in rights if item is not None), form.joined)


def conditions_of(form: Form) -> tuple[Form, ...]:
    """Returns the conditions beside an answer in a list, such as x ≠ 2 and k ∈ ℤ."""
    if not isinstance(form, Listing) or form.brackets:
        return ()
    found = tuple(item for item in form.items if _is_condition(item))
    rest = [item for item in form.items if not _is_condition(item)]
    return found if rest and not any(map(_is_inequality, rest)) else ()


def _named_first(form: Relation) -> Relation:
    """Returns an equation with its unknown on the left: 3 = x becomes x = 3."""
    if form.signs == ("=",) and form.sides[0] is not None and name_of(form.sides[0]) is None and name_of(form.sides[1]):
        return Relation((form.sides[1], form.sides[0]), ("=",))
    return form


def _is_condition(item: Form) -> bool:
    if not isinstance(item, Relation):
        return False
    return item.signs == ("≠",) or (item.signs == ("∈",) and item.sides[1] in NUMBER_SETS)


def _is_inequality(item: Form) -> bool:
    return isinstance(item, Relation) and not set(item.signs) <= {"=", "≈"}


def both_signs(form: Form) -> list[Form]:
    """Returns the two values of an expression with ±; a list with only the form if it has no ±."""
    value = form.value if isinstance(form, Quantity) else form
    if isinstance(value, Relation) and value.signs == ("=",) and value.sides[1] is not None:
        return [Relation((value.sides[0], part), ("=",)) for part in both_signs(value.sides[1])]
    if not isinstance(value, Call) or not _has_both(value):
        return [form]
    return [_with_sign(value, "+"), _with_sign(value, "-")]


def _has_both(form: Expression) -> bool:
    return isinstance(form, Call) and (form.function in "±∓" or any(map(_has_both, form.arguments)))


def _with_sign(form: Expression, sign: str) -> Expression:
    if not isinstance(form, Call):
        return form
    arguments = tuple(_with_sign(argument, sign) for argument in form.arguments)
    if form.function not in ("±", "∓"):
        return Call(form.function, arguments)
    plus = (form.function == "±") == (sign == "+")
    if len(arguments) == 1:
        return arguments[0] if plus else Call("neg", arguments)
    return Call("+" if plus else "-", arguments)


def items_of(form: Form | None) -> list[Form] | None:
    return list(form.items) if isinstance(form, Listing) and form.brackets in ("", "()", "{}") else None


def name_of(form: Form | None) -> str | None:
    """Returns the name if a side is a single unknown ("x", "f(x)", "AB", "∠A" or words); otherwise None."""
    if isinstance(form, Name):
        return None if form.name in ("π", "e", "i", "∞", "∅") else form.name
    if isinstance(form, Words):
        return form.text
    if isinstance(form, Call) and form.function.endswith("()"):
        return form.function + str([getattr(a, "name", getattr(a, "value", a)) for a in form.arguments])
    if isinstance(form, Call) and form.function == "*":
        names = [name_of(argument) for argument in form.arguments]
        if all(names) and "".join(filter(None, names)).isupper():
            return "".join(filter(None, names))
    return None


NOTHING = Name("")
NUMBER_SETS = tuple(map(Name, "ℤℕℝℚℂ"))


def scalar_of(form: Form | None) -> Expression:
    if isinstance(form, Quantity):
        return form.value
    return form if isinstance(form, Number | Name | Call) else NOTHING


def scalar_or_none(form: Form | None) -> Expression | None:
    found = scalar_of(form)
    return None if found is NOTHING else found
