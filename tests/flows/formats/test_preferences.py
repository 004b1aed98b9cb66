"""Pairs and labelled drafts: what `dpo`, `kto` and `orm` write of hand-made drafts, and the sources of their rows."""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datasets
import pytest

from redraft.flows.export import EmptyExport, export
from redraft.flows.filter import DatasetResult
from redraft.flows.generate import generate
from redraft.graders.grader import Grader
from redraft.llm.model import Choice, Finish, Request
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store, Trajectory
from redraft.store.errors import PartError
from redraft.store.trajectory import Grade

Sums = Callable[..., list[Problem]]
DRAFTS = ("A #### 3", "B #### 2", "C #### 5", "B #### 2", "D #### 2", "E #### 7")
"""Of 1 + 1: B and D are right, and A, C and E are wrong. Of 2 + 2 none is right."""
ASKED = "What is 1 + 1?"


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def model(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def rated(**values: float) -> Grader:
    """Gives a draft the value of its first letter."""

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return [Grade("rated", path.trajectory_id, 1, values.get(path.text()[0])) for path in trajectories]

    return grader


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("drafts") / "r.duckdb")
    problems = [Problem(f"What is {i} + {i}?", str(2 * i), f"p{i}") for i in (1, 2)]
    given: dict[str, Any] = {"strategy": "best_of_n", "samples": len(DRAFTS)}
    letters = {"A": 0.1, "B": 0.9, "C": 0.8, "D": 0.2, "E": 0.3}
    run = generate(
        problems,
        db=store,
        model=Scripted(lambda request, index: DRAFTS[index]),
        grader=lambda: rated(**letters),
        **given,
    )
    asyncio.run(run)
    return store


async def rows(store: Store, tmp_path: Path, format: str, **given: Any) -> tuple[list[Any], DatasetResult]:
    file = tmp_path / "rows.jsonl"
    try:
        found = await export(file, db=store, format=format, overwrite=True, **given)
    except EmptyExport as error:
        return [], error.result
    return [json.loads(line) for line in file.read_text().splitlines()], found


async def pairs(store: Store, tmp_path: Path, **arguments: Any) -> list[str]:
    given = {"arguments": {"style": "text", **arguments}}
    made, _ = await rows(store, tmp_path, "dpo", **given)
    return [f"{row['chosen'][0]}{row['rejected'][0]}" for row in made]


async def test_dpo_pairs_right_drafts_with_wrong_ones(store: Store, tmp_path: Path) -> None:
    made, found = await rows(store, tmp_path, "dpo")
    assert made == [
        {"prompt": [user(ASKED)], "chosen": [model(right)], "rejected": [model(wrong)], "oracle_used": False}
        for right, wrong in (("B #### 2", "A #### 3"), ("D #### 2", "C #### 5"), ("B #### 2", "E #### 7"))
    ]
    assert found.dropped == {"duplicate": 2, "no right draft of its problem": 5}
    sources = store.query(
        f"""SELECT "row", text, correct FROM dataset_rows r JOIN turns t
        ON t.trajectory_id = r.trajectory_id AND t.leaf_step_id = r.step_id
        WHERE dataset_id = '{found.dataset_id}' AND "row" IS NOT NULL ORDER BY ALL"""
    ).rows
    assert sources == [
        (0, "A #### 3", False), (0, "B #### 2", True), (1, "C #### 5", False), (1, "D #### 2", True),
        (2, "B #### 2", True), (2, "E #### 7", False),
    ]  # fmt: skip


async def test_the_layouts_of_a_pair(store: Store, tmp_path: Path) -> None:
    one = {"pairs": 1}
    [text], _ = await rows(store, tmp_path, "dpo", arguments={**one, "style": "text"})
    assert text == {"prompt": f"{ASKED}\n\n", "chosen": "B #### 2", "rejected": "A #### 3", "oracle_used": False}
    [chat], _ = await rows(store, tmp_path, "dpo", arguments={**one, "style": "messages"})
    assert chat == {
        "messages": [user(ASKED), model("B #### 2")], "rejected_response": "A #### 3", "oracle_used": False,
    }  # fmt: skip


