"""From a row to a problem, cell by cell."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from redraft.store.errors import ColumnError, SourceError
from redraft.store.problems import Kind, Problem
from redraft.store.sources.answer import boxed
from redraft.store.sources.problem import SourceNotes, problem, worked


def read(row: dict[str, Any], question: str | None = None, answer: str | None = None) -> Problem:
    return problem(row, source="s", split=None, question=question, answer=answer)


@pytest.mark.parametrize(
    ("level", "found"),
    [("Level 5", 5), ("level5", 5), (3, 3), (3.0, 3), (" 2 ", 2), ("Level ?", None), (2.5, None), (None, None),
     (-1, None), ("12345678901", None)],
)  # fmt: skip
def test_a_level_is_a_whole_number_or_none(level: Any, found: int | None) -> None:
    assert read({"question": "a", "level": level}).level == found


@pytest.mark.parametrize(
    ("answer", "key", "solution"),
    [
        (4, "4", None),
        (0, "0", None),
        (False, "False", None),
        ("  ", None, None),
        (None, None, None),
        ("So.\n####   1,234 ", "1234", "So."),
        ("#### $5", "5", None),  # nothing was worked
        ("a #### 1\nb\n#### 2", "2", "a #### 1\nb"),
        (r"It is \boxed{a\\b}.", r"a\\b", r"It is \boxed{a\\b}."),
        (r"\boxed{1} #### 2", "2", r"\boxed{1} "),
    ],
)
def test_the_key_is_taken_out_of_a_worked_solution(answer: Any, key: str | None, solution: str | None) -> None:
    found = read({"question": "a", "answer": answer})
    assert found.answer == key
    assert found.meta == ({} if solution is None else {"solution": solution})


def test_the_first_usual_column_counts_whatever_its_case_and_place() -> None:
    row = {"prompt": "no", " QUESTION ": " yes ", "target": "no", "Answer": "7", "topic": "t", "subject": "s"}
    assert read(row) == Problem("yes", "7", source="s", subject="s")
    assert read({"Question": "first", "question": "second"}).question == "first"


@pytest.mark.parametrize("number", [7, "7", 0])
def test_an_id_of_its_own_stands_behind_the_source(number: Any) -> None:
    assert read({"question": "a", "id": number}).problem_id == f"s/{number}"


def test_without_an_id_equal_questions_have_equal_ids() -> None:
    first, again, other = (read({"question": text, "answer": key}) for text, key in [("a", 1), (" a", 2), ("b", 1)])
    assert first.problem_id == again.problem_id != other.problem_id


@pytest.mark.parametrize(
    ("row", "named", "words"),
    [
        ({}, {}, "no column for the question among none: name the one that holds the question with --question-column"
         " and the one that holds the answer with --answer-column"),
        ({"a": 1, "Answer": 2}, {}, "no column for the question among a, Answer: name the one that holds the question"
         " with --question-column"),
        ({"tests": "assert f(1)", "a": 1}, {}, "no column for the question among tests, a: name the one that holds the"
         " question with --question-column"),
        ({"a": 1, "b": 2}, {"question": "c"},
         "no column 'c' among a, b: name the one that holds the question with --question-column"),
        ({"Q": 1}, {"question": "q"}, "no column 'q' among Q: name the one that holds the question"
         " with --question-column"),
        ({"question": 1}, {"answer": "b"}, "no column 'b' among question: name the one that holds the answer"
         " with --answer-column"),
    ],
)  # fmt: skip
def test_a_column_that_is_not_there_is_to_be_named(row: dict, named: dict[str, str], words: str) -> None:
    with pytest.raises(ColumnError) as caught:
        read(row, **named)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("choices", "answer", "letter"),
    [
        ({"label": ["1", "2"], "text": ["x", "y"]}, "1", "A"),  # a label comes before a number from 0
        (["x", "y"], 0, "A"),
        (["x", "y"], "(b).", "B"),
        (["x", "B"], "B", "B"),
        (["the (1st).", "y"], "the (1st).", "A"),
        (["x", "y"], None, None),
        ([f"{n}th" for n in range(26)], "25th", "Z"),
    ],
)
def test_the_right_choice_by_label_number_or_text(choices: Any, answer: Any, letter: str | None) -> None:
    found = read({"question": "a", "choices": choices, "answer": answer, "rationale": "Because."})
    assert (found.answer, found.kind, found.meta) == (letter, Kind.CHOICE, {"solution": "Because."})


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ("[" * 100_000, "the choices are no JSON list"),
        ("x, y", "the choices are no JSON list"),
        ("7", "the choices are not a list"),
        (["x"], "not a list of 2 to 26 texts"),
        ([str(n) for n in range(27)], "not a list of 2 to 26 texts"),
        ({"label": ["A"], "text": ["x", "y"]}, "not a list of 2 to 26 texts"),
        ({"label": ["A", "B"], "text": "xy"}, "not a list of 2 to 26 texts"),
        ({"label": None, "text": []}, "not a list of 2 to 26 texts"),
        ({"label": 2, "text": ["x", "y"]}, "not a list of 2 to 26 texts"),
        (["x", ["y"]], "the choice is not a text"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_choices_that_are_none(choices: Any, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        read({"question": "a", "choices": choices})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("choices", ["", [], None, {}, "null"])
def test_no_choices_leave_a_question_as_it_is(choices: Any) -> None:
    assert read({"question": "a", "choices": choices, "answer": "B"}) == Problem("a", "B", source="s")


REGION = {"A": "hippocampus", "B": "amygdala", "C": "cerebellum", "D": "V1"}


@pytest.mark.parametrize(
    ("row", "answer", "letter", "lines"),
    [
        (REGION, "B", "B", 4),
        (REGION, "amygdala", "B", 4),
        (REGION, 3, "D", 4),
        (REGION, None, None, 4),
        ({**REGION, "D": None}, "A", "A", 3),
        ({"optionA": "x", "optionB": "y"}, "B", "B", 2),
        ({"option_a": "x", "option_b": "y"}, "y", "B", 2),
        ({"choice1": "x", "choice2": "y"}, "1", "A", 2),
        ({"choice1": "x", "choice2": "y"}, 2, "B", 2),
        ({"option1": 3, "option2": 4}, 1, "A", 2),
        ({"A": 3, "B": "4"}, "b", "B", 2),
    ],
)
def test_options_in_columns_of_their_own_are_choices(row: dict, answer: Any, letter: str | None, lines: int) -> None:
    found = read({"Question": "Which region?", **row, "Answer": answer})
    assert (found.kind, found.answer) == (Kind.CHOICE, letter)
    assert found.question.splitlines()[1:] == [
        f"{letter}) {text}" for letter, text in zip("ABCD", filter(None, row.values()), strict=False)
    ]
    assert len(found.question.splitlines()) == lines + 1


def test_numbers_in_columns_of_letters_may_be_no_choices() -> None:
    sides = {"question": "Which perimeter?", "A": 3, "B": 4, "C": 5, "answer": 12}
    assert read(sides) == Problem("Which perimeter?", "12", source="s")


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ({"premise": "x" * 200}, ["premise"]),
        ({"story": "x" * 400, "Source": "y" * 400}, ["story"]),
        ({"premise": "x" * 199}, []),
        ({"formatted": f"Solve this. {'x' * 400} How many?"}, []),
        ({"generated_solution": "x" * 400, "cot": "x" * 400, "r1_response": "x" * 400, "SourceUrl": "x" * 400}, []),
        ({"numbers": [1] * 400, "test": "x" * 400, "explanation": "x" * 400, "context": "x" * 400}, []),
        ({"video": "x" * 400, "studio": "x" * 400}, ["video", "studio"]),
    ],
)
def test_a_long_text_that_the_question_leaves_out_is_counted(row: dict, columns: list[str]) -> None:
    notes = SourceNotes()
    problem(
        {"question": "How many?", "answer": 3, **row}, source="s", split=None, question=None, answer=None, notes=notes
    )
    assert list(notes.left_out) == columns


def test_a_named_column_of_the_question_or_the_answer_is_not_left_out() -> None:
    notes = SourceNotes()
    row = {"story": "x" * 400, "task": "How many?", "key": "y" * 400, "note": "z" * 400}
    problem(row, source="s", split=None, question="story, task", answer="key", notes=notes)
    assert list(notes.left_out) == ["note"]


NESTED = some.recursive(
    some.text("ab\\ $", max_size=3),
    lambda inner: inner.map("{{{}}}".format) | some.builds(str.__add__, inner, inner),
    max_leaves=6,
)


@given(NESTED)
def test_a_box_holds_what_its_braces_hold(inside: str) -> None:
    inside = inside.replace("\\", r"\\")  # a line break of LaTeX: neither brace is escaped
    assert boxed(rf"So \boxed{{1}} or \fbox {{{inside}}} is it}}.") == inside.strip()


@pytest.mark.parametrize("text", [r"\boxed{", r"\boxed{a\}", r"\boxed{1} \boxed{{2}", r"\boxed{\\\}"])
def test_a_box_that_is_never_closed(text: str) -> None:
    with pytest.raises(SourceError, match="never closed"):
        boxed(text)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"answer": "So.\n#### 4"}, "So.\n#### 4"),
        ({"answer": "4", "solution": " So. "}, "So."),
        ({"answer": "4", "rationale": ""}, "4"),
        ({"question": "a"}, ""),
    ],
)
def test_the_worked_solution_of_a_row(row: dict, text: str) -> None:
    assert worked(row) == text
