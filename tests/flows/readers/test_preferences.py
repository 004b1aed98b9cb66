"""Pairs of answers: the columns that a row may have, and the line that a bad one gets."""

import json
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.annotate import annotate
from redraft.flows.export import EmptyExport, export
from redraft.flows.generate import generate
from redraft.flows.importing import importing
from redraft.flows.readers.chats import chats
from redraft.flows.readers.preferences import preferences
from redraft.flows.readers.reader import Context
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.errors import SourceError

CONTEXT = Context("mine", "u")
ASKED = {"role": "user", "content": "3 + 4?"}
RIGHT, WRONG = ({"role": "assistant", "content": text} for text in ("It is 7.", "It is 8."))


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "3 + 4?\n\n", "chosen": "It is 7.", "rejected": "It is 8."},
        {"prompt": [ASKED], "chosen": [RIGHT], "rejected": [WRONG]},
        {"chosen": [ASKED, RIGHT], "rejected": [ASKED, WRONG]},
        {"prompt": "3 + 4?", "chosen": [ASKED, RIGHT][1:], "rejected": [WRONG]},
        {"messages": [ASKED, RIGHT], "rejected_response": "It is 8."},
    ],
)
def test_a_pair_is_two_drafts_with_the_values_of_the_preference(row: dict[str, Any]) -> None:
    found = preferences({**row, "answer": "7"}, CONTEXT)
    assert (found.problem.question, found.problem.answer) == ("3 + 4?", "7")
    assert [(path.text(), path.answer, path.trajectory_id) for path in found.paths] == [
        ("It is 7.", "7", "u:0"),
        ("It is 8.", "8", "u:1"),
    ]
    assert [(grade.grader, grade.trajectory_id, grade.value, grade.verdict) for grade in found.grades] == [
        ("preference", "u:0", 1.0, None),
        ("preference", "u:1", 0.0, None),
    ]


VALUES = 'take values of preference: --format best_worst --set grader=preference, or --filter "score grader=preference'


@pytest.mark.parametrize(
    ("more", "cure"),
    [
        ({}, f'{VALUES} least=0.5"'),
        ({"answer": "7"}, f'judge them by `redraft annotate --grader oracle`; or {VALUES} least=0.5"'),
    ],
)
async def test_pairs_that_nobody_judged_are_told_with_a_cure_that_works(
    tmp_path: Path, more: dict[str, str], cure: str
) -> None:
    file, db = tmp_path / "pairs.jsonl", tmp_path / "r.duckdb"
    file.write_text(json.dumps({"prompt": "3 + 4?", "chosen": "It is 7.", "rejected": "It is 8.", **more}))
    found = await importing(file, format="preferences", db=db)
    assert found.notes() == [f"the oracle judged none of these drafts, so that sft, dpo and kto drop them: {cure}"]
    with pytest.raises(EmptyExport, match="not known whether it is right"):
        await export(tmp_path / "dpo.jsonl", db=db, format="dpo")
    made = await export(tmp_path / "a.jsonl", db=db, format="best_worst", arguments={"grader": "preference"})
    assert made.kept == 1
    better = await export(tmp_path / "b.jsonl", db=db, filters=["score grader=preference least=0.5"])
    assert better.kept == 1
    if more:
        await annotate(db=db, grader="oracle")
        assert (await export(tmp_path / "dpo.jsonl", db=db, format="dpo")).kept == 1


def test_a_system_prompt_is_kept_beside_the_problem() -> None:
    system = {"role": "system", "content": "Be brief."}
    found = preferences({"prompt": [system, ASKED], "chosen": [RIGHT], "rejected": [WRONG]}, CONTEXT)
    assert (found.problem.question, found.problem.meta) == ("3 + 4?", {"system": "Be brief."})


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ({"prompt": "3 + 4?", "chosen": "7"}, "no field 'rejected' among prompt, chosen"),
        ({"chosen": "7", "rejected": "8"}, "must answer one question"),
        ({"chosen": [ASKED, RIGHT], "rejected": [WRONG]}, "after the same messages"),
        ({"prompt": "?", "chosen": [], "rejected": [WRONG]}, "must each end with an answer"),
        ({"messages": [ASKED, RIGHT, ASKED, RIGHT], "rejected_response": "8"}, "must answer one question"),
        ({"messages": [], "rejected_response": "8"}, "must answer one question"),
        ({"prompt": "?", "chosen": 7, "rejected": "8"}, "chosen is a whole number, and has to be a text"),
    ],
)
def test_a_row_of_another_shape_is_told(row: dict[str, Any], line: str) -> None:
    with pytest.raises(SourceError, match=line):
        preferences(row, CONTEXT)


@pytest.mark.parametrize(
    "row", [{"messages": [ASKED, RIGHT], "rejected_response": "8"}, {"chosen": "7", "rejected": "8"}]
)
def test_a_chat_reader_loses_no_half_of_a_pair(row: dict[str, Any]) -> None:
    with pytest.raises(SourceError, match="import it with --format preferences"):
        chats(row, CONTEXT)


@pytest.mark.parametrize(
    ("format", "arguments"),
    [("dpo", {}), ("dpo", {"style": "text"}), ("dpo", {"style": "messages"}), ("orm", {"style": "pairs"})],
)
async def test_what_an_export_writes_comes_back(tmp_path: Path, format: str, arguments: dict[str, Any]) -> None:
    store, copy = Store(tmp_path / "from.duckdb"), Store(tmp_path / "to.duckdb")
    model = Scripted(lambda request, index: ("#### 2", "#### 3")[index % 2])
    await generate([Problem("1 + 1?", "2", "p")], db=store, model=model, strategy="best_of_n", samples=2)
    file = tmp_path / "rows.jsonl"
    await export(file, db=store, format=format, arguments=arguments)
    assert len(file.read_text().splitlines()) == 1, json.loads(file.read_text())
    await importing(file, format="preferences", db=copy)
    assert copy.query("SELECT text, value FROM trajectories JOIN grades USING (trajectory_id) ORDER BY value").rows == [
        ("#### 3", 0.0),
        ("#### 2", 1.0),
    ]
    assert [problem.question for problem in copy.problems()] == ["1 + 1?"]
