"""Pairs of the best and the worst draft by a grader, from hand-made values."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.export import export
from redraft.flows.generate import generate
from redraft.graders.grader import Grader
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store, Trajectory
from redraft.store.errors import PartError
from redraft.store.trajectory import Grade

DRAFTS = {"p1": ("A", "B", "C", "D"), "p2": ("A", "A", "B", "E"), "p3": ("C", "C", "E", "E")}
VALUES = {"A": 0.5, "B": 0.9, "C": 0.1, "D": 0.1}  # E has none


def rated() -> Grader:
    """Gives a draft the value of its letter."""

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return [Grade("rated", path.trajectory_id, 1, VALUES.get(path.text())) for path in trajectories]

    return grader


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("drafts") / "r.duckdb")
    for name, drafts in DRAFTS.items():
        model = Scripted(lambda request, index, drafts=drafts: drafts[index])
        problem = Problem(f"What is {name}?", problem_id=name)
        asyncio.run(generate([problem], db=store, model=model, strategy="best_of_n", samples=4, grader=rated))
    return store


async def rows(store: Store, file: Path, **arguments: Any) -> list[dict[str, Any]]:
    await export(file, db=store, format="best_worst", arguments={"grader": "rated", **arguments}, overwrite=True)
    return [json.loads(line) for line in file.read_text().splitlines()]


def pair(problem: str, best: str, worst: str) -> dict[str, Any]:
    return {
        "prompt": [{"role": "user", "content": f"What is {problem}?"}],
        "chosen": [{"role": "assistant", "content": best}],
        "rejected": [{"role": "assistant", "content": worst}],
        "chosen_value": VALUES[best],
        "rejected_value": VALUES[worst],
        "oracle_used": False,
    }


async def test_each_problem_has_its_best_and_its_first_worst_draft(store: Store, tmp_path: Path) -> None:
    found = await rows(store, tmp_path / "rows.jsonl")
    assert found == [pair("p1", "B", "C"), pair("p2", "B", "A")]
    told = store.query(
        'SELECT t.text, r."row", r.dropped_because FROM dataset_rows r JOIN turns t ON t.leaf_step_id = r.step_id'
        " WHERE dataset_id = (SELECT max(dataset_id) FROM datasets)"
    )
    assert sorted(told.rows, key=str) == sorted(
        [
            ("B", 0, None),
            ("C", 0, None),
            ("A", None, "neither the best nor the worst of its problem"),
            ("D", None, "neither the best nor the worst of its problem"),
            ("B", 1, None),
            ("A", 1, None),
            ("A", None, "neither the best nor the worst of its problem"),
            ("E", None, "neither the best nor the worst of its problem"),
            *[(text, None, "no two values of rated differ enough") for text in "CCEE"],
        ],
        key=str,
    )


async def test_the_same_text_with_two_values_is_no_pair(tmp_path: Path) -> None:
    """A grader may give the same text two values, as the likelihood does in another batch."""
    store, file = Store(tmp_path / "r.duckdb"), tmp_path / "rows.jsonl"
    values = iter([0.5, 0.4, 0.3, 0.4, 0.45, 0.5])

    def drifting() -> Grader:
        async def judge(trajectories: Sequence[Trajectory]) -> list[Grade]:
            return [Grade("rated", one.trajectory_id, one.turn, next(values)) for one in trajectories]

        return judge

    for name, drafts in (("p1", "AAA"), ("p2", "ABA")):
        model = Scripted(lambda request, index, drafts=drafts: drafts[index])
        problem = Problem(f"What is {name}?", problem_id=name)
        await generate([problem], db=store, model=model, strategy="best_of_n", samples=3, grader=drifting)
    found = await rows(store, file)
    assert [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in found] == [("B", "A")]
    assert [(row["chosen_value"], row["rejected_value"]) for row in found] == [(0.45, 0.4)], (
        "the first A, not the third"
    )


async def test_a_gap_leaves_out_values_that_are_close(store: Store, tmp_path: Path) -> None:
    assert await rows(store, tmp_path / "rows.jsonl", gap=0.5) == [pair("p1", "B", "C")]


@pytest.mark.parametrize(
    ("style", "columns"),
    [("text", ["prompt", "chosen", "rejected"]), ("messages", ["messages", "rejected_response"])],
)
async def test_the_columns_of_other_trainers(store: Store, tmp_path: Path, style: str, columns: list[str]) -> None:
    found = await rows(store, tmp_path / "rows.jsonl", style=style)
    assert [*found[0]] == [*columns, "chosen_value", "rejected_value", "oracle_used"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"gap": -1.0}, "gap=-1.0 .* at least 0"),
        ({"grader": "judge"}, "grader 'judge' has judged no draft of .*annotate"),
    ],
)
async def test_a_mistake_is_one_line(store: Store, tmp_path: Path, arguments: dict[str, Any], line: str) -> None:
    with pytest.raises(PartError, match=line):
        await rows(store, tmp_path / "rows.jsonl", **arguments)
