"""Compares lists, tuples, sets and matrices."""

from collections.abc import Sequence

from redraft.graders.answers.mathematics.comparison.result import NOT_MINE, Compare, Ruling, all_of
from redraft.graders.answers.mathematics.comparison.value import unknowns
from redraft.graders.answers.mathematics.forms import (
    Based,
    Call,
    Dots,
    Form,
    Listing,
    Matrix,
    Name,
    Number,
    Quantity,
    Ratio,
    Words,
)
from redraft.graders.answers.mathematics.units import measure


def same_lists(gold: Form, given: Form, same: Compare) -> Ruling:
    gold, given = _as_tuple(gold, given), _as_tuple(given, gold)
    if isinstance(gold, Matrix) or isinstance(given, Matrix):
        return _same_matrix(gold, given, same)
    ours, theirs = isinstance(gold, Listing), isinstance(given, Listing)
    if not ours and not theirs:
        return NOT_MINE
    if not (isinstance(gold, Listing) and isinstance(given, Listing)):
        listing, other = (gold, given) if isinstance(gold, Listing) else (given, gold)
        assert isinstance(listing, Listing)
        if isinstance(other, Name) and other.name == "∅":
            return len(listing.items) == 0
        if len(listing.items) == 1 and listing.brackets in ("{}", ""):
            return same(listing.items[0], other) if ours else same(other, listing.items[0])
        if isinstance(other, Call) and "j" in unknowns(other):
            return None  # a vector that is written with unit vectors
        return False if isinstance(other, Number | Call | Quantity | Words | Name | Based | Ratio) else None
    if any(_mixed_units(form) for form in (gold, given)):
        return None
    dots = any(isinstance(item, Dots) for item in (*gold.items, *given.items))
    if dots:
        alike = len(gold.items) == len(given.items) and all_of(list(map(same, gold.items, given.items))) is True
        return True if alike else None
    if gold.brackets in SETS and given.brackets in SETS and not (gold.ordered or given.ordered):
        ruling = same_set(gold.items, given.items, same)
        bare = gold.brackets == given.brackets == ""
        return None if ruling and bare and len(gold.items) != len(given.items) else ruling
    if {gold.brackets, given.brackets} == {"[]", ""}:
        return _same_in_brackets(gold, given, same)
    if gold.brackets != given.brackets and {gold.brackets, given.brackets} not in ({"()", ""}, {""}):
        return False
    if len(gold.items) != len(given.items):
        return False
    return all_of(list(map(same, gold.items, given.items)))


def _same_in_brackets(gold: Listing, given: Listing, same: Compare) -> bool | None:
    """Compares a list in square brackets, as programs write it, with a bare list. The result is None (undecided) in two
    cases: two equal items in brackets may be an interval, and the same items in another order may be the same list."""
    if len(gold.items) != len(given.items):
        return False
    ordered = gold.ordered or given.ordered
    ruling = all_of(list(map(same, gold.items, given.items)))
    if ruling and len(gold.items) == 2 and not ordered:
        return None
    return None if ruling is False and not ordered and same_set(gold.items, given.items, same) else ruling


def _as_tuple(form: Form, other: Form) -> Form:
    """Returns `form` converted to the type of `other`, if this is possible. If `other` is a tuple, a matrix of one
    column or row becomes a tuple. If `other` is a matrix, a list of lists becomes a matrix."""
    if isinstance(form, Matrix) and isinstance(other, Listing) and other.brackets in ("()", "[]", ""):
        if all(len(row) == 1 for row in form.rows):
            return Listing(other.brackets, tuple(row[0] for row in form.rows))
        if len(form.rows) == 1:
            return Listing(other.brackets, form.rows[0])
    if isinstance(form, Listing) and isinstance(other, Matrix) and form.brackets in ("[]", "()"):
        rows = [item.items for item in form.items if isinstance(item, Listing)]
        if len(rows) == len(form.items) and len({len(row) for row in rows}) == 1:
            return Matrix(tuple(rows))
    return form


def _same_matrix(gold: Form, given: Form, same: Compare) -> Ruling:
    if not (isinstance(gold, Matrix) and isinstance(given, Matrix)):
        return NOT_MINE
    if len(gold.rows) != len(given.rows) or len(gold.rows[0]) != len(given.rows[0]):
        return False
    rows = zip(gold.rows, given.rows, strict=True)
    return all_of([same(a, b) for one, two in rows for a, b in zip(one, two, strict=True)])


def _mixed_units(form: Listing) -> bool:
    """Returns whether a list is one value in two units: 3 hours and 20 minutes."""
    if form.brackets or not all(isinstance(item, Quantity) for item in form.items):
        return False
    known = [measure(item.unit) for item in form.items if isinstance(item, Quantity)]
    found = [unit for unit in known if unit and unit[0]]
    return len({size for _, size in found}) > 1 and len({kind for kind, _ in found}) < len(found)


def same_set(gold: Sequence[Form], given: Sequence[Form], same: Compare) -> bool | None:
    """Returns whether each item of either list is in the other list; None if that can't be decided. Long lists are
    compared only if all items are numbers."""
    if all(isinstance(item, Number) for item in (*gold, *given)):
        values = [{item.value for item in items if isinstance(item, Number)} for items in (gold, given)]
        if values[0] == values[1] or len(gold) * len(given) > MOST_PAIRS:
            return values[0] == values[1]
    if len(gold) * len(given) > MOST_PAIRS:
        return None
    doubt = False
    for ours, theirs, turned in ((gold, given, False), (given, gold, True)):
        for item in ours:
            rulings = [same(other, item) if turned else same(item, other) for other in theirs]
            if True not in rulings:
                if None not in rulings:
                    return False
                doubt = True
    return None if doubt else True


SETS = ("", "{}")
MOST_PAIRS = 1000
