"""Questions with their keys: one row a problem, as TRL and verl take them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

from redraft.flows.export import export
from redraft.flows.filter import DatasetResult
from redraft.flows.generate import generate
from redraft.graders.answers.math_verify_process import same
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.errors import PartError

Adder = Callable[..., Scripted]


def problems() -> list[Problem]:
    return [
        Problem("What is 1 + 1?", "2", "a", source="sums", split="train"),
        Problem("What is 2 + 2?", "4", "b", source="sums"),
        Problem("What is 3 + 3?", None, "c", source="sums"),
        Problem("What is 4 + 4?", "8", "d", source="sums", split="test"),
    ]


@pytest.fixture
async def store(tmp_path: Path, adder: Adder) -> Store:
    """Four problems: half of the drafts of the first are right, all of the second; the third has no key."""
    store = Store(tmp_path / "r.duckdb")
    model = adder(lambda number, sample, turn: number > 1 or sample == 0)
    await generate(problems(), db=store, model=model, strategy="best_of_n", samples=2)
    return store


async def rows(store: Store, tmp_path: Path, **given: Any) -> tuple[list[Any], DatasetResult]:
    file = tmp_path / "rows.jsonl"
    found = await export(file, db=store, format="prompts", overwrite=True, **given)
    return [json.loads(line) for line in file.read_text().splitlines()], found


async def test_a_problem_makes_one_row_with_its_key(store: Store, tmp_path: Path) -> None:
    made, found = await rows(store, tmp_path)
    assert made == [
        {
            "prompt": [{"role": "user", "content": f"What is {number} + {number}?"}], "answer": str(2 * number),
            "solution": f"\\boxed{{{2 * number}}}", "kind": "math", "problem_id": name, "drafts": 2, "solved": solved,
        }
        for number, name, solved in ((1, "a", 0.5), (2, "b", 1.0))
    ]  # fmt: skip
    assert (found.held_out, found.dropped) == (2, {"no known answer": 2})
    noted = store.query(
        f"""SELECT "row", problem_id, count(*) FROM dataset_rows JOIN trajectories USING (trajectory_id)
        WHERE dataset_id = '{found.dataset_id}' AND "row" IS NOT NULL GROUP BY ALL ORDER BY ALL"""
    ).rows
    assert noted == [(0, "a", 2), (1, "b", 2)], "all drafts that were counted"


async def test_verls_layout(store: Store, tmp_path: Path) -> None:
    made, _ = await rows(store, tmp_path, arguments={"style": "verl"})
    assert made[1] == {
        "data_source": "sums",
        "prompt": [{"role": "user", "content": "What is 2 + 2?"}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": "4"},
        "extra_info": {"index": 1, "split": None, "kind": "math", "problem_id": "b", "drafts": 2, "solved": 1.0},
    }
    made, _ = await rows(store, tmp_path, arguments={"style": "verl", "data_source": "openai/gsm8k"})
    assert {row["data_source"] for row in made} == {"openai/gsm8k"}
    with pytest.raises(PartError, match="data_source='openai/gsm8k' of format 'prompts' is a column of style=verl"):
        await rows(store, tmp_path, arguments={"data_source": "openai/gsm8k"})


async def test_held_out_rows_have_the_split_of_their_own_problem(store: Store, tmp_path: Path) -> None:
    made, _ = await rows(store, tmp_path, include_heldout=True)
    assert [(row["problem_id"], row["split"]) for row in made] == [("a", "train"), ("b", None), ("d", "test")]


async def test_datasets_loads_both_layouts(store: Store, tmp_path: Path) -> None:
    for style, columns in (
        ("trl", {"prompt", "answer", "solution", "kind", "problem_id", "drafts", "solved"}),
        ("verl", {"data_source", "prompt", "ability", "reward_model", "extra_info"}),
    ):
        await rows(store, tmp_path, arguments={"style": style})
        data = datasets.load_dataset(
            "json", data_files=str(tmp_path / "rows.jsonl"), split="train", cache_dir=str(tmp_path / style)
        )
        assert isinstance(data, datasets.Dataset)
        assert (set(data.column_names), data.num_rows) == (columns, 2)


@pytest.mark.parametrize("key", ["18", "\\frac{1}{2}", "x = 5", "(1, 2)"])
def test_math_verify_reads_a_key_in_a_box(key: str) -> None:
    assert same(f"\\boxed{{{key}}}", f"${key}$")
