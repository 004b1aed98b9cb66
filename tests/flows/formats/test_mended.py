"""Second drafts made of first ones: which pairs there are, and how many of a problem."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.export import export
from redraft.flows.generate import generate
from redraft.llm.model import Request
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.errors import PartError

Sums = Callable[..., list[Problem]]
DRAFTS = ("A #### 3", "B #### 4", "C #### 2", "C #### 2", "D #### 5", "E #### 2")
"""Of 1 + 1, whose right drafts are C and E; of 2 + 2, where B is right; and of 3 + 3, where none is."""
SAID = "The answer is wrong. Solve the problem again."


async def rows(tmp_path: Path, sums: Sums, **arguments: Any) -> list[tuple[str, str, str, float]]:
    def script(request: Request, index: int) -> str:
        return DRAFTS[index]

    store = Store(tmp_path / "r.duckdb")
    await generate(sums(3), db=store, model=Scripted(script), strategy="best_of_n", samples=len(DRAFTS))
    given: dict[str, Any] = {"format": "mended", "filters": ["split"], "arguments": arguments}
    await export(tmp_path / "rows.jsonl", db=store, **given)
    made = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert all(row["prompt"][2] == {"role": "user", "content": SAID} for row in made)
    assert all(row["turn"] == 2 for row in made)
    return sorted(
        (row["prompt"][0]["content"], row["prompt"][1]["content"], row["completion"][0]["content"], row["weight"])
        for row in made
    )


async def test_wrong_drafts_become_right_ones_and_right_ones_stay(tmp_path: Path, sums: Sums) -> None:
    one, two = "What is 1 + 1?", "What is 2 + 2?"
    assert await rows(tmp_path, sums, keep=1.5) == [
        (one, "A #### 3", "C #### 2", 1.0),
        (one, "B #### 4", "C #### 2", 1.0),
        (one, "C #### 2", "C #### 2", 1.5),
        (one, "D #### 5", "C #### 2", 1.0),
        (one, "E #### 2", "E #### 2", 1.5),
        (two, "A #### 3", "B #### 4", 1.0),
        (two, "B #### 4", "B #### 4", 1.5),
        (two, "C #### 2", "B #### 4", 1.0),
        (two, "D #### 5", "B #### 4", 1.0),
        (two, "E #### 2", "B #### 4", 1.0),
    ]


async def test_no_problem_makes_more_than_most_rows_of_a_kind(tmp_path: Path, sums: Sums) -> None:
    made = await rows(tmp_path, sums, most=1)
    assert [(before, after) for _, before, after, _ in made] == [
        ("A #### 3", "C #### 2"),
        ("C #### 2", "C #### 2"),
        ("A #### 3", "B #### 4"),
        ("B #### 4", "B #### 4"),
    ]


async def test_right_first_drafts_also_make_rows_without_feedback(tmp_path: Path, sums: Sums) -> None:
    file, model = tmp_path / "rows.jsonl", Scripted(lambda request, index: DRAFTS[index])
    await generate(sums(2), db=tmp_path / "r.duckdb", model=model, strategy="best_of_n", samples=len(DRAFTS))
    await export(file, db=tmp_path / "r.duckdb", format="mended", arguments={"firsts": 1})
    made = [json.loads(line) for line in file.read_text().splitlines()]
    plain = sorted((row for row in made if row["turn"] == 1), key=str)
    assert [(row["prompt"], row["completion"][0]["content"], row["weight"]) for row in plain] == [
        ([{"role": "user", "content": "What is 1 + 1?"}], "C #### 2", 1.0),
        ([{"role": "user", "content": "What is 2 + 2?"}], "B #### 4", 1.0),
    ]
    assert len(made) == len(plain) + 10


async def test_what_the_format_does_not_take_is_said(tmp_path: Path, sums: Sums) -> None:
    with pytest.raises(PartError, match="most=0 and firsts=0 of 'mended' have to be at least"):
        await rows(tmp_path, sums, most=0)
