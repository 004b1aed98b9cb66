"""`redraft grade`: exit codes for shells, rows in order, and a malformed row by its line."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Redraft = Callable[..., subprocess.CompletedProcess[str]]

ROWS = [
    {"id": 1, "reply": "The answer is \\boxed{\\frac{1}{2}x+1}.", "answer": "1+x/2"},
    {"id": 2, "reply": "The answer is 8.", "answer": 7, "kind": "math"},
    {"id": 3, "reply": "It is (B).", "answer": "Paris", "choices": ["London", "Paris"]},
    {"id": 4, "reply": "def f(n):\n    return n", "answer": ["assert f(1) == 1"], "kind": "code"},
    {"id": 5, "reply": "7", "answer": None},
]
EXPECTED = [
    ("\\frac{1}{2}x+1", "right"), ("8", "wrong"), ("B", "right"), ("def f(n):\n    return n", "right"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "prints"),
    [
        (["The answer is 7.", "--answer", "7"], 0, "right: 7\n"),
        (["The answer is 8.", "--answer", "7"], 1, "wrong: 8\n"),
        (["I do not know", "--answer", "7"], 1, "wrong (no answer)\n"),
        (["The answer is 7.", "--answer", " "], 3, "undecided: 7 (the key of this problem is not known)\n"),
        (["(B)", "--answer", "B", "--kind", "choice"], 0, "right: B\n"),
        (["The answer is blue", "--answer", "B", "--choices", '["red", "blue"]'], 0, "right: B\n"),
        (["The answer is red", "--answer", "blue", "--choices", "A) red B) blue"], 1, "wrong: A\n"),
        (["--answer", "-3", "--", "-3"], 0, "right: -3\n"),
    ],
)
def test_the_exit_code_of_a_reply_is_its_verdict(
    redraft: Redraft, arguments: list[str], code: int, prints: str
) -> None:
    done = redraft("grade", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (code, prints, "")


def test_a_reply_is_never_taken_for_a_file(redraft: Redraft, tmp_path: Path) -> None:
    (tmp_path / "7").write_text("not read")
    assert redraft("grade", "7", "--answer", "7").stdout == "right: 7\n"


def test_a_long_reply_comes_by_standard_input(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "redraft.flows.cli.main", "grade", "-", "--answer", "7", "--json"]
    reply = "word " * 100_000 + "\nThe answer is 7."
    done = subprocess.run(command, input=reply, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert json.loads(done.stdout) == {"extracted": "7", "verdict": "right", "reason": None}


def test_each_row_of_a_file_comes_back_in_order(redraft: Redraft, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    done = redraft("grade", "rows.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [{name: row[name] for name in before} for row, before in zip(found, ROWS, strict=True)] == ROWS
    assert [(row["extracted"], row["verdict"]) for row in found[:-1]] == EXPECTED
    assert [row["verdict"] for row in found[-1:]] == ["undecided"]
    assert [row["reason"] for row in found[-1:]] == ["the key of this problem is not known"]
    assert redraft("grade", "rows.jsonl").stdout == "5 graded: 3 right, 1 wrong, 1 undecided\n"


def test_the_kind_of_the_command_is_for_rows_that_name_none(redraft: Redraft, tmp_path: Path) -> None:
    rows = [{"reply": "The answer is (c).", "answer": "C"}, {"reply": "7.0", "answer": "7", "kind": "math"}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert redraft("grade", "rows.jsonl", "--kind", "choice").stdout == "2 graded: 2 right, 0 wrong, 0 undecided\n"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"answer": 7}', "rows.jsonl, line 3: no column 'reply' among answer"),
        ("{", "rows.jsonl, line 3: broken JSON"),
        ("[1]", "rows.jsonl, line 3: not a JSON object"),
        ('{"reply": "7", "answer": "7", "kind": "rubric"}', "rows.jsonl, line 3: no kind 'rubric'"),
    ],
)
def test_a_malformed_row_is_named_by_its_line_after_the_rows_before_it(
    redraft: Redraft, tmp_path: Path, line: str, says: str
) -> None:
    (tmp_path / "rows.jsonl").write_text(f"{json.dumps(ROWS[0])}\n\n{line}\n{json.dumps(ROWS[1])}\n")
    done = redraft("grade", "rows.jsonl", "--json")
    assert done.returncode == 2
    assert [json.loads(row)["verdict"] for row in done.stdout.splitlines()] == ["right"]
    assert done.stderr.startswith(f"redraft: {says}")
    assert done.stderr.count("\n") == 1


def test_rows_come_by_standard_input(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "redraft.flows.cli.main", "grade", "-", "--json"]
    text = json.dumps(ROWS[1]) + "\n{}\n"
    done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (2, "wrong")
    assert done.stderr.startswith("redraft: standard input, line 2: no column 'reply' among none")


def test_a_reply_without_its_key_is_no_file(mistake: Callable[..., str]) -> None:
    assert "name a file of rows, or give the key of a reply with --answer" in mistake("grade", "The answer is 7.")


def test_a_reply_starts_no_process_if_it_is_plain(redraft: Redraft) -> None:
    """A shell's loop over replies waits for each start: sympy alone would take a second."""
    done = redraft("grade", "7", "--answer", "7", env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert "redraft.graders.grade" in done.stderr
    assert not {"sympy", "duckdb", "prefect", "litellm", "langgraph", "pydantic"} & set(done.stderr.split())
