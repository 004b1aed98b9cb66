"""One spelling for many: what is taken away, and what stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from redraft.graders.answers.normalize import bare, box, unwrap


@pytest.mark.parametrize(
    ("answer", "spelled"),
    [
        (r"\dfrac{1}{2}", r"\frac{1}{2}"),
        (r"\frac12", r"\frac{1}{2}"),
        (r"\tfrac1{23}", r"\frac{1}{23}"),
        (r"\frac{ 1 } {2}", r"\frac{1}{2}"),
        (r"\sqrt2", r"\sqrt{2}"),
        ("√10", r"\sqrt{10}"),
        (r"\left( 1, 2 \right)", "( 1, 2 )"),
        (r"90^\circ", "90"),
        ("90°", "90"),
        (r"1{,}000", "1,000"),
        (r"1,\!000", "1,000"),
        (r"\mbox{cm}", r"\text{cm}"),
        (r"\$5\%", "$5%"),
        (r"a\, b\quad c~d", "a b c d"),
        (r"a \\ b", r"a \\ b"),  # a line break of a matrix is no spacing
        ("x² − 1", "x^2 - 1"),
        (r"\leftarrow", r"\leftarrow"),
    ],
)
def test_typesetting_makes_no_difference(answer: str, spelled: str) -> None:
    assert bare(answer) == spelled
    assert bare(spelled) == spelled


@pytest.mark.parametrize(
    ("answer", "inside"),
    [
        ("  7. ", "7"),
        ("$$7$$", "7"),
        (r"\(7\)", "7"),
        (r"**\boxed{$7$}**.", "7"),
        ("`x`", "x"),
        ("__x__", "x"),
        ("$1$ and $2$", "$1$ and $2$"),  # the marks at the ends are no pair
        (r"$5\$", r"$5\$"),
        (r"\boxed{1} and \boxed{2}", r"\boxed{1} and \boxed{2}"),
        (r"\boxed{1", r"\boxed{1"),
        ("**7", "7"),
        ("7,", "7"),
        ("", ""),
        ("$$", ""),
    ],
)
def test_the_marks_around_an_answer_are_taken_off(answer: str, inside: str) -> None:
    assert unwrap(answer) == inside


@given(some.text("7$*`_\\()[]. x", max_size=10))
def test_unwrapping_again_changes_nothing(answer: str) -> None:
    assert unwrap(unwrap(answer)) == unwrap(answer)


@pytest.mark.parametrize(
    ("text", "start", "found"),
    [
        (r"\boxed{a}", 0, ("a", 9)),
        (r"\fbox {a{b}c} d", 0, ("a{b}c", 13)),
        (r"x \boxed{\}}", 2, (r"\}", 12)),
        (r"\boxed 5$ x", 0, ("5", 8)),
        (r"\boxed-5", 0, ("-5", 8)),
        (r"\boxed{}", 0, ("", 8)),
        (r"\boxed{a", 0, None),
        (r"\boxed", 0, None),
        (r"\boxedx", 0, None),
        (r"x \boxed{a}", 0, None),
    ],
)
def test_a_box_with_its_end(text: str, start: int, found: tuple[str, int] | None) -> None:
    assert box(text, start) == found
