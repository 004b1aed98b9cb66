"""Whether an answer equals the key, as a mathematician reads both. None is for what can't be told."""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import pairwise

from redraft.graders.answers.mathematics.forms import (
    Based,
    Call,
    Dots,
    Expression,
    Form,
    Listing,
    Matrix,
    Name,
    Number,
    Quantity,
    Ratio,
    Relation,
    Union,
    Unread,
    Words,
)
from redraft.graders.answers.mathematics.intervals import region, same_region, unknown_of
from redraft.graders.answers.mathematics.parser import parse
from redraft.graders.answers.mathematics.units import SIZES, measure
from redraft.graders.answers.mathematics.values import (
    NoValue,
    constant,
    distance,
    ratio_is_constant,
    same_value,
    unknowns,
)


def equal(gold: str, given: str) -> bool | None:
    """Whether an answer equals the key; None if it can't be told. All of both texts is read. Raises Unread for a text
    that is not. The conventions are those of docs/oracle.md."""
    return same(parse(gold), parse(given))


def same(gold: Form, given: Form) -> bool | None:
    """Whether two answers are equal; not symmetric: the key comes first."""
    gold, given = _plain(gold), _plain(given)
    if gold == given:
        return True
    if isinstance(gold, Words) or isinstance(given, Words):
        return _same_words(gold, given)
    for compare in (_same_assignments, _same_regions, _same_relations, _same_lists, _same_others):
        ruling = compare(gold, given)
        if not isinstance(ruling, _NotMine):
            return ruling
    return False if type(gold) is not type(given) else None


class _NotMine:
    """What a comparison returns for forms that it is not made for."""


NOT_MINE = _NotMine()
Ruling = bool | None | _NotMine


def _plain(form: Form) -> Form:
    """A form without the conditions beside an answer, and with both values of a ±."""
    if isinstance(form, Listing):
        items = [item for item in form.items if not _is_condition(item)]
        if form.brackets == "" and 0 < len(items) < len(form.items) and not any(map(_is_inequality, items)):
            return _plain(Listing("", tuple(items), form.joined) if len(items) > 1 else items[0])
        spread = tuple(sign for item in form.items for sign in _both_signs(item))
        if form.brackets in ("", "{}") and len(spread) > len(form.items):
            return Listing(form.brackets, spread, form.joined)
        if form.brackets == "{}" and all(isinstance(item, Relation) for item in form.items) and form.items:
            return Listing("", form.items, form.joined)
        return form
    if isinstance(form, Number | Name | Call | Quantity):
        spread = _both_signs(form)
        return Listing("", tuple(spread)) if len(spread) > 1 else form
    if isinstance(form, Matrix) and all(len(row) == 1 for row in form.rows):
        return form
    return form


def _is_condition(item: Form) -> bool:
    return isinstance(item, Relation) and item.signs == ("≠",)


def _is_inequality(item: Form) -> bool:
    return isinstance(item, Relation) and not set(item.signs) <= {"=", "≈"}


def _both_signs(form: Form) -> list[Form]:
    """The two values of an expression with ±, else the form alone."""
    value = form.value if isinstance(form, Quantity) else form
    if isinstance(value, Relation) and value.signs == ("=",) and value.sides[1] is not None:
        return [Relation((value.sides[0], part), ("=",)) for part in _both_signs(value.sides[1])]
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


def _same_words(gold: Form, given: Form) -> bool | None:
    if isinstance(gold, Words) and isinstance(given, Words):
        return _phrase(gold.text) == _phrase(given.text)
    words, other = (gold, given) if isinstance(gold, Words) else (given, gold)
    assert isinstance(words, Words)
    text = _phrase(words.text)
    if text in EMPTY:
        return _is_empty_set(other)
    if text in LINE:
        return other == Name("ℝ") or (other == LINE_LISTING)
    return text.casefold() == other.name.casefold() if isinstance(other, Name) else False


def _phrase(text: str) -> str:
    """A phrase without what is said around it."""
    words = text.replace("’", "'").split()
    while len(words) > 1 and words[0] in ("a", "an", "the"):
        words = words[1:]
    text = " ".join(words)
    return SYNONYMS.get(text, text)


