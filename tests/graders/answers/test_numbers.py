"""One plain number, read exactly, and what counts as the same number."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from redraft.graders.answers.numbers import MAX_LENGTH, Plain, is_whole, named, plain, same_number


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("007", Fraction(7)),
        ("-.5", Fraction(-1, 2)),
        ("3.", Fraction(3)),
        ("1,234,567.5", Fraction(2469135, 2)),
        (r"-\frac{-1.5}{3}", Fraction(1, 2)),
        (r"2\frac{1}{4}", Fraction(9, 4)),
        ("-2 1/4", Fraction(-9, 4)),
        ("2^{-3}", Fraction(1, 8)),
        ("-2^2", Fraction(-4)),
        ("0^3", Fraction(0)),
        ("1.5e-3", Fraction(3, 2000)),
        (r"3 \times 10^{4}", Fraction(30000)),
        ("2.5 million", Fraction(2_500_000)),
        ("$-4 thousand dollars", Fraction(-4000)),
        ("12 km/h", Fraction(12)),
        ("3 cm^2", Fraction(3)),
        ("3½", Fraction(7, 2)),
        ("½", Fraction(1, 2)),
        ("1,23", None),
        ("1/0", None),
        (r"1\frac{1}{0}", None),
        ("0^0", None),
        ("0^-1", None),
        ("3 xy", None),
        ("3 or 4", None),
        ("5 squared", None),  # words that change the value are no unit
        ("5 dozen", None),
        ("2 abd", None),
        (r"2\mathrm{e}", None),
        (r"5\text{ or more}", None),
        (r"5\text{ m}", Fraction(5)),
        ("3 + 4 = 7", None),
        ("2^9999", None),  # a result of more than a thousand digits
        ("9" * (MAX_LENGTH + 1), None),
        ("x", None),
        ("", None),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_plain_number_by_hand(answer: str, value: Fraction | None) -> None:
    found = plain(answer)
    assert (found and found.value) == value


@given(some.fractions(), some.sampled_from(["{}", "${}$", "{}.", r"\boxed{{{}}}", "**{}**", "{} cm", "x = {}"]))
def test_a_fraction_is_read_in_every_wrapping(value: Fraction, wrapping: str) -> None:
    found = plain(wrapping.format(value))
    assert found is not None
    assert found.value == value


@given(some.text("0123456789", max_size=5) | some.text(max_size=3))
def test_whole_answers_are_those_that_int_reads_digit_by_digit(text: str) -> None:
    assert is_whole(text) == (text != "" and set(text) <= set("0123456789"))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("x = 3", ("x", "3")),
        (r"\theta=3", (r"\theta", "3")),
        ("f(x) = 3", ("f(x)", "3")),
        ("x_1 = 3", ("x_1", "3")),
        ("x _ {12} = 3", ("x_{12}", "3")),
        ("3", ("", "3")),
        ("x = y = 3", ("", "x = y = 3")),
        ("x =", ("", "x =")),
    ],
)
def test_an_unknown_is_taken_from_before_its_value(text: str, parts: tuple[str, str]) -> None:
    assert named(text) == parts


ONE, HALF = Fraction(1), Fraction(1, 2)


@pytest.mark.parametrize(
    ("gold", "given_answer", "same"),
    [
        (Plain(HALF), Plain(HALF), True),
        (Plain(HALF), Plain(Fraction(50), percent=True), True),
        (Plain(Fraction(50), percent=True), Plain(HALF), True),
        (Plain(Fraction(50)), Plain(Fraction(50), percent=True), True),
        (Plain(Fraction(50)), Plain(HALF, percent=True), False),
        (Plain(Fraction(50), percent=True), Plain(Fraction(5000), percent=True), False),
        (Plain(Fraction(50)), Plain(HALF), False),
        (Plain(ONE, name="x"), Plain(ONE, name="y"), False),
        (Plain(ONE, name="x"), Plain(ONE), True),
        (Plain(ONE), Plain(ONE, name="y"), True),
    ],
)
def test_the_same_number(gold: Plain, given_answer: Plain, same: bool) -> None:
    assert same_number(gold, given_answer) == same
    assert same_number(given_answer, gold) == same
