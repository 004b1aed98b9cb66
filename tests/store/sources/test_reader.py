import gzip
import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pytest

from redraft.store import Problem
from redraft.store.errors import SourceError
from redraft.store.problems import Kind
from redraft.store.sources.answer import boxed
from redraft.store.sources.problem import SourceNotes
from redraft.store.sources.reader import read

Write = Callable[[str, str | bytes], Path]
DATA = Path(__file__).parents[3] / ".." / "shared" / "data"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


ROWS = [{"question": "What is 6 x 7?", "answer": 42}, {"question": 'Who, "you"\nand é?', "answer": "me"}]


def test_every_kind_of_file_gives_the_same_problems(write: Write, tmp_path: Path) -> None:
    quoted = 'question,answer\nWhat is 6 x 7?,42\n"Who, ""you""\nand é?",me\n'
    files = [
        write("a.jsonl", "\ufeff" + lines(*ROWS[:1]) + "\n\n" + lines(*ROWS[1:])),
        write("a.json", json.dumps(ROWS, indent=1)),
        write("a.ndjson", lines(*ROWS).replace("\n", "\r\n")),
        write("a.csv", "\ufeff" + quoted),
    ]
    with duckdb.connect() as connection:
        connection.execute(f"COPY (FROM read_csv('{files[3]}', all_varchar = true)) TO '{tmp_path}/a.parquet'")
    for file in [*files, tmp_path / "a.parquet"]:
        assert list(read(file)) == [
            Problem("What is 6 x 7?", "42", source="a"),
            Problem('Who, "you"\nand é?', "me", source="a"),
        ]
    lined = write("lines.json", lines(*ROWS))
    assert [problem.answer for problem in read(str(lined), limit=1)] == ["42"]