def _is_empty_set(form: Form) -> bool:
    return form == Name("∅") or form == Listing("{}", ())


def _same_assignments(gold: Form, given: Form) -> Ruling:
    """Values with names: each name's value has to be equal, and values alone follow the key's order."""
    named, other = _assignments(gold), _assignments(given)
    if named is None and other is None:
        return NOT_MINE
    if named is not None and other is not None:
        return _same_named(named, other)
    if named is not None:
        return _named_against_bare(named, given, in_order=True)
    assert other is not None
    return _named_against_bare(other, gold, in_order=False)


def _same_named(gold: list[tuple[str, Form]], given: list[tuple[str, Form]]) -> bool | None:
    names, others = {name for name, _ in gold}, {name for name, _ in given}
    if names != others:
        return None if {n.casefold() for n in names} == {n.casefold() for n in others} else False
    rulings = []
    for name in names:
        ours = [value for key, value in gold if key == name]
        theirs = [value for key, value in given if key == name]
        rulings.append(_same_set(ours, theirs) if len(ours) != 1 or len(theirs) != 1 else same(ours[0], theirs[0]))
    return _all(rulings)


def _named_against_bare(named: list[tuple[str, Form]], bare: Form, in_order: bool) -> Ruling:
    """Values with names on one side alone. They follow the order in which they are written; those of one name, or
    of numbered roots, are a set."""
    values = [value for _, value in named]
    names = {name for name, _ in named}
    if len(values) == 1:
        return same(values[0], bare) if in_order else same(bare, values[0])
    items = _items(bare)
    if items is None:
        return NOT_MINE if len(names) == 1 else False
    if isinstance(bare, Listing) and bare.brackets == "{}" and len(names) > 1:
        return None
    pairs = list(zip(values, items, strict=False))
    first = _all([same(a, b) if in_order else same(b, a) for a, b in pairs]) if len(values) == len(items) else False
    if first is True:
        return True
    as_set = _same_set(items, values)
    if len(names) == 1:
        return as_set
    if as_set is not False:
        numbered = len({name.split("_")[0] for name in names}) == 1
        return as_set if numbered and not in_order else None if not in_order else False
    return first


def _assignments(form: Form) -> list[tuple[str, Form]] | None:
    """The names and their values, if each item of an answer is an unknown with its value."""
    if isinstance(form, Relation) and form.signs in (("=",), ("≈",), ("∈",)):
        left, right = form.sides
        if form.signs == ("∈",) and not (isinstance(right, Listing) and right.brackets == "{}"):
            return None
        names = _items(left) if isinstance(left, Listing) and left.brackets == "()" else None
        values = _items(right) if isinstance(right, Listing) and right.brackets == "()" else None
        if names and values and len(names) == len(values):
            pairs = [(_name(name), value) for name, value in zip(names, values, strict=True)]
            known = [(name, value) for name, value in pairs if name]
            return known if len(known) == len(pairs) else None
        if left is None and form.signs == ("≈",) and right is not None:
            return [("", right)]
        name = _name(left)
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


def _name(form: Form | None) -> str | None:
    """The unknown that a side is: "x", "f(x)", "AB", "∠A" or words; None for anything else."""
    if isinstance(form, Name):
        return None if form.name in ("π", "e", "i", "∞", "∅") else form.name
    if isinstance(form, Words):
        return form.text
    if isinstance(form, Call) and form.function.endswith("()"):
        return form.function + str([getattr(a, "name", getattr(a, "value", a)) for a in form.arguments])
    if isinstance(form, Call) and form.function == "*":
        names = [_name(argument) for argument in form.arguments]
        if all(names) and "".join(filter(None, names)).isupper():
            return "".join(filter(None, names))
    return None


def _same_regions(gold: Form, given: Form) -> Ruling:
    sure, other = region(gold, sure=True), region(given, sure=True)
    if sure is None and other is None:
        return NOT_MINE
    ours = region(gold) if sure is None else sure
    theirs = region(given) if other is None else other
    if ours is None or theirs is None:
        return NOT_MINE
    names = unknown_of(gold), unknown_of(given)
    if None not in names and names[0] != names[1]:
        return None
    return same_region(ours, theirs)


