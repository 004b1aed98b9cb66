"""Computes the vote key of a mathematical answer. Answers with the same key are certainly equal."""

from redraft.graders.answers.mathematics.comparison.arithmetic import rational
from redraft.graders.answers.mathematics.comparison.equal import same
from redraft.graders.answers.mathematics.comparison.relations import value_of
from redraft.graders.answers.mathematics.forms import (
    Based,
    Call,
    Dots,
    Form,
    Listing,
    Name,
    Number,
    Quantity,
    Relation,
    Words,
)
from redraft.graders.answers.mathematics.units import measure


def vote_key(form: Form) -> str | None:
    """Returns the vote key of an answer; None if the answer is not a number, words, or a list of these. The key leaves
    out units, percent signs and the name of a single value. It also ignores the order of a bare list or a set."""
    if isinstance(form, Words):
        return form.text
    if isinstance(form, Name):
        return form.name
    if isinstance(form, Number | Call):
        if isinstance(form, Call) and form.function in ("percent", "degree"):
            return vote_key(form.arguments[0])
        value = rational(form)
        return None if value is None or max(map(int.bit_length, value.as_integer_ratio())) > MOST_BITS else str(value)
    if isinstance(form, Quantity):
        return vote_key(form.value) if measure(form.unit) else None
    if isinstance(form, Based):
        return f"{form.digits}_{form.base}"
    if isinstance(form, Relation):
        value = value_of(form, None, same)
        return None if value is None else vote_key(value)
    if isinstance(form, Listing):
        return _listing_key(form)
    return None


def _listing_key(form: Listing) -> str | None:
    if any(isinstance(item, Dots | Words) for item in form.items):
        return None
    names = [item.sides[0] for item in form.items if isinstance(item, Relation)]
    keys = [vote_key(item) for item in form.items]
    known = [key for key in keys if key is not None]
    if len(known) < len(keys):
        return None
    if len(set(names)) > 1:
        if len(names) < len(keys) or not all(isinstance(name, Name) for name in names):
            return None
        spelled = {name.name: key for name, key in zip(names, known, strict=True) if isinstance(name, Name)}
        return ",".join(f"{name}={spelled[name]}" for name in sorted(spelled))
    if form.ordered:
        return ";".join(known)
    opening, closing = form.brackets or "{}"
    ordered = known if form.brackets not in ("", "{}") else sorted(set(known), key=_place)
    return opening + ",".join(ordered) + closing


def _place(key: str) -> tuple[float, str]:
    try:
        top, _, bottom = key.partition("/")
        return int(top) / int(bottom or 1), ""
    except (ValueError, OverflowError):
        return 0.0, key


MOST_BITS = 10_000  # bits of a number that is written out