@pytest.mark.parametrize(
    "content",
    [
        {"8": ROWS[0], "12": ROWS[1]},
        {"version": "1.0", "data": ROWS},
        {"problems": ROWS},
    ],
    ids=["by their keys", "beside a version", "alone"],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_one_object_may_hold_all_rows_of_a_json_file(write: Write, content: Any, indent: int | None) -> None:
    found = list(read(write("a.json", json.dumps(content, indent=indent))))
    assert [(problem.question, problem.answer) for problem in found] == [
        (row["question"], str(row["answer"])) for row in ROWS
    ]
    if "8" in content:
        assert [problem.problem_id for problem in found] == ["a/8", "a/12"]


def test_one_row_may_stand_on_several_lines_of_a_json_file(write: Write) -> None:
    [found] = read(write("a.json", json.dumps(ROWS[0], indent=1)))
    assert found.answer == "42"


def test_columns_of_the_logical_type_json_are_decoded(tmp_path: Path) -> None:
    """Parquet files that other tools write have such columns: a key "Monday" must not keep its quotation marks."""
    file = tmp_path / "a.parquet"
    rows = "('Which day?', '\"Monday\"', '[\"Monday\", \"Friday\"]'), ('How many?', '18', 'null'), ('Who?', NULL, NULL)"
    with duckdb.connect() as connection:
        named = "SELECT question, answer::JSON AS answer, choices::JSON AS choices FROM"
        connection.execute(f"COPY ({named} (VALUES {rows}) t(question, answer, choices)) TO '{file}'")
    found = [(problem.question, problem.answer) for problem in read(file)]
    assert found == [("Which day?\nA) Monday\nB) Friday", "A"), ("How many?", "18"), ("Who?", None)]


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ([{"role": "user", "content": "1 + 1?"}], "1 + 1?"),
        ([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "1 + 1?"}], "1 + 1?"),
        ([{"role": "user", "content": [{"type": "text", "text": "1 + "}, {"type": "text", "text": "1?"}]}], "1 + 1?"),
        ('[{"role": "user", "content": "1 + 1?"}]', "1 + 1?"),
        ("[{1, 2}] and more", "[{1, 2}] and more"),
    ],
)
def test_a_prompt_in_messages_is_its_user_message(write: Write, prompt: Any, text: str) -> None:
    [found] = read(write("a.jsonl", lines({"prompt": prompt, "reward_model": {"ground_truth": 2}})))
    assert (found.question, found.answer) == (text, "2")


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "the question is a conversation"),
        ([{"role": "assistant", "content": "b"}], "it has to be one message of the role user"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "a part of a message has no text, such as a picture"),
        ([{"role": "user", "content": {"a": 1}}], "the content of a message is not a text"),
    ],
)
def test_a_prompt_of_another_form_is_one_line(write: Write, prompt: Any, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        list(read(write("a.jsonl", lines({"prompt": prompt}))))


def test_a_solution_column_that_says_only_true_or_false_is_no_answer(write: Write) -> None:
    rows = [{"question": f"{n}?", "correct": n == 1, "label": True, "response": "So it is 4."} for n in (1, 2)]
    assert [problem.answer for problem in read(write("a.jsonl", lines(*rows)))] == ["4", "4"]


@pytest.mark.parametrize("beside", ["A shop.", ["A", "shop."], {"header": ["a", "b"], "rows": [[1, 2]]}])
def test_text_beside_a_question_is_shown_before_it(write: Write, beside: Any) -> None:
    [found] = read(write("a.jsonl", lines({"context": beside, "question": "How many?", "answer": 4})))
    assert found.question.removesuffix("\n\nHow many?") in ("A shop.", "A\nshop.", "a | b\n1 | 2")


def test_columns_are_recognised_or_named(write: Write) -> None:
    row = {
        "Prompt": "2+2?",
        "target": " 4 ",
        "id": 7,
        "level": "Level 3",
        "type": "sums",
        "split": "dev",
        "kind": "text",
    }
    assert list(read(write("a.jsonl", lines(row)))) == [
        Problem("2+2?", "4", "a/7", "a", "dev", Kind.TEXT, 3, "sums"),
    ]
    assert list(read(write("b.jsonl", lines({"q": "2+2?", "question": "no", "k": 4.5})), question="q", answer="k")) == [
        Problem("2+2?", "4.5", source="b")
    ]
    unlabelled = list(read(write("c_test.jsonl", lines({"input": "Prove it.", "level": "hard", "answer": None}))))
    assert unlabelled == [Problem("Prove it.", None, source="c_test", split="test")]
    both = write("all_train.jsonl", lines({"question": "1+1?", "split": "test"}, {"question": "1+2?"}))
    assert [problem.split for problem in read(both)] == ["test", "train"], "a row's own split tells more than the name"


def test_a_packed_file_has_the_name_and_the_split_of_the_file_in_it(write: Write) -> None:
    [found] = read(write("sums_test.csv.gz", gzip.compress(b"question,answer\n1+1?,2\n")))
    assert found == Problem("1+1?", "2", source="sums_test", split="test")


def test_gsm8ks_answer_is_its_last_line_and_the_working_is_kept(write: Write) -> None:
    worked = "She has 16 - 3 = <<16-3=13>>13 thousand.\n#### $1,300 "
    (problem,) = read(write("g_train.jsonl", lines({"question": "How many?", "answer": worked})))
    assert problem == Problem(
        "How many?",
        "1300",
        source="g_train",
        split="train",
        meta={"solution": "She has 16 - 3 = <<16-3=13>>13 thousand."},
    )


def test_maths_answer_is_its_last_box(write: Write) -> None:
    solution = r"First \boxed{1}, so $x = \boxed{\frac{1}{\sqrt{2}}}$."
    (problem,) = read(
        write("m.jsonl", lines({"problem": "x?", "solution": solution, "level": "Level 5", "type": "Algebra"}))
    )
    assert problem == Problem(
        "x?", r"\frac{1}{\sqrt{2}}", source="m", level=5, subject="Algebra", meta={"solution": solution}
    )
    both = {"problem": "x?", "solution": solution, "answer": r"\frac{\sqrt 2}{2}", "level": "Level ?"}
    (problem,) = read(write("n.jsonl", lines(both)))
    assert problem == Problem("x?", r"\frac{\sqrt 2}{2}", source="n", meta={"solution": solution})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r"\boxed{\text{a } \{b\}}", r"\text{a } \{b\}"),
        (r"\boxed 5$ apples", "5"),
        (r"\fbox{7}", "7"),
        (r"\boxed{1} and \boxed{ }", ""),
        (r"\boxed", None),
        ("none", None),
    ],
)
def test_boxes_are_matched_by_their_braces(text: str, found: str | None) -> None:
    assert boxed(text) == found


