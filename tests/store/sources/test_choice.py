"""Multiple choice: labels in the texts, and answers that may name two choices."""

from typing import Any

import pytest

from redraft.store.errors import SourceError
from redraft.store.sources.choice import chosen_letter, option_columns, read_choices

PLAIN = [("A", "38"), ("B", "27.675"), ("C", "data inadequate")]


@pytest.mark.parametrize(
    "value",
    [
        "a ) 38 , b ) 27.675 , c ) data inadequate",
        "['a ) 38 , b ) 27.675 , c ) data inadequate']",
        "['a ) 38', 'b ) 27.675', 'c ) data inadequate']",
        "A) 38 B) 27.675 C) data inadequate",
        "(A) 38, (B) 27.675, (C) data inadequate",
        "A. 38\nB. 27.675\nC. data inadequate",
        ["A)38", "B)27.675", "C)data inadequate"],
        ["(A) 38", "(B)27.675", "(C) data inadequate"],
        ["A. 38", "B. 27.675", "C. data inadequate"],
        '["38", "27.675", "data inadequate"]',
        "{'A': '38', 'B': '27.675', 'C': 'data inadequate'}",
        {"label": ["A", "B", "C"], "text": ["38", "27.675", "data inadequate"]},
    ],
)
def test_choices_are_read_without_the_labels_in_their_texts(value: Any) -> None:
    assert read_choices(value) == PLAIN


@pytest.mark.parametrize("texts", [["A) one", "C) two"], ["A) one", "two"], ["a.b", "c.d"]])
def test_what_only_looks_like_a_label_belongs_to_the_text(texts: list[str]) -> None:
    assert [text for _, text in read_choices(texts)] == texts


@pytest.mark.parametrize(
    ("texts", "answer", "answer_is", "found"),
    [
        (["0", "2", "1"], 1, "", "B"),  # a whole number is a number from 0
        (["0", "2", "1"], "1", "number", "B"),
        (["0", "2", "1"], "1", "text", "C"),
        (["0", "1", "2"], "1", "", "B"),  # both ways are one choice
        (["B", "A"], "A", "label", "A"),
        (["B", "A"], "A", "text", "B"),
        (["x", "y"], "b", "", "B"),
        (["yes", "no"], "no", "number", "B"),
        (["x", "x", "y"], "y", "", "C"),
        (["x", "x", "y"], "A", "", "A"),
        (["0", "0", "1"], "0", "number", "A"),
    ],
)
def test_the_layout_or_the_type_decides_between_two_choices(
    texts: list[str], answer: Any, answer_is: str, found: str
) -> None:
    assert chosen_letter(answer, read_choices(texts), answer_is) == found


@pytest.mark.parametrize("answer", ["AC", ["A", "C"], "(AC)"])
def test_several_right_choices_are_refused(answer: Any) -> None:
    with pytest.raises(
        SourceError, match=r"^several choices are right \(A, C\), and redraft's multiple choice has one$"
    ):
        chosen_letter(answer, PLAIN)


@pytest.mark.parametrize(
    ("texts", "answer", "ways"),
    [
        (["1", "2", "3"], "2", "C by its number or B by its text"),
        (["0", "2", "1"], "1", "B by its number or C by its text"),
        (["B", "A"], "A", "A by its label or B by its text"),
    ],
)
def test_an_answer_that_fits_two_choices_is_refused(texts: list[str], answer: str, ways: str) -> None:
    with pytest.raises(SourceError) as error:
        chosen_letter(answer, read_choices(texts))
    assert str(error.value) == f"the answer {answer!r} may be choice {ways}: write the letter of the right choice"


@pytest.mark.parametrize(
    ("texts", "answer", "letters"), [(["x", "x", "y"], "x", "A and B"), (["y", "x", "x"], "(x)", "B and C")]
)
def test_a_text_that_two_choices_have_names_neither(texts: list[str], answer: str, letters: str) -> None:
    with pytest.raises(SourceError) as error:
        chosen_letter(answer, read_choices(texts))
    assert str(error.value) == f"the answer {answer!r} is the text of the choices {letters}: no two may be equal"


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["Question", "A", "B", "C", "D", "Answer"], "ABCD"),
        (["B", "A"], "AB"),
        (["optionA", "optionB"], "AB"),
        (["option_a", "Option_B", "option_c"], "ABC"),
        (["Option A", "Option B"], "AB"),
        (["choice1", "choice2", "choice3"], "123"),
        (["choice0", "choice1"], "01"),
        (["A", "C"], ""),
        (["a", "b", "c"], ""),
        (["1", "2"], ""),
        (["choice", "option"], ""),
        (["optionA", "choiceB"], ""),
    ],
)
def test_the_columns_that_hold_a_choice_each(names: list[str], labels: str) -> None:
    assert "".join(option_columns(names)) == labels
