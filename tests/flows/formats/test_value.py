"""Value targets as training rows: the worked example of the specification, and what makes no row."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datasets
import pytest

from redraft.flows.export import EmptyExport, export
from redraft.flows.filters.sifting.candidates import candidates
from redraft.flows.generate import generate
from redraft.graders.grader import Grader
from redraft.graders.rewards.value_target import value_targets
from redraft.llm.model import Choice, Finish, Request
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store, Trajectory
from redraft.store.errors import PartError
from redraft.store.tables.reading.trajectories import read_trajectories
from redraft.store.trajectory import Grade

Sums = Callable[..., list[Problem]]

TREE = {"": ["A", "X #### 9"], "A": ["B #### 2", "C"], "A C": ["D #### 8"]}


def writer(right: str = "2") -> Scripted:
    """Of the question A and a wrong X, of A a right B and C, of C a wrong D."""

    def script(request: Request, index: int) -> Choice:
        steps = TREE[" ".join(request.prefix.split())]
        text = steps[index % len(steps)].replace("2", right)
        return Choice(text, Finish.END if "####" in text else Finish.STOP, 1)

    return Scripted(script)


def even() -> Grader:
    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return [Grade("even", path.trajectory_id, 1, 0.5) for path in trajectories]

    return grader


async def searched(tmp_path: Path, sums: Sums, right: str = "2") -> Store:
    store = Store(tmp_path / "r.duckdb")
    settings: dict[str, Any] = {"strategy": "mcts", "grader": even, "arguments": {"iterations": 6, "branch": 2}}
    await generate(sums(1), db=store, model=writer(right), **settings)
    return store


async def rows(store: Store, tmp_path: Path, **given: Any) -> tuple[list[dict[str, Any]], Any]:
    try:
        found = await export(tmp_path / "value.jsonl", db=store, format="value", overwrite=True, **given)
    except EmptyExport as error:
        return [], error.result
    return [json.loads(line) for line in (tmp_path / "value.jsonl").read_text().splitlines()], found


async def test_each_step_has_the_value_of_the_worked_example(tmp_path: Path, sums: Sums) -> None:
    store = await searched(tmp_path, sums)
    made, found = await rows(store, tmp_path, filters=["split"])
    values = {" ".join(row["solution"].split()): row["value"] for row in made}
    assert values == {"A": 0.5, "A B #### 2": 1.0, "A C": 0.25, "A C D #### 8": 0.0, "X #### 9": 0.0}
    assert len(made) == found.kept >= 5
    assert {row["question"] for row in made} == {"What is 1 + 1?"}
    sources = "SELECT count(*) FROM dataset_rows d JOIN steps s USING (step_id) WHERE dataset_id = getvariable('d')"
    sources = sources.replace("getvariable('d')", f"'{found.dataset_id}'")
    assert store.query(f'{sources} AND d."row" IS NOT NULL').rows == [(found.kept,)]


async def test_rows_of_many_trees_are_those_of_each_tree_alone(tmp_path: Path, sums: Sums) -> None:
    store = Store(tmp_path / "r.duckdb")
    problems = {problem.problem_id: problem for problem in sums(4)}
    settings: dict[str, Any] = {"strategy": "mcts", "grader": even, "arguments": {"iterations": 6, "branch": 2}}
    for seed in (1, 2):
        await generate([*problems.values()], db=store, model=writer(), seed=seed, **settings)
    turns = {"feedback": "none", "turns": 2}
    await generate([*problems.values()], db=store, model=writer(), strategy="correct", samples=2, arguments=turns)
    made, found = await rows(store, tmp_path, filters=["length"])
    units = {re.split("[:/]", c.trajectory_id)[0]: problems[c.problem_id] for c in candidates(store)}
    values = []
    for unit, problem in units.items():
        read = [path for path in read_trajectories(store, {unit: problem})[unit].values() if path.turn == 1]
        verdicts = store.query(f"SELECT trajectory_id, correct FROM trajectories WHERE unit_id = '{unit}'").rows
        values.append({(problem.question, t.text, t.value) for t in value_targets(read, dict(verdicts))})
    assert {tuple(row.values()) for row in made} == set().union(*values)
    assert {"no right answer in its tree", "a redraft"} <= found.dropped.keys()
    assert sum(map(bool, values)) >= 4


async def test_filters_choose_the_drafts_and_leave_the_values(tmp_path: Path, sums: Sums) -> None:
    store = await searched(tmp_path, sums)
    made, _ = await rows(store, tmp_path, filters=["correct"], arguments={"style": "text"})
    assert made[:2] == [
        {"text": "What is 1 + 1?\n\nA\n\n", "label": 0.5},
        {"text": "What is 1 + 1?\n\nA\n\nB #### 2", "label": 1.0},
    ]
    assert {row["label"] for row in made} == {0.5, 1.0}


async def test_a_tree_without_a_right_answer_makes_no_rows(tmp_path: Path, sums: Sums) -> None:
    store = await searched(tmp_path, sums, right="3")
    made, found = await rows(store, tmp_path, filters=["split"])
    assert (made, set(found.dropped)) == ([], {"no right answer in its tree"})


async def test_a_store_without_searches_is_told_what_makes_one(tmp_path: Path, sums: Sums) -> None:
    store = Store(tmp_path / "r.duckdb")
    await generate(sums(1), db=store, model=writer(), strategy="best_of_n", samples=2)
    cure = "r.duckdb has none: run `redraft generate --strategy rest_mcts` .or another search. first"
    with pytest.raises(PartError, match=cure):
        await rows(store, tmp_path)
    assert not (tmp_path / "value.jsonl").exists()
    assert store.query("FROM datasets").rows == []


async def test_rows_load_as_a_regression_set_does(tmp_path: Path, sums: Sums) -> None:
    store = await searched(tmp_path, sums)
    await rows(store, tmp_path, filters=["split"], arguments={"style": "text"})
    data = datasets.load_dataset(
        "json", data_files=str(tmp_path / "value.jsonl"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert {name: feature.dtype for name, feature in data.features.items()} == {"text": "string", "label": "float64"}