async def test_the_hardest_pairs_are_the_doubted_right_and_the_trusted_wrong(store: Store, tmp_path: Path) -> None:
    assert await pairs(store, tmp_path) == ["BA", "DC", "BE"]
    assert await pairs(store, tmp_path, pairs=2) == ["BA", "DC"]
    assert await pairs(store, tmp_path, hardest=True) == ["DC", "BE", "DA"], "by the score of the agent"
    assert await pairs(store, tmp_path, hardest=True, grader="rated") == ["DC", "BE", "DA"]
    assert await pairs(store, tmp_path, hardest=True, grader="nobody") == ["BA", "DC", "BE"], "no scores: in order"


async def test_drafts_of_every_turn_count(tmp_path: Path, sums: Sums) -> None:
    store = Store(tmp_path / "r.duckdb")
    turns = Scripted(lambda request, index: f"Try {len(request.messages) // 2} #### {3 - len(request.messages) // 2}")
    await generate(sums(1), db=store, model=turns, samples=1, arguments={"feedback": "none", "turns": 2})
    assert await pairs(store, tmp_path) == ["TT"]
    made, found = await rows(store, tmp_path, "kto", arguments={"style": "text"})
    assert [(row["completion"], row["label"]) for row in made] == [("Try 0 #### 3", False), ("Try 1 #### 2", True)]
    assert found.labels == {"true": 1, "false": 1}


async def test_rows_that_the_key_helped_to_write_are_marked(tmp_path: Path, sums: Sums) -> None:
    store = Store(tmp_path / "r.duckdb")
    turns = Scripted(lambda request, index: f"Try {len(request.messages) // 2} #### {3 - len(request.messages) // 2}")
    await generate(sums(1), db=store, model=turns, samples=1, arguments={"feedback": "oracle", "turns": 2})
    for format in ("dpo", "kto", "orm"):
        made, _ = await rows(store, tmp_path, format)
        assert made
        assert all(row["oracle_used"] for row in made)


async def test_kto_counts_its_labels(store: Store, tmp_path: Path) -> None:
    made, found = await rows(store, tmp_path, "kto")
    assert made[:2] == [
        {"prompt": [user(ASKED)], "completion": [model("A #### 3")], "label": False, "oracle_used": False},
        {"prompt": [user(ASKED)], "completion": [model("B #### 2")], "label": True, "oracle_used": False},
    ]
    assert found.labels == {"true": 2, "false": 8}
    assert found.one_line().startswith("10 kept (2 true, 8 false), 2 dropped (2 duplicate): ")
    [first, *_], _ = await rows(store, tmp_path, "kto", arguments={"style": "messages"})
    assert first == {"messages": [user(ASKED), model("A #### 3")], "label": False, "oracle_used": False}


async def test_orm_writes_outcomes_and_pairs(store: Store, tmp_path: Path) -> None:
    made, found = await rows(store, tmp_path, "orm")
    assert made[0] == {"prompt": ASKED, "completion": "A #### 3", "label": False, "oracle_used": False}
    assert found.labels == {"true": 2, "false": 8}
    made, _ = await rows(store, tmp_path, "orm", arguments={"style": "text"})
    assert made[1] == {"text": f"{ASKED}\n\nB #### 2", "label": True, "oracle_used": False}
    paired, found = await rows(store, tmp_path, "orm", arguments={"style": "pairs"})
    dpo_rows, _ = await rows(store, tmp_path, "dpo")
    assert paired == dpo_rows
    assert found.labels == {}


TREE = {"": ["A", "X #### 9"], "A": ["B #### 2", "C"], "A C": ["D #### 8"]}


