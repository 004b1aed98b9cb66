"""Formats that make rows from all drafts of a problem: a user's own, in a file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.export import export
from redraft.flows.generate import generate
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.errors import PartError

Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]
OWN = """
from redraft.flows import ByProblem, Format, Row, filtered_by


@filtered_by()
def counted() -> Format:
    return ByProblem(lambda candidates: {rows})
"""


async def counted(tmp_path: Path, sums: Sums, adder: Adder, rows: str) -> tuple[Store, Any]:
    store, own = Store(tmp_path / "r.duckdb"), tmp_path / "own.py"
    own.write_text(OWN.format(rows=rows))
    await generate(sums(3), db=store, model=adder(lambda *_: True), strategy="best_of_n", samples=2)
    await export(tmp_path / "rows.jsonl", db=store, format=f"{own}:counted", include_heldout=True)
    made = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    return store, sorted((row["question"], row["drafts"]) for row in made)


async def test_a_row_of_all_drafts_of_a_problem_is_of_its_first(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    data = "{'question': candidates[0].question, 'drafts': len(candidates)}"
    store, made = await counted(tmp_path, sums, adder, f"[Row({data})]")
    assert made == [(f"What is {i} + {i}?", 2) for i in (1, 2, 3)]
    sources = "SELECT count(DISTINCT problem_id), max(sample) FROM dataset_rows JOIN trajectories USING (trajectory_id)"
    assert store.query(sources).rows == [(3, 0)]


@pytest.mark.parametrize(
    ("rows", "says"), [("7", "'int' object is not iterable"), ("[{'a': 1}]", "must return a row as a mapping")]
)
async def test_one_that_breaks_is_one_line(tmp_path: Path, sums: Sums, adder: Adder, rows: str, says: str) -> None:
    with pytest.raises(PartError, match=rf"format 'own\.py:counted' .*{says}"):
        await counted(tmp_path, sums, adder, rows)