def _same_relations(gold: Form, given: Form) -> Ruling:
    """Equations, inequalities and chains that are no plain assignment."""
    ours, theirs = isinstance(gold, Relation), isinstance(given, Relation)
    if not ours and not theirs:
        return NOT_MINE
    if ours and theirs:
        assert isinstance(gold, Relation)
        assert isinstance(given, Relation)
        if gold.signs == given.signs == ("=",):
            return _same_equation(gold, given)
        chained = _chained(given)
        if gold.signs == ("=",) and chained is not None:
            return _same_relations(gold, chained)
        if gold.signs == given.signs and len(gold.sides) == len(given.sides):
            same_sides = [
                a == b or (a is not None and b is not None and same(a, b))
                for a, b in zip(gold.sides, given.sides, strict=True)
            ]
            return True if all(ruling is True for ruling in same_sides) else None
        return None
    relation, other = (gold, given) if ours else (given, gold)
    assert isinstance(relation, Relation)
    value = value_of(relation, key=other if theirs else None)
    if value is None:
        return None if set(relation.signs) <= {"=", "≈", "⇒", "→"} else False if isinstance(other, Number) else None
    return same(value, other) if ours else same(other, value)


def _chained(form: Relation) -> Relation | None:
    """A chain x = a = b as x = b."""
    if len(form.signs) > 1 and set(form.signs) == {"="} and _name(form.sides[0]):
        return Relation((form.sides[0], form.sides[-1]), ("=",))
    return None


def value_of(form: Relation, key: Form | None = None) -> Form | None:
    """The value that a chain of equal sides states. It stands for its equation only if what is equal to it is one
    unknown, if all constant sides are equal, or, where `key` is a constant, if only its last side is constant."""
    if set(form.signs) - {"=", "≈"} or form.sides[0] is None:
        return None
    sides = [side for side in form.sides if side is not None]
    constants = [side for side in sides if _is_constant(side)]
    exact = [side for side, sign in zip(sides, ("=", *form.signs), strict=True) if sign == "="]
    if len(constants) > 1:
        rounded = [_close(a, b) for a, b in pairwise(constants)]
        if not all(rounded):
            return None
        return exact[-1] if exact[-1] in constants else constants[-1]
    first, last = sides[0], sides[-1]
    if (name := _name(first)) is not None:
        return None if name in unknowns(_bare(last)) else last
    if _name(last) and len(sides) == 2:
        return first
    if constants == [last] and not any(isinstance(side, Words) for side in sides):
        return last if key is not None and _is_constant(key) else None
    return None


def _is_constant(form: Form) -> bool:
    value = _bare(form)
    return value is not NOTHING and not unknowns(value)


def _close(one: Form, two: Form) -> bool:
    """Whether two constant sides of a chain are equal, or one is the other to the decimals that it shows."""
    a, b = _expression(one), _expression(two)
    if same(one, two) is True:
        return True
    for rounded, exact in ((a, b), (b, a)):
        if isinstance(rounded, Number) and rounded.decimals:
            try:
                return distance(exact, rounded) <= 10**-rounded.decimals
            except (NoValue, Unread):
                return False
    return False


def _same_equation(gold: Relation, given: Relation) -> bool | None:
    sides = [_expression_or_none(side) for side in (*gold.sides, *given.sides)]
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
    """Equations that are not proportional may still have the same solutions, unless both are linear or so."""
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


def _same_lists(gold: Form, given: Form) -> Ruling:
    gold, given = _as_tuple(gold, given), _as_tuple(given, gold)
    if isinstance(gold, Matrix) or isinstance(given, Matrix):
        return _same_matrix(gold, given)
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
        return False if isinstance(other, Number | Call | Quantity | Words | Name) else None
    if any(_mixed_units(form) for form in (gold, given)):
        return None
    dots = any(isinstance(item, Dots) for item in (*gold.items, *given.items))
    if dots:
        alike = len(gold.items) == len(given.items) and _all(list(map(same, gold.items, given.items))) is True
        return True if alike else None
    if gold.brackets in SETS and given.brackets in SETS and not (gold.ordered or given.ordered):
        ruling = _same_set(gold.items, given.items)
        bare = gold.brackets == given.brackets == ""
        return None if ruling and bare and len(gold.items) != len(given.items) else ruling
    if gold.brackets != given.brackets and {gold.brackets, given.brackets} not in ({"()", ""}, {""}):
        return False
    if len(gold.items) != len(given.items):
        return False
    return _all(list(map(same, gold.items, given.items)))