@pytest.fixture
async def tree(tmp_path: Path, sums: Sums) -> Store:
    """Of the question a right A and a wrong X, of A a right B and a wrong C: see TREE."""

    def script(request: Request, index: int) -> Choice:
        steps = TREE[" ".join(request.prefix.split())]
        text = steps[index % len(steps)]
        return Choice(text, Finish.END if "####" in text else Finish.STOP, 1)

    async def even(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return [Grade("even", path.trajectory_id, 1, 0.5) for path in trajectories]

    store = Store(tmp_path / "tree.duckdb")
    settings: dict[str, Any] = {"strategy": "mcts", "grader": lambda: even, "arguments": {"iterations": 6, "branch": 2}}
    await generate(sums(1), db=store, model=Scripted(script), **settings)
    return store


async def test_step_pairs_are_siblings_whose_values_differ(tree: Store, tmp_path: Path) -> None:
    """The values are those of the worked example: A 0.5, X 0, A B 1, A C 0.25."""
    made, found = await rows(tree, tmp_path, "dpo", arguments={"steps": True}, filters=["split"])
    assert [{**row, "oracle_used": None} for row in made] == [
        {
            "prompt": f"{ASKED}\n\nA\n\n", "chosen": "B #### 2", "rejected": "C\n\n", "chosen_value": 1.0,
            "rejected_value": 0.25, "oracle_used": None,
        },
        {
            "prompt": f"{ASKED}\n\n", "chosen": "A\n\n", "rejected": "X #### 9", "chosen_value": 0.5,
            "rejected_value": 0.0, "oracle_used": None,
        },
    ]  # fmt: skip
    sources = f"""SELECT "row", trim(text, chr(10)) FROM dataset_rows JOIN steps USING (step_id)
        WHERE dataset_id = '{found.dataset_id}' ORDER BY ALL"""
    assert tree.query(sources).rows == [(0, "B #### 2"), (0, "C"), (1, "A"), (1, "X #### 9")]
    made, _ = await rows(tree, tmp_path, "dpo", arguments={"steps": True, "gap": 0.6}, filters=["split"])
    assert [row["chosen"] for row in made] == ["B #### 2"]
    made, _ = await rows(tree, tmp_path, "dpo", arguments={"steps": True, "pairs": 1}, filters=["correct"])
    assert made == [], "the other steps are in trajectories that the filter dropped"


@pytest.mark.parametrize(
    ("format", "arguments", "message"),
    [
        ("dpo", {"pairs": 0}, "pairs=0 and gap=0.1 of format 'dpo' have to be at least 1"),
        ("dpo", {"gap": 0.0}, "gap=0.0 of format 'dpo'"),
        ("dpo", {"steps": True, "style": "messages"}, "can't show half a solution: take style='text'"),
        ("dpo", {"grader": "prm"}, "grader='prm' of format 'dpo' gives the scores for hardest=true: set it too"),
        ("orm", {"pairs": 0}, "pairs=0 of format 'orm' has to be at least 1"),
    ],
)
async def test_impossible_settings_are_refused(
    store: Store, tmp_path: Path, format: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(PartError, match=message):
        await rows(store, tmp_path, format, arguments=arguments)


@pytest.mark.parametrize(
    ("format", "columns", "arguments"),
    [
        ("dpo", {"prompt", "chosen", "rejected"}, {}),
        ("kto", {"prompt", "completion", "label"}, {}),
        ("orm", {"prompt", "completion", "label"}, {}),
        ("orm", {"prompt", "chosen", "rejected"}, {"style": "pairs"}),
    ],
)
async def test_datasets_loads_the_columns_of_trl(
    store: Store, tmp_path: Path, format: str, columns: set[str], arguments: dict[str, Any]
) -> None:
    _, found = await rows(store, tmp_path, format, arguments=arguments)
    data = datasets.load_dataset(
        "json", data_files=str(tmp_path / "rows.jsonl"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert set(data.column_names) == columns | {"oracle_used"}
    assert data.num_rows == found.kept > 0
