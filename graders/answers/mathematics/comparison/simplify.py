"""Forms without what says nothing about their value."""

from redraft.graders.answers.mathematics.forms import (
    Call,
    Expression,
    Form,
    Listing,
    Matrix,
    Name,
    Number,
    Quantity,
    Relation,
)


def simplified(form: Form) -> Form:
    """A form without the conditions beside an answer, and with both values of a ±."""
    if isinstance(form, Listing):
        items = [item for item in form.items if not _is_condition(item)]
        if form.brackets == "" and 0 < len(items) < len(form.items) and not any(map(_is_inequality, items)):
            return simplified(Listing("", tuple(items), form.joined) if len(items) > 1 else items[0])
        spread = tuple(sign for item in form.items for sign in both_signs(item))
        if form.brackets in ("", "{}") and len(spread) > len(form.items):
            return Listing(form.brackets, spread, form.joined)
        if form.brackets == "{}" and all(isinstance(item, Relation) for item in form.items) and form.items:
            return Listing("", form.items, form.joined)
        return form
    if isinstance(form, Number | Name | Call | Quantity):
        spread = both_signs(form)
        return Listing("", tuple(spread)) if len(spread) > 1 else form
    if isinstance(form, Matrix) and all(len(row) == 1 for row in form.rows):
        return form
    return form


def _is_condition(item: Form) -> bool:
    if not isinstance(item, Relation):
        return False
    return item.signs == ("≠",) or (item.signs == ("∈",) and item.sides[1] in NUMBER_SETS)


def _is_inequality(item: Form) -> bool:
    return isinstance(item, Relation) and not set(item.signs) <= {"=", "≈"}


def both_signs(form: Form) -> list[Form]:
    """The two values of an expression with ±, else the form alone."""
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


NOTHING = Name("")
NUMBER_SETS = tuple(map(Name, "ℤℕℝℚℂ"))


def scalar_of(form: Form | None) -> Expression:
    if isinstance(form, Quantity):
        return form.value
    return form if isinstance(form, Number | Name | Call) else NOTHING


def scalar_or_none(form: Form | None) -> Expression | None:
    found = scalar_of(form)
    return None if found is NOTHING else found
