from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.store.tables.rows.equations import equations, signature


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The boxes hold 5*9=45 hats, and 45 - 5 = 41 are left.", [("5*9=45", True), ("45 - 5 = 41", False)]),
        ("1,000+1=1,001 and 490/8=55 and 7÷2=3.5", [("1,000+1=1,001", True), ("490/8=55", False), ("7÷2=3.5", True)]),
        ("3−5=-2, 4/0=0", [("3−5=-2", True), ("4/0=0", False)]),
        ("10/3=3.33, 2/3=0.66, 1/3=0.34", [("10/3=3.33", True), ("2/3=0.66", True), ("1/3=0.34", True)]),
        ("0.1+0.2=0.4, 7/2=3", [("0.1+0.2=0.4", False), ("7/2=3", False)]),
        ("- 3+4=8\n- 7 - 1 = 6", [("3+4=8", False), ("7 - 1 = 6", True)]),
        ("Going back, 6=2. #### 16", [("6=2", False)]),
        ("1 1/2 = 1.5, 8 x 1 1/2 = 12, 17 000/5 = 3 400, 4 / 3 = 1 and 1/3, 3/6 = 50%, 6:00+48=6:48", []),
        ("100=5A, n=6=2, 75 x 64/100 = 48, 7+8=3 (mod 12), (1/2) 278 + 11 = 150, 31/3 = 10.3...", []),
        ("x=3, 2+2 is 4, a1+2=3, 1+2+3=6, 9 * 2+3=21, 5+5=8+2, 2^3+1=9", []),
    ],
)
def test_equations_are_found_and_worked(text: str, found: list[tuple[str, bool]]) -> None:
    assert list(equations(text)) == found


@given(st.integers(0, 10**20), st.sampled_from("+-*/"), st.integers(0, 10**20), st.integers(0, 10**20))
def test_whole_numbers_are_worked_exactly(a: int, sign: str, b: int, other: int) -> None:
    right = {"+": a + b, "-": a - b, "*": a * b, "/": Fraction(a, b) if b else None}[sign]
    for result in {other, a + b, a - b, a * b, a // max(1, b)}:
        assert list(equations(f"{a} {sign} {b} = {result}")) == [(f"{a} {sign} {b} = {result}", right == result)]


@pytest.mark.parametrize(
    "text",
    [
        "5*3=15, 15+1000=1015",
        "5 bags x 3 pens = 15 pens.\nWith 1,000 more, 15 + 1,000 = 1,015.00",
        r"\(5 \times 3 = 15\) and $15 + $1000 = $1015",
        "She has 5 * 3 = <<5*3=15>>15. Then (15+1000=1015). Again, 5*3=15.",
    ],
)
def test_a_signature_is_the_equations_whatever_the_words(text: str) -> None:
    assert signature(text) == ("5*3=15", "15+1000=1015")


def test_a_signature_is_no_evaluation_and_empty_without_equations() -> None:
    assert signature("3+4*2=11 = 11, .5*2=1, 2/0=7, 9**9**9=1") == ("3+4*2=11=11", ".5*2=1", "2/0=7", "9^9^9=1")
    assert signature("assert 3+2==5\na = 5*3\nIt is 4.") == ()
    assert signature("3+4=7\n7+1=8") != signature("7+1=8\n3+4=7")