def _as_tuple(form: Form, other: Form) -> Form:
    """A matrix of one column or row as a tuple, beside a tuple; lists in a list as a matrix, beside a matrix."""
    if isinstance(form, Matrix) and isinstance(other, Listing) and other.brackets in ("()", "[]", ""):
        if all(len(row) == 1 for row in form.rows):
            return Listing(other.brackets, tuple(row[0] for row in form.rows))
        if len(form.rows) == 1:
            return Listing(other.brackets, form.rows[0])
    if isinstance(form, Listing) and isinstance(other, Matrix) and form.brackets in ("[]", "()", ""):
        rows = [item.items for item in form.items if isinstance(item, Listing)]
        if len(rows) == len(form.items) and len({len(row) for row in rows}) == 1:
            return Matrix(tuple(rows))
    return form


def _same_matrix(gold: Form, given: Form) -> Ruling:
    if not (isinstance(gold, Matrix) and isinstance(given, Matrix)):
        return NOT_MINE
    if len(gold.rows) != len(given.rows) or len(gold.rows[0]) != len(given.rows[0]):
        return False
    rows = zip(gold.rows, given.rows, strict=True)
    return _all([same(a, b) for one, two in rows for a, b in zip(one, two, strict=True)])


def _mixed_units(form: Listing) -> bool:
    """Whether a list is one value in two units: 3 hours and 20 minutes."""
    if form.brackets or not all(isinstance(item, Quantity) for item in form.items):
        return False
    known = [measure(item.unit) for item in form.items if isinstance(item, Quantity)]
    found = [unit for unit in known if unit and unit[0]]
    return len({size for _, size in found}) > 1 and len({kind for kind, _ in found}) < len(found)


def _same_others(gold: Form, given: Form) -> Ruling:
    if isinstance(gold, Based) or isinstance(given, Based):
        return _same_based(gold, given)
    if isinstance(gold, Ratio) or isinstance(given, Ratio):
        return _same_ratio(gold, given)
    if isinstance(gold, Union) and isinstance(given, Union) and gold.sign == given.sign:
        return True if _all([same(gold.left, given.left), same(gold.right, given.right)]) else None
    if isinstance(gold, Quantity | Number | Name | Call) and isinstance(given, Quantity | Number | Name | Call):
        return _same_scalar(gold, given)
    return NOT_MINE


def _same_based(gold: Form, given: Form) -> bool | None:
    """52_8 equals 52, because the question names the base, and 101010_2, but not 52_9."""
    if isinstance(gold, Based) and isinstance(given, Based):
        try:
            return int(gold.digits, gold.base) == int(given.digits, given.base)
        except ValueError:
            return gold == given
    based, other = (gold, given) if isinstance(gold, Based) else (given, gold)
    assert isinstance(based, Based)
    return isinstance(other, Number) and other.decimals is None and other.value == int(based.digits)


def _same_ratio(gold: Form, given: Form) -> bool | None:
    if isinstance(gold, Ratio) and isinstance(given, Ratio):
        if gold.half != given.half:
            return None if not (gold.half and given.half) else False
        if len(gold.parts) != len(given.parts):
            return False
        ruling = _all(list(map(same, gold.parts, given.parts)))
        return ruling if ruling is not False or gold.half or not _proportional(gold, given) else None
    ratio, other = (gold, given) if isinstance(gold, Ratio) else (given, gold)
    assert isinstance(ratio, Ratio)
    parts = [part for part in ratio.parts if isinstance(part, Number | Name | Call)]
    if len(parts) == 2 and len(ratio.parts) == 2 and not ratio.half and isinstance(other, Number | Call):
        return same(Call("/", (parts[0], parts[1])), other)
    return False if isinstance(other, Number | Call) else None


