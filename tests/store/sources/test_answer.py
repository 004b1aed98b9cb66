"""The known answer of a problem, from what data sets write in the answer's column."""

from typing import Any

import pytest

from redraft.store.errors import SourceError
from redraft.store.sources.answer import known_answer

UNCLEAR = "a solution that states no answer plainly"


@pytest.mark.parametrize(
    ("cell", "answer"),
    [
        ("9 (apples)", "9"),
        ("1,200 (square feet)", "1,200"),
        ("3:4 (ratio of red)", "3:4"),
        ("4 (cats); 6 (dogs)", "4, 6"),
        ("10 (cm^2)", "10"),
        ("(5 apples)", "5 apples"),
        ("(5 mod 7)", "(5 mod 7)"),
        ("(5 a)", "(5 a)"),
        ("A)21", "21"),
        ("(B) $21$", "$21$"),
        ("(A) -3", "-3"),
        ("(A) - 3", "(A) - 3"),
        ("(A)(B)", "(A)(B)"),
        ('["\\\\frac{3}{2}"]', "\\frac{3}{2}"),
        ('["3", "$4$"]', "3, 4"),
        (r"['\\pi', 'e']", r"\pi, e"),
        ("['x] is open", "['x] is open"),
        ("[1, 2]", "[1, 2]"),
        ("5 (mod 7)", "5 (mod 7)"),
        ("12 (base 8)", "12 (base 8)"),
        ("2 (x+1)", "2 (x+1)"),
        ("2(x)", "2(x)"),
        ("(3, 4)", "(3, 4)"),
        ("7; 8", "7; 8"),
        (["$2$", "$-2$"], "2, -2"),
        (["$x$ and $y$"], "$x$ and $y$"),
        ([18], "18"),
        ([], None),
        ({"text": ["in 1990", "1990"], "answer_start": [3, 6]}, "in 1990"),
        (18.0, "18.0"),
        (True, "True"),
        (0, "0"),
    ],
)
def test_a_value_is_taken_as_written_without_its_unit(cell: Any, answer: str | None) -> None:
    assert known_answer(cell).answer == answer


@pytest.mark.parametrize("cell", ["NaN", "None", "null", "N/A", "proof", "Proof", "notfound", "not found", " nan "])
def test_a_word_that_is_no_value_stands_for_no_answer(cell: str) -> None:
    assert known_answer(cell) == (None, None, repr(cell.strip()))
    boxed = known_answer(rf"So \boxed{{{cell}}}.")
    assert (boxed.answer, boxed.why) == (None, repr(cell.strip()))


@pytest.mark.parametrize("cell", [None, float("nan"), "", "  "])
def test_an_empty_cell_has_no_answer_and_no_word_for_it(cell: Any) -> None:
    assert known_answer(cell) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("He has 30 - 12 = 18 dollars.", "18"),
        ("First 3 + 4 = 7.\nThen 7 * 2 = 14.", "14"),
        ("She buys 3 and 4. So there are 1,200 pens.", "1200"),
        ("Half is left.\nThe answer is 1/2.", "1/2"),
        ("Some words.\nAnswer: x = 3", "x = 3"),
        ("Some words, then **The answer is: $42$**", "$42$"),
        ("It costs $2.50 in the end, so we pay $2.50.", None),
        ("It lies between 3 and 5 in the end.", None),
        ("We see that it is even. Hence the claim holds for all.", None),
        ("4 + 5 = 9", "9"),
        ("Paris", "Paris"),
        ("x = 5", "x = 5"),
        ("18", "18"),
    ],
)
def test_a_worked_solution_without_a_mark_gives_its_last_value_only_if_that_is_plain(
    text: str, answer: str | None
) -> None:
    found = known_answer(text, "solution")
    if text in ("Paris", "x = 5", "18"):
        assert found == (text, None, None)
    else:
        assert found == (answer, text, None if answer else UNCLEAR)


def test_a_text_of_several_lines_is_a_solution_in_any_column_if_it_is_prose() -> None:
    assert known_answer("We add them all.\nSo it is 7.") == ("7", "We add them all.\nSo it is 7.", None)
    matrix = "$$\n\\begin{cases}1 & x \\leq 0 \\\\ 2 & \\text{otherwise}\\end{cases}\n$$"
    assert known_answer(matrix) == (matrix, None, None)
    assert known_answer("We add. So it is 7.") == ("We add. So it is 7.", None, None)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("He has 3+2=5 apples. The answer is 5.", "5"),
        ("The answer is 5.", "5"),
        ("Answer: 3.5", "3.5"),
        ("The answer is not 4. So the answer is 5.", "5"),
        ("The answer is **5**.", "5"),
        ("The answer is 5. But he gives two away.", None),
        ("The answer is\n5\nbecause we add all of these numbers.", None),
    ],
)
def test_a_text_of_one_line_that_says_the_answer_is_a_solution_in_any_column(text: str, answer: str | None) -> None:
    assert known_answer(text) == (answer, text, None if answer else UNCLEAR)


@pytest.mark.parametrize("text", ["The area is 3.\n#### ", "The area is 3.\n####", "The area is 3.\n#### $"])
def test_a_mark_without_a_value_is_no_answer(text: str) -> None:
    assert known_answer(text) == (None, "The area is 3.", "#### without a value")


@pytest.mark.parametrize(
    ("text", "stated", "marked"),
    [
        ("red, green, blue", None, None),
        ("The total was 5 shells.", None, None),
        ("7", "7", None),
        ("x^2 + 1", "x^2 + 1", None),
        ("We add. The answer is 7.", "7", None),
        (r"So \boxed{7} it is.", "7", "7"),
        ("So it is.\n#### 7", "7", "7"),
    ],
)
def test_free_text_is_an_answer_only_if_it_states_or_marks_one(
    text: str, stated: str | None, marked: str | None
) -> None:
    assert known_answer(text, "statement").answer == stated
    found = known_answer(text, "mark")
    assert (found.answer, found.why) == (marked, None if marked else "a text that marks no answer")


def test_an_object_is_no_answer() -> None:
    with pytest.raises(SourceError, match="the answer is not a text"):
        known_answer({"value": 3})
