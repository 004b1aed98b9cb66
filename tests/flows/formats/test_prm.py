"""Rows of judged steps: the labels of each grader, the two layouts, and drafts that make no row."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datasets
import pytest

from redraft.flows.export import EmptyExport, export
from redraft.flows.filter import DatasetResult
from redraft.flows.generate import generate
from redraft.flows.importing import importing
from redraft.graders.grader import Grader
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store, Trajectory
from redraft.store.errors import PartError
from redraft.store.trajectory import Grade

Sums = Callable[..., list[Problem]]
ASKED = "What is 1 + 1?"
DRAFT = "I add.\n\nIt is 3.\n\nThe answer is 3."
STEPS = ["I add.", "It is 3.", "The answer is 3."]


def judge(name: str, *values: float | None, model: str | None = None) -> Callable[[], Grader]:
    """Returns the factory of a grader that gives the steps of every draft these values."""

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return [
            Grade(name, path.trajectory_id, path.turn, 0.5, steps=values[: len(path.draft())], grader_model=model)
            for path in trajectories
        ]

    return lambda: grader


async def judged(tmp_path: Path, sums: Sums, grader: Callable[[], Grader], draft: str = DRAFT) -> Store:
    store = Store(tmp_path / "r.duckdb")
    model = Scripted(lambda request, index: draft.removeprefix(request.prefix))
    await generate(sums(1), db=store, model=model, strategy="best_of_n", samples=1, grader=grader)
    return store


async def rows(store: Store, tmp_path: Path, **arguments: Any) -> tuple[list[Any], DatasetResult]:
    file = tmp_path / "rows.jsonl"
    try:
        found = await export(file, db=store, format="prm", arguments=arguments, overwrite=True)
    except EmptyExport as error:
        return [], error.result
    return [json.loads(line) for line in file.read_text().splitlines()], found


async def test_a_row_has_the_steps_and_whether_each_is_good(tmp_path: Path, sums: Sums) -> None:
    store = await judged(tmp_path, sums, judge("rollout", 0.75, 0.25, 0.0))
    made, found = await rows(store, tmp_path)
    row = {"prompt": ASKED, "completions": STEPS, "labels": [True, True, False], "turn": 1, "oracle_used": False}
    assert made == [row]
    made, _ = await rows(store, tmp_path, threshold=0.5)
    assert made == [{**row, "labels": [True, False, False]}]
    made, _ = await rows(store, tmp_path, soft=True)
    assert made == [{**row, "labels": [0.75, 0.25, 0.0]}]
    noted = store.query(
        f"""SELECT "row", r.trajectory_id = t.trajectory_id, t.text FROM dataset_rows r
        JOIN turns t ON t.leaf_step_id = r.step_id WHERE dataset_id = '{found.dataset_id}'"""
    ).rows
    assert noted == [(0, True, DRAFT)]


async def test_other_graders_call_a_step_good_from_one_half(tmp_path: Path, sums: Sums) -> None:
    store = await judged(tmp_path, sums, judge("prm", 0.5, 0.49, 1.0, model="m"))
    made, _ = await rows(store, tmp_path, grader="prm")
    assert [row["labels"] for row in made] == [[True, False, True]]
    assert len((await rows(store, tmp_path, grader="prm", model="m"))[0]) == 1
    _, found = await rows(store, tmp_path, grader="prm", model="other")
    assert found.dropped == {"no values of its steps by prm": 1}
    with pytest.raises(PartError, match=r"no values of steps by grader 'rollout' in .*; there are prm: let a grader"):
        await rows(store, tmp_path)


async def test_a_row_ends_before_the_first_step_without_a_value(tmp_path: Path, sums: Sums) -> None:
    store = await judged(tmp_path, sums, judge("prm", 0.9, None, 0.1))
    made, _ = await rows(store, tmp_path, grader="prm")
    assert [(row["completions"], row["labels"]) for row in made] == [(STEPS[:1], [True])]


@pytest.mark.parametrize(
    ("values", "reason"),
    [((None, 0.5, 0.5), "no value of its first step"), ((-0.5, -1.5, 0.0), "values that are no probabilities")],
)
async def test_what_makes_no_row_is_told(tmp_path: Path, sums: Sums, values: tuple[Any, ...], reason: str) -> None:
    store = await judged(tmp_path, sums, judge("own", *values))
    assert (await rows(store, tmp_path, grader="own"))[1].dropped == {reason: 1}


async def test_math_shepherds_layout_is_read_as_the_released_data_is(tmp_path: Path, sums: Sums) -> None:
    store = await judged(tmp_path, sums, judge("rollout", 0.75, 0.25, 0.0))
    [row], _ = await rows(store, tmp_path, style="math_shepherd")
    assert row == {
        "input": f"{ASKED} Step 1: I add. ки\nStep 2: It is 3. ки\nStep 3: The answer is 3. ки",
        "label": f"{ASKED} Step 1: I add. +\nStep 2: It is 3. +\nStep 3: The answer is 3. -",
        "turn": 1,
        "oracle_used": False,
    }
    again = Store(tmp_path / "again.duckdb")
    assert (await importing(tmp_path / "rows.jsonl", format="math_shepherd", db=again)).trajectories == 1
    [twice], _ = await rows(again, tmp_path, style="math_shepherd")
    assert (twice["input"], twice["label"]) == (row["input"], row["label"])


async def test_a_text_with_the_tag_has_no_such_layout(tmp_path: Path, sums: Sums) -> None:
    store = await judged(tmp_path, sums, judge("rollout", 1.0), "чайники: 3")
    _, found = await rows(store, tmp_path, style="math_shepherd")
    assert found.dropped == {"its text has the tag ки": 1}
    assert (await rows(store, tmp_path))[1].kept == 1


async def test_trls_columns_are_imported_again(tmp_path: Path, sums: Sums) -> None:
    store = await judged(tmp_path, sums, judge("rollout", 0.75, 0.25, 0.0))
    made, _ = await rows(store, tmp_path)
    again = Store(tmp_path / "again.duckdb")
    await importing(tmp_path / "rows.jsonl", format="chats", db=again)
    twice, _ = await rows(again, tmp_path, grader="human")
    assert twice == made


async def test_labels_of_several_people_make_a_row_each(tmp_path: Path) -> None:
    said = [{"role": "user", "content": ASKED}, {"role": "assistant", "content": DRAFT}]
    lines = [
        {"messages": said, "step_labels": labels, "labeler": name}
        for name, labels in (("Ann", [1, -1, -1]), ("Bob", [1, 1, -1]))
    ]
    (tmp_path / "people.jsonl").write_text("\n".join(map(json.dumps, lines)))
    store = Store(tmp_path / "r.duckdb")
    await importing(tmp_path / "people.jsonl", format="chats", db=store)
    made, _ = await rows(store, tmp_path, grader="human")
    assert sorted(row["labels"] for row in made) == [[True, False, False], [True, True, False]]
    made, _ = await rows(store, tmp_path, grader="human", model="Bob")
    assert [row["labels"] for row in made] == [[True, True, False]]


@pytest.mark.parametrize(
    "given", [{"threshold": 2.0}, {"soft": True, "threshold": 0.5}, {"soft": True, "style": "math_shepherd"}]
)
async def test_impossible_settings_are_refused(tmp_path: Path, sums: Sums, given: dict[str, Any]) -> None:
    store = Store(tmp_path / "r.duckdb")
    store.add(sums(1))
    with pytest.raises(PartError, match="of format 'prm'"):
        await rows(store, tmp_path, **given)


async def test_datasets_loads_both_layouts(tmp_path: Path, sums: Sums) -> None:
    store = await judged(tmp_path, sums, judge("rollout", 0.75, 0.25, 0.0))
    for style, kinds in (
        ("columns", {"prompt": "string", "completions": "List", "labels": "List"}),
        ("math_shepherd", {"input": "string", "label": "string"}),
    ):
        await rows(store, tmp_path, style=style)
        data = datasets.load_dataset(
            "json", data_files=str(tmp_path / "rows.jsonl"), split="train", cache_dir=str(tmp_path / style)
        )
        assert isinstance(data, datasets.Dataset)
        found = {name: getattr(kind, "dtype", type(kind).__name__) for name, kind in data.features.items()}
        assert {name: found[name] for name in kinds} == kinds
