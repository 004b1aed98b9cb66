"""Compares answers that assign values to names: x = 2, y = 4."""

from redraft.graders.answers.mathematics.comparison.listings import same_set
from redraft.graders.answers.mathematics.comparison.result import NOT_MINE, Compare, Ruling, all_of
from redraft.graders.answers.mathematics.comparison.simplify import items_of, name_of
from redraft.graders.answers.mathematics.comparison.value import unknowns
from redraft.graders.answers.mathematics.forms import Call, Form, Listing, Number, Relation


def same_assignments(gold: Form, given: Form, same: Compare) -> Ruling:
    """Compares two lists of assignments. Each name must have the same value in both lists. If only one list has names,
    its values are compared with the other list in order."""
    named, other = _assignments(gold), _assignments(given)
    if named is None and other is None:
        return NOT_MINE
    ordered = any(isinstance(form, Listing) and form.ordered for form in (gold, given))
    if named is not None and other is not None:
        return _same_named(named, other, same, ordered)
    if named is not None:
        return _named_against_bare(named, given, same, in_order=True, ordered=ordered)
    assert other is not None
    return _named_against_bare(other, gold, same, in_order=False, ordered=ordered)


def _same_named(
    gold: list[tuple[str, Form]], given: list[tuple[str, Form]], same: Compare, ordered: bool
) -> bool | None:
    names, others = {name for name, _ in gold}, {name for name, _ in given}
    if names != others:
        return None if {n.casefold() for n in names} == {n.casefold() for n in others} else False
    rulings = []
    for name in names:
        ours = [value for key, value in gold if key == name]
        theirs = [value for key, value in given if key == name]
        if ordered and len(ours) == len(theirs):
            rulings += map(same, ours, theirs)
        else:
            several = len(ours) != 1 or len(theirs) != 1
            rulings.append(same_set(ours, theirs, same) if several else same(ours[0], theirs[0]))
    return all_of(rulings)


def _named_against_bare(
    named: list[tuple[str, Form]], bare: Form, same: Compare, in_order: bool, ordered: bool
) -> Ruling:
    """Compares named values with unnamed values, in the order in which they are written. The values of a single name,
    or of numbered roots (x_1, x_2), are compared as a set."""
    values = [value for _, value in named]
    names = {name for name, _ in named}
    if len(values) == 1 and not isinstance(bare, Relation):
        return same(values[0], bare) if in_order else same(bare, values[0])
    if isinstance(bare, Relation):
        return NOT_MINE
    items = items_of(bare)
    if items is None:
        return NOT_MINE if len(names) == 1 else False
    if any(isinstance(item, Relation) for item in items) or (len(names) > 1 and _is_set(bare)):
        return None  # some items have names too, or the answer is a set
    if len(names) == 1 and isinstance(bare, Listing) and bare.brackets == "()":
        return None  # several values of one unknown, compared with a point
    pairs = list(zip(values, items, strict=False))
    first = all_of([same(a, b) if in_order else same(b, a) for a, b in pairs]) if len(values) == len(items) else False
    if first is True or ordered:
        return first
    as_set = same_set(items, values, same)
    if len(names) == 1:
        return as_set
    if as_set is not False:
        numbered = len({name.split("_")[0] for name in names}) == 1
        return as_set if numbered and not in_order else None if not in_order else False
    return first


def _is_set(form: Form) -> bool:
    return isinstance(form, Listing) and form.brackets == "{}"


def _assignments(form: Form) -> list[tuple[str, Form]] | None:
    """Returns pairs (name, value) if each item of an answer assigns a value to an unknown; otherwise None."""
    if isinstance(form, Relation) and form.signs in (("=",), ("≈",), ("∈",)):
        left, right = form.sides
        if form.signs == ("∈",) and not (isinstance(right, Listing) and right.brackets == "{}"):
            return None
        names = items_of(left) if isinstance(left, Listing) and left.brackets == "()" else None
        values = items_of(right) if isinstance(right, Listing) and right.brackets == "()" else None
        if names and values and len(names) == len(values):
            pairs = [(name_of(name), value) for name, value in zip(names, values, strict=True)]
            known = [(name, value) for name, value in pairs if name]
            return known if len(known) == len(pairs) else None
        name = name_of(left)
        if name is None or right is None or (isinstance(right, Number | Call) and name in unknowns(right)):
            return None
        if form.signs == ("∈",):
            assert isinstance(right, Listing)
            return [(name, item) for item in right.items]
        return [(name, right)]
    if isinstance(form, Listing) and form.brackets == "" and form.items:
        found: list[tuple[str, Form]] = []
        for item in form.items:
            pairs = _assignments(item)
            if pairs is None and found and not isinstance(item, Relation):
                pairs = [(found[-1][0], item)]  # x = 1, 2
            if pairs is None:
                return None
            found += pairs
        return found
    return None
