"""What a user is told of a source before a model is paid for."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.display.progress import Silent
from redraft.flows.generation.problems import problems
from redraft.flows.settings import Selection
from redraft.store.errors import SourceError
from redraft.store.problems import Problem


class Said(Silent):
    """Keeps the lines that it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.mark.parametrize(
    ("rows", "named", "says"),
    [
        ([{"question": "1 + 1?", "answer": 2}], {}, []),
        (
            [{"question": "1 + 1?", "key": 2}],
            {},
            ["no problem has a known answer among the columns question, key: if a column holds it, name the column with"
             " --answer-column"],
        ),
        (
            [{"problem": "1?", "answer": 1}, *({"problem": f"{n}?", "answer": "proof"} for n in "abc"),
             {"problem": "d?", "answer": None}, {"problem": "e?", "answer": "It is so.\nHence it is."}],
            {},
            ["5 of 6 problems have no known answer; in its place: 'proof' (3), nothing (1), a solution that states no"
             " answer plainly (1)"],
        ),
        (
            [{"Body": "A tram.", "Question": "How many?", "Answer": 1}, {"Body": "", "Question": "Who?", "Answer": 1}],
            {"question_column": "Question"},
            ["1 question without the text of the column 'Body': if it belongs to the question, name all columns of the"
             " question, as in --question-column Body,question"],
        ),
        ([{"Body": "A tram.", "Q": "How many?", "Answer": 1}], {"question_column": "Body, Q"}, []),
        (
            [{"question": "a?", "context": {"a": [1]}, "answer": 1}],
            {},
            ["1 question without the text of the column 'context': if it belongs to the question, name all columns of"
             " the question, as in --question-column context,question"],
        ),
        (
            [{"Question": "a?", "Answer": "1", "Answer_type": "integer", "Picture": {"bytes": "x"}},
             {"Question": "b?", "Answer": "1", "Answer_type": "integer", "Picture": None}],
            {},
            ["1 question with a picture, which no model is shown"],
        ),
        ([{"question": "In <image_1>?", "answer": 1}], {}, ["1 question with a picture, which no model is shown"]),
        (
            [{"problem": "a?", "expected_answer": "1", "generated_solution": text} for text in "xyz"],
            {},
            ["2 rows with the question of an earlier row: the first of each counts"],
        ),
    ],
)  # fmt: skip
def test_what_problems_lack_is_told_in_one_line_each(
    rows: Sequence[dict[str, Any]], named: dict[str, Any], says: list[str], tmp_path: Path
) -> None:
    file, said = tmp_path / "rows.jsonl", Said()
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    problems(file, said, Selection(**named))
    assert said.lines == says


@pytest.mark.parametrize("name", ["problem_id", "question", "answer", "source"])
def test_half_a_character_is_refused_before_a_model_is_asked(name: str) -> None:
    given: dict[str, Any] = {"question": "1 + 1?", name: "a\ud800"}
    with pytest.raises(SourceError, match=f"the {name} of a problem holds half a character"):
        problems([Problem(**given)], Said())
