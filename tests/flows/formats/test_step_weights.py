"""Rows whose steps count by a grader's values: the weights, and the drafts that make no row."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.annotate import annotate
from redraft.flows.export import EmptyExport, export
from redraft.flows.filter import DatasetResult
from redraft.flows.generate import generate
from redraft.graders.grader import Grader
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store, Trajectory
from redraft.store.errors import PartError
from redraft.store.trajectory import Grade

Sums = Callable[..., list[Problem]]
DRAFT = "I add.\n\nIt is 3.\n\nThe answer is 3."
STEPS = ["I add.\n\n", "It is 3.\n\n", "The answer is 3."]


def judge(*values: float | None, model: str | None = None) -> Callable[[], Grader]:
    """Returns the factory of a grader `prm` that gives the steps of every draft these values."""

    async def prm(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return [
            Grade("prm", path.trajectory_id, path.turn, 0.5, steps=values[: len(path.draft())], grader_model=model)
            for path in trajectories
        ]

    return lambda: prm


async def judged(tmp_path: Path, sums: Sums, grader: Callable[[], Grader], *drafts: str) -> Store:
    store = Store(tmp_path / "r.duckdb")
    told = drafts or (DRAFT,)
    model = Scripted(lambda request, index: told[index].removeprefix(request.prefix))
    await generate(sums(1), db=store, model=model, strategy="best_of_n", grader=grader, samples=len(told))
    return store


async def rows(store: Store, tmp_path: Path, **arguments: Any) -> tuple[list[Any], DatasetResult]:
    file = tmp_path / "rows.jsonl"
    try:
        found = await export(file, db=store, format="step_weights", arguments=arguments, overwrite=True)
    except EmptyExport as error:
        return [], error.result
    return [json.loads(line) for line in file.read_text().splitlines()], found


@pytest.mark.parametrize(
    ("values", "weights"),
    [
        ((0.5, 0.75, 0.25), [0.5, 0.5, 0.25]),
        ((0.0, 1.0, 1.0), None),
        ((1.0, None, 1.0), [1.0, 0.0, 0.0]),
    ],
)
async def test_a_step_weighs_no_more_than_the_worst_step_before_it(
    tmp_path: Path, sums: Sums, values: tuple[float | None, ...], weights: list[float] | None
) -> None:
    store = await judged(tmp_path, sums, judge(*values))
    made, found = await rows(store, tmp_path)
    if weights is None:
        assert (made, found.dropped) == ([], {"no step has a weight above 0": 1})
        return
    asked = [{"role": "user", "content": "What is 1 + 1?"}]
    answered = [{"role": "assistant", "content": DRAFT}]
    facts = {"steps": STEPS, "step_weights": weights, "turn": 1}
    assert made == [{"prompt": asked, "completion": answered, **facts}]
    assert "".join(made[0]["steps"]) == made[0]["completion"][0]["content"]
    noted = f"""SELECT "row", t.text FROM dataset_rows r JOIN turns t ON t.leaf_step_id = r.step_id
        WHERE dataset_id = '{found.dataset_id}'"""
    assert store.query(noted).rows == [(0, DRAFT)]


async def test_equal_drafts_of_a_question_make_one_row(tmp_path: Path, sums: Sums) -> None:
    other = DRAFT.replace("3", "2")
    made, found = await rows(await judged(tmp_path, sums, judge(1.0, 1.0, 1.0), DRAFT, other, DRAFT), tmp_path)
    assert [row["completion"][0]["content"] for row in made] == [DRAFT, other]
    assert found.dropped == {"the same draft as one before": 1}


async def test_values_that_are_no_weights_make_no_row(tmp_path: Path, sums: Sums) -> None:
    _, found = await rows(await judged(tmp_path, sums, judge(-0.5, 1.0, 1.0)), tmp_path)
    assert found.dropped == {"values that are no probabilities": 1}


async def test_a_model_can_be_named_and_a_grader_has_to_have_judged(tmp_path: Path, sums: Sums) -> None:
    store = await judged(tmp_path, sums, judge(0.5, 0.5, 0.5, model="m"))
    await annotate(db=store, grader=judge(0.25, 0.25, 0.25, model="n"))
    for model, weight in (("m", 0.5), ("n", 0.25), (None, 0.5)):
        made, _ = await rows(store, tmp_path, model=model)
        assert [row["step_weights"] for row in made] == [[weight] * 3]
    _, found = await rows(store, tmp_path, model="other")
    assert found.dropped == {"no values of its steps by prm": 1}
    with pytest.raises(PartError, match=r"no values of steps by grader 'rollout' in .*; there are prm: let a grader"):
        await rows(store, tmp_path, grader="rollout")