@pytest.mark.parametrize(
    "extra",
    [
        {"choices": ["red", "blue"], "answer": "B"},
        {"choices": ["red", "blue"], "answer": 1},
        {"options": ["red", "blue"], "answer": "(b)"},
        {"choices": '["red", "blue"]', "answer": "blue"},
        {"options": {"A": "red", "B": "blue"}, "answer": "B"},
        {"choices": {"text": ["red", "blue"], "label": ["1", "2"]}, "answerKey": "2"},
    ],
)
def test_choices_become_lines_and_the_answer_a_letter(write: Write, extra: dict[str, Any]) -> None:
    (problem,) = read(write("c.jsonl", lines({"question": "Which?", **extra})))
    assert problem == Problem("Which?\nA) red\nB) blue", "B", source="c", kind=Kind.CHOICE)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", '{"question": "a"}\n{"question": "b"\n', "line 2: broken JSON"),
        ("a.jsonl", "[1, 2]\n", "line 1: not a JSON object"),
        ("a.jsonl", "[" * 100_000, "line 1: broken JSON"),
        ("a.jsonl", b'{"question": "caf\xe9"}\n', "line 1: byte 18 is not UTF-8: save the file as UTF-8"),
        ("a.jsonl", '{"question": "a"}\n{"text": "b"}\n', "line 2: no column for the question among text: name"),
        ("a.jsonl", '{"question": "  "}\n', "line 1: the question is empty"),
        ("a.jsonl", '{"question": null}\n', "line 1: the question is empty"),
        ("a.jsonl", '{"question": ["a"]}\n', "line 1: the question is not a text"),
        ("a.jsonl", '{"question": "\\ud800"}\n', "line 1: the question holds half a character"),
        ("a.jsonl", '{"question": "a", "id": "\\ud800"}\n', "line 1: the id holds half a character"),
        ("a.jsonl", '{"question": "a", "other": [{"b": "\\uDC00"}]}\n', "line 1: the other.b holds half a character"),
        ("a.jsonl", '{"question": "a", "\\ud800": 1}\n', "of a field holds half a character"),
        ("a.json", '[{"question": "a", "id": "\\ud800"}]', "item 1: the id holds half a character"),
        ("a.json", '{"x": {"question": "a", "id": "\\ud800"}}', "item 'x': the id holds half a character"),
        ("a.json", '{"question": "a",\n"id": "\\ud800"}', "line 1: the id holds half a character"),
        ("a.jsonl", '{"question": "a", "n": %s}' % ("9" * 5000), "broken JSON \\(a number has thousands of digits"),
        ("a.jsonl", '{"question": %s}' % ("[" * 5000), "broken JSON \\(nested too deeply"),
        ("a.jsonl", '{"question": "a"}\n\n{"question": "a ", "answer": 1}\n', "line 3: the same question as line 1"),
        ("a.jsonl", '{"question": "a", "id": 1}\n{"question": "b", "id": 1}\n', "line 2: the same id as line 1"),
        ("a.jsonl", '{"question": "' + "x" * 10_000_000 + '"}\n', "line 1: 9.5 MB long, at most 1 MB are read"),
        ("a.jsonl", '{"question": "a", "answer": "\\\\boxed{1"}\n', r"line 1: the answer's \\boxed\{ is never closed"),
        ("a.jsonl", '{"question": "a", "choices": ["x", "y"], "answer": "C"}\n', "line 1: the answer 'C' is none of"),
        ("a.jsonl", '{"question": "a", "choices": ["x"]}\n', "line 1: the choices are not a list of 2 to 26 texts"),
        ("a.jsonl", '{"question": "a", "kind": "poem"}\n', "line 1: no kind 'poem'; there are math, choice, text"),
        ("a.json", '[{"question": "a"}, 3]', "item 2: not a JSON object"),
        ("a.csv", "question,answer\na,1\nb,2,3\n", "line 3: 3 cells where the header has 2"),
        ("a.csv", b"question,answer\na,1\ncaf\xe9,2\n", "line 3: not UTF-8"),
        ("a.csv", 'question,answer\na,"1"x\n', "line 2: broken CSV"),
        ("a.csv", "question,answer\na," + "1" * 200_000 + "\n", "line 2: broken CSV"),
    ],
)  # fmt: skip
def test_a_bad_row_is_one_line_with_its_place(write: Write, name: str, content: str | bytes, words: str) -> None:
    path = write(name, content)
    with pytest.raises(SourceError, match=words) as caught:
        list(read(path))
    assert str(caught.value).startswith(f"{path}, ")
    assert str(caught.value).endswith(": mend it, or leave out such rows with --skip-bad")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({}, "no column for the question among Aufgabe, Loesung: name the one that holds the question with"
         " --question-column and the one that holds the answer with --answer-column"),
        ({"question": "Frage"}, "no column 'Frage' among Aufgabe, Loesung: name the one that holds the question with"
         " --question-column"),
        ({"question": "Aufgabe", "answer": "Antwort"}, "no column 'Antwort' among Aufgabe, Loesung: name the one that"
         " holds the answer with --answer-column"),
    ],
)  # fmt: skip
def test_columns_that_are_not_there_are_to_be_named(write: Write, named: dict[str, str], words: str) -> None:
    path = write("a.csv", "Aufgabe,Loesung\n1+1?,2\n")
    with pytest.raises(SourceError) as caught:
        list(read(path, **named))  # type: ignore[arg-type]
    assert str(caught.value) == f"{path}, line 2: {words}"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", "", "is empty: it needs one row a line"),
        ("a.jsonl", "\n\n", "no problem in it"),
        ("a.csv", "question,answer\n", "no problem in it"),
        ("a.json", '[{"question": "a"},\n {]', "line 2: broken JSON .*: mend the array there"),
        ("a.json", b'[{"question": "\xe9"}]', "byte 16: not UTF-8"),
        ("a.parquet", "text", "no Parquet file, or a broken one: check the name, or write the file anew"),
        (
            "a.txt",
            "text",
            r"no reader for '.txt'; there are .jsonl, .ndjson, .json, .csv, .tsv, .parquet, .eval, and all"
            r" but .parquet and .eval with .gz or .zst behind$",
        ),
        ("a.csb", "text", r"no reader for '.csb'; .* behind$"),
        ("a.parquet.gz", "text", "no reader for '.parquet.gz'"),
        ("a.gz", "text", "no reader for '.gz'"),
        ("a", "text", "no reader for a file without an extension"),
    ],
)
def test_a_bad_file_is_one_line(write: Write, name: str, content: str | bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        list(read(write(name, content), skip_bad=True))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^no file .*none.jsonl: check the name, or use the built-in problems"):
        read(tmp_path / "none.jsonl")
    with pytest.raises(SourceError, match=r"^the name of the file is empty: check the name, or use the built-in"):
        read("")
    with pytest.raises(SourceError, match="is a folder: name a file in it"):
        read(tmp_path)


def test_good_rows_are_given_and_bad_ones_told(write: Write) -> None:
    long = '{"question": "' + "x" * 3_000_000 + '"}\n'
    again = '{"question": "a", "answer": 2}\n{"question": "b"}\n{"question": "a"}\n'
    path = write("a.jsonl", '{"question": "a"}\nnonsense\n' + long + again)
    bad, notes = [], SourceNotes()
    assert [problem.question for problem in read(path, skip_bad=True, bad=bad.append, notes=notes)] == ["a", "b"]
    assert notes.repeats == 1  # the last line, which says nothing new
    assert [str(error) for error in bad] == [
        f"{path}, line 2: broken JSON (Expecting value, column 1)",
        f"{path}, line 3: 2.9 MB long, at most 1 MB are read",
        f"{path}, line 4: the same question as line 1, with another answer",
    ]
    cells = write("b.csv", "question,answer\na,1\nb\nc," + "1" * 200_000 + "\nd,4\n")
    assert [problem.question for problem in read(cells, skip_bad=True)] == ["a", "d"]
    with pytest.raises(SourceError, match=r"no problem in it .*line 1: broken JSON"):
        list(read(write("c.jsonl", "nonsense\n"), skip_bad=True))


def test_the_built_in_problems_never_end() -> None:
    levels = [problem.level for problem in islice(read("builtin:levels=2-3,split=train,seed=5"), 4)]
    assert set(levels) == {2, 3}
    first, again = (list(read("builtin", limit=5)) for _ in range(2))
    assert first == again
    assert {problem.split for problem in first} == {"train"}
    assert {problem.split for problem in read("builtin:split=heldout", limit=5)} == {"heldout"}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("builtin:level=2", "builtin has no setting 'level'; it has levels, split, seed"),
        ("builtin:levels=9", "no levels .*: write it as builtin:levels=1-3,split=train,seed=0"),
        ("builtin:levels=x", "invalid literal .*: write it as"),
        ("builtin:split=all", "no split 'all'; there are train, heldout"),
    ],
)
def test_a_wrong_setting_of_the_built_in_problems_is_one_line(source: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        read(source)


@pytest.mark.skipif(not DATA.exists(), reason="the folder ../shared/data with the real data sets is not here")
def test_the_real_data_sets_are_read_whole() -> None:
    found = {name: list(read(DATA / name)) for name in ("gsm8k_test.jsonl", "gsm8k_train.jsonl", "math_500.json")}
    assert {name: len(problems) for name, problems in found.items()} == {
        "gsm8k_test.jsonl": 1319, "gsm8k_train.jsonl": 7473, "math_500.json": 500,
    }  # fmt: skip
    assert all(float(problem.answer or "") == float(problem.answer or "") for problem in found["gsm8k_train.jsonl"])
    first = found["gsm8k_test.jsonl"][0]
    assert (first.answer, first.source, first.split) == ("18", "gsm8k_test", "test")
    assert first.meta["solution"].endswith("every day at the farmer’s market.")
    assert found["math_500.json"][0].answer == r"\left( 3, \frac{\pi}{2} \right)"