def _proportional(gold: Ratio, given: Ratio) -> bool:
    pairs = list(zip(map(_expression, gold.parts), map(_expression, given.parts), strict=True))
    (a, b), rest = pairs[0], pairs[1:]
    return all(same_value(Call("*", (a, d)), Call("*", (b, c))) for c, d in rest)


def _same_scalar(gold: Form, given: Form) -> bool | None:
    """Two values, with their units, per cent and degrees."""
    read = [_as_quantity(form) for form in (gold, given)]
    if read != [gold, given] and not (unknowns(_bare(read[0])) or unknowns(_bare(read[1]))):
        if isinstance(gold, Quantity) or isinstance(given, Quantity):
            gold, given = read
        elif not (unknowns(_bare(gold)) and unknowns(_bare(given))):
            return None if _same_scalar(*read) else False
    one, two = _bare(gold), _bare(given)
    factor = _factor(gold, given)
    if factor is None:
        return None
    one, one_percent = _without(one, "percent")
    two, two_percent = _without(two, "percent")
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


def _as_quantity(form: Form) -> Form:
    """A number with one letter as a quantity, if the letter may be a unit: 5 m."""
    if isinstance(form, Call) and form.function == "*" and isinstance(form.arguments[1], Name):
        letter = form.arguments[1].name
        return Quantity(form.arguments[0], letter) if letter in SIZES else form
    return form


def _same_number(gold: Expression, given: Expression) -> bool | None:
    ruling = same_value(gold, given)
    if ruling is False and (_rounds(gold, given) or _rounds(given, gold)):
        return True
    if ruling is False:
        for alternative in _alternatives(gold, given):
            if same_value(*alternative) is not False:
                return None
    return ruling


def _rounds(exact: Expression, decimal: Expression) -> bool:
    """Whether a decimal equals an irrational number to each of its digits, of which there are six or more."""
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


def _alternatives(gold: Expression, given: Expression) -> Iterable[tuple[Expression, Expression]]:
    """The same two in another reading, where there is one: "log" as the natural logarithm, unknowns in one case, a
    factorial as an exclamation."""
    if isinstance(given, Call) and given.function == "!":
        yield gold, given.arguments[0]  # an exclamation mark
    for change in (_natural, _lower):
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


def _lower(form: Expression) -> Expression:
    return Name(form.name.casefold()) if isinstance(form, Name) else form


def _factor(gold: Form, given: Form) -> Fraction | None:
    """By what the given value is multiplied to be in the key's unit: 1 if a unit is missing; None if the units measure
    different things, or the words behind a value are no unit."""
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


def _same_set(gold: Sequence[Form], given: Sequence[Form]) -> bool | None:
    """Whether each item of either is in the other."""
    doubt = False
    for ours, theirs, turned in ((gold, given, False), (given, gold, True)):
        for item in ours:
            rulings = [same(other, item) if turned else same(item, other) for other in theirs]
            if True not in rulings:
                if None not in rulings:
                    return False
                doubt = True
    return None if doubt else True


def _all(rulings: Sequence[bool | None]) -> bool | None:
    return False if False in rulings else None if None in rulings else True


def _items(form: Form | None) -> list[Form] | None:
    return list(form.items) if isinstance(form, Listing) and form.brackets in ("", "()", "{}") else None


def _bare(form: Form | None) -> Expression:
    if isinstance(form, Quantity):
        return form.value
    return form if isinstance(form, Number | Name | Call) else NOTHING


def _expression(form: Form | None) -> Expression:
    return _bare(form)


def _expression_or_none(form: Form | None) -> Expression | None:
    found = _bare(form)
    return None if found is NOTHING else found


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


NOTHING = Name("")
SETS = ("", "{}")
SIX = 6  # decimals from which a decimal may stand for an irrational number
EMPTY = ("empty set", "the empty set", "empty")
LINE = ("all real numbers", "all reals", "real numbers", "all real")
LINE_LISTING = Listing("()", (Call("neg", (Name("∞"),)), Name("∞")))
SYNONYMS = {"dne": "does not exist", "undefined.": "undefined"}
