"""Rows that DuckDB writes are the rows that Python writes, to the letter."""

import json
from pathlib import Path

import pytest

from redraft.flows.export import EmptyExport, export
from redraft.flows.formats.format import Format, SqlFormat, json_sql, sql_text
from redraft.flows.formats.sft import sft
from redraft.flows.formats.shared.columns import Style
from redraft.flows.generate import generate
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store

ODD = [
    'He said "2".\n\n#### 2', "back\\slash \\u001f \\u000B", "".join(map(chr, range(1, 33))), "\x7f\u2028\u2029\ufeff",
    "two\U0001f600\u00e9\u0301 / {curly} '' $x_{1}$", "<b>&amp;</b>\t\b\f\r", "\x0b\x1f", "#### 2",
]  # fmt: skip


@pytest.fixture
async def store(tmp_path: Path) -> Store:
    """Texts with everything that JSON writes in a way of its own, as questions and as drafts, and two of each right."""
    store = Store(tmp_path / "redraft.duckdb")
    asked = [Problem(f"{text} {number}?", "2", problem_id=f"p{number}") for number, text in enumerate(ODD)]
    drafts = [*ODD, "wrong #### 3", 'He said "2".  \n\n#### 2']
    model = Scripted(lambda request, index: drafts[index % len(drafts)])
    held = Problem("Held out?", "2", problem_id="held", split="test")
    await generate([*asked, held], db=store, model=model, strategy="best_of_n", samples=len(drafts))
    return store


def rows(store: Store, dataset_id: str) -> list[tuple[object, ...]]:
    kept = 'SELECT "row", trajectory_id, step_id, dropped_because FROM raw.dataset_rows WHERE dataset_id'
    return store.query(f"{kept} = '{dataset_id}' ORDER BY rowid").rows


@pytest.mark.parametrize("style", ["prompt", "messages", "text"])
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.zst"])
async def test_duckdb_writes_the_rows_that_python_writes(store: Store, tmp_path: Path, style: Style, name: str) -> None:
    def in_python() -> Format:
        made = sft(style=style)
        assert isinstance(made, SqlFormat)
        return lambda candidate: made.row(candidate)

    filters = ["length", "duplicates", "cap most=6"]
    files = [tmp_path / name, tmp_path / f"python-{name}"]
    first = await export(files[0], db=store, format="sft", filters=filters, arguments={"style": style})
    second = await export(files[1], db=store, format=in_python, filters=filters)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert first.kept == 6 * len(ODD)
    assert (first.kept, first.held_out, first.dropped) == (second.kept, second.held_out, second.dropped)
    assert list(first.dropped) == list(second.dropped)
    assert rows(store, first.dataset_id) == rows(store, second.dataset_id)
    assert [problem_id for problem_id, _, _ in store.exported()] == sorted(f"p{n}" for n in range(len(ODD)))


async def test_without_a_row_nothing_is_written_and_the_reasons_are_kept(store: Store, tmp_path: Path) -> None:
    with pytest.raises(EmptyExport, match="longer than 1 tokens"):
        await export(tmp_path / "rows.jsonl", db=store, filters=["length most=1"])
    assert not (tmp_path / "rows.jsonl").exists()
    [[dataset]] = store.query("SELECT dataset_id FROM datasets").rows
    assert {row for row, *_ in rows(store, dataset)} == {None}


def test_json_is_as_python_writes_it() -> None:
    row = {"prompt": f"{sql_text('question')}\n\n", "facts": [1, 2.5, None, True, {"it's": sql_text("text")}]}
    found = Store(":memory:").query(f"SELECT {json_sql(row)} FROM (SELECT 'a \"b\"' AS question, 'é' AS text)").rows
    assert found == [
        (json.dumps({"prompt": 'a "b"\n\n', "facts": [1, 2.5, None, True, {"it's": "é"}]}, ensure_ascii=False),)
    ]
