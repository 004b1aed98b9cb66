"""Presets: the rows that each keeps of a store made by hand, written out, and the line that a bad preset gets."""

import asyncio
import json
import math
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from redraft.flows.annotate import annotate
from redraft.flows.dataset_files.target import Target
from redraft.flows.export import EmptyExport, export, parts, prepared
from redraft.flows.filter import DatasetResult
from redraft.flows.filters.sifting.filter_sql import Scope
from redraft.flows.generate import generate
from redraft.flows.presets.preset import PresetError, names, read_preset
from redraft.flows.self_training.training_method import Part, read_method
from redraft.flows.self_training.training_method import names as method_names
from redraft.graders.grader import Grader
from redraft.llm.prompts.templates import TEMPLATES
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store, Trajectory
from redraft.store.errors import PartError
from redraft.store.trajectory import Grade

Redraft = Callable[..., subprocess.CompletedProcess[str]]
RIGHT, SAME, OTHER, LUCKY, WRONG = DRAFTS = (
    "1+1=2\n#### 2",
    "So 1 + 1 = 2.\n#### 2",
    "2*1=2\n#### 2",
    "1+1=3\n#### 2",
    "1+2=3\n#### 3",
)
"""Of 1 + 1: the second has the equations of the first, and the fourth is right by two mistakes. Of 2 + 2 all are
wrong, and alike."""
VALUES = {
    "judge": dict(zip(DRAFTS, (0.2, 0.9, 0.5, 0.1, 0.95), strict=True)),
    "prm": dict(zip(DRAFTS, (0.5, 0.1, 0.3, 0.9, 0.9), strict=True)),
    "rollout": {RIGHT: 1.0, WRONG: 0.0},
}
ASKED, OTHERS = "What is 1 + 1?", "What is 2 + 2?"


def rated(name: str) -> Grader:
    """Gives drafts, and each of their steps, the values of a grader by its name."""

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        found = []
        for path in trajectories:
            value = VALUES[name].get(path.text())
            steps = (value,) * len(path.draft()) if value is not None else ()
            found.append(Grade(name, path.trajectory_id, 1, value, steps=steps, reason=None if steps else "none"))
        return found

    return grader


def judge() -> Grader:
    return rated("judge")


def prm() -> Grader:
    return rated("prm")


def rollout() -> Grader:
    return rated("rollout")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("presets") / "r.duckdb")

    async def make() -> None:
        for name, question, key, drafts in (("a", ASKED, "2", DRAFTS), ("b", OTHERS, "4", (WRONG,) * 5)):
            model = Scripted(lambda request, index, drafts=drafts: drafts[index])
            given = {"model": model, "strategy": "best_of_n", "samples": 5, "grader": judge}
            await generate([Problem(question, key, name)], db=store, **given)
        for grader in (prm, rollout):
            await annotate(db=store, grader=grader)

    asyncio.run(make())
    return store


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def model(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def solved(*texts: str) -> list[dict[str, Any]]:
    return [{"prompt": user(ASKED), "completion": model(text)} for text in texts]


def pair(better: str, worse: str, **values: float) -> dict[str, Any]:
    return {"prompt": user(ASKED), "chosen": model(better), "rejected": model(worse), **values, "oracle_used": False}


def tagged(question: str, text: str, tag: str) -> dict[str, Any]:
    first, last = text.split("\n")
    shown = [f"{question} Step 1: {first} {end}\nStep 2: {last} {end}" for end in ("ки", tag)]
    return {**dict(zip(("input", "label"), shown, strict=True)), "turn": 1, "oracle_used": False}


ROWS: dict[str, list[dict[str, Any]]] = {
    "star": solved(RIGHT),
    "rft": solved(RIGHT, OTHER),
    "rest_em": solved(RIGHT, SAME, OTHER, LUCKY),
    "rest_mcts": solved(RIGHT, OTHER, LUCKY),
    "v_star": [pair(right, WRONG) for right in (RIGHT, SAME, OTHER, LUCKY)],
    "self_rewarding": [pair(WRONG, LUCKY, chosen_value=0.95, rejected_value=0.1)],
    "math_shepherd": [tagged(ASKED, RIGHT, "+"), tagged(ASKED, WRONG, "-"), *[tagged(OTHERS, WRONG, "-")] * 5],
}


@pytest.mark.parametrize("name", names())
async def test_the_rows_of_each_preset(store: Store, tmp_path: Path, name: str) -> None:
    await export(tmp_path / "rows.jsonl", db=store, preset=name)
    assert [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()] == ROWS[name]


def fixed(draft: str, answer: str, weight: float) -> dict[str, Any]:
    prompt = [*user(ASKED), *model(draft), *user(TEMPLATES["is_wrong"].text)]
    return {"prompt": prompt, "completion": model(answer), "weight": weight, "turn": 2}


def rewarded(question: str, text: str, reward: float) -> dict[str, Any]:
    row = {"prompt": user(question), "completion": model(text), "turn": 1}
    return {**row, "weight": math.exp(reward / 0.4), "reward": reward}


def weighted(question: str, text: str, value: float) -> dict[str, Any]:
    row = {"prompt": user(question), "completion": model(text), "turn": 1}
    return {**row, "steps": text.splitlines(keepends=True), "step_weights": [value, value]}


def drawn_by_the_trainer(name: str, question: str, key: str, solved: float) -> dict[str, Any]:
    facts = {"answer": key, "solution": f"\\boxed{{{key}}}", "kind": "math"}
    return {"prompt": user(question), **facts, "problem_id": name, "drafts": 5, "solved": solved}


KEPT: dict[str, list[dict[str, Any]]] = {
    "rft": solved(RIGHT, OTHER),
    "rest_em": solved(RIGHT, SAME, OTHER, LUCKY),
    "star": solved(RIGHT),
    "self_rewarding": [pair(LUCKY, SAME, chosen_value=0.9, rejected_value=0.1)],
    "mended": [
        *(
            row
            for text in (RIGHT, SAME)
            for row in ({**solved(text)[0], "weight": 1.0, "turn": 1}, fixed(text, text, 1.0))
        ),
        *(fixed(text, text, 1.0) for text in (OTHER, LUCKY)),
        fixed(WRONG, RIGHT, 1.0),
    ],
    "grpo": [drawn_by_the_trainer("a", ASKED, "2", 0.8)],
    "score": [drawn_by_the_trainer("a", ASKED, "2", 0.8), drawn_by_the_trainer("b", OTHERS, "4", 0.0)],
    "rise": [
        *(rewarded(ASKED, text, float(text != WRONG)) for text in DRAFTS),
        *[rewarded(OTHERS, WRONG, 0.0)] * 5,
    ],
    "v_star": solved(RIGHT, OTHER, LUCKY),
    "math_shepherd": solved(RIGHT),
    "rest_mcts": solved(RIGHT, OTHER, LUCKY),
    "step_weighted": [
        *(weighted(ASKED, text, VALUES["prm"][text]) for text in DRAFTS),
        weighted(OTHERS, WRONG, VALUES["prm"][WRONG]),
    ],
    "from_reward_model": solved(RIGHT, OTHER, LUCKY),
    "distilled_search": [*solved(WRONG), {"prompt": user(OTHERS), "completion": model(WRONG)}],
}
"""The rows that each method of self-training trains its policy on, of the same store."""
VERIFIED: dict[str, list[dict[str, Any]]] = {
    "v_star": ROWS["v_star"],
    "math_shepherd": [
        {"prompt": question, "completions": text.split("\n"), "labels": [good, good], "turn": 1, "oracle_used": False}
        for question, text, good in ((ASKED, RIGHT, True), (ASKED, WRONG, False), *[(OTHERS, WRONG, False)] * 5)
    ],
}
VERIFIED["from_reward_model"] = [
    {**row, "labels": [float(label) for label in row["labels"]]} for row in VERIFIED["math_shepherd"]
]
"""The rows that it trains its verifier on."""


def exported(store: Store, file: Path, part: Part, drawn: Sequence[Sequence[str]], **more: Any) -> DatasetResult:
    format, factory, own, chain = parts(part.format, part.filters, part.flat_arguments, part.preset)
    scope = Scope(drawn=tuple((recipe, replicate) for recipe, replicate in drawn))
    return prepared(store, Target.of(file), (format, factory, {**own, **more}, chain), scope, {}).write()


@pytest.mark.parametrize("name", method_names())
def test_the_rows_of_each_method_of_self_training(store: Store, tmp_path: Path, name: str) -> None:
    drawn = store.query("SELECT DISTINCT recipe, replicate FROM samples").rows
    made = exported(store, tmp_path / "rows.jsonl", read_method(name).policy, drawn)
    assert [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()] == KEPT[name]
    [(spec,)] = store.query("SELECT filter FROM datasets WHERE dataset_id = $1", [made.dataset_id]).rows
    assert json.loads(spec)["drawn"] == [list(pair) for pair in drawn]


@pytest.mark.parametrize("name", VERIFIED)
def test_the_rows_of_each_verifier(store: Store, tmp_path: Path, name: str) -> None:
    part = read_method(name).verifier
    assert part is not None
    exported(store, tmp_path / "rows.jsonl", part, store.query("SELECT DISTINCT recipe, replicate FROM samples").rows)
    assert [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()] == VERIFIED[name]


async def test_pairs_by_labels_take_the_values_of_the_named_runs_alone(store: Store, tmp_path: Path) -> None:
    """A later run of the same grader judges otherwise."""
    db = tmp_path / "r.duckdb"
    db.write_bytes(Path(store.path).read_bytes())
    again, part = Store(db), read_method("self_rewarding").policy

    def reversed_prm() -> Grader:
        async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
            found = await rated("prm")(trajectories)
            return [replace(one, value=round(1 - (one.value or 0), 9), steps=()) for one in found]

        return grader

    [(first,)] = again.query("SELECT DISTINCT run_id FROM grades WHERE grader = 'prm'").rows
    later = (await annotate(db=again, grader=reversed_prm)).run_id
    drawn = again.query("SELECT DISTINCT recipe, replicate FROM samples").rows
    found: list[list[Any]] = []
    for place, more in enumerate(({"runs": [first]}, {"runs": [later]}, {})):
        file = tmp_path / f"{place}.jsonl"
        exported(again, file, part, drawn, **more)
        found.append([json.loads(line) for line in file.read_text().splitlines()])
    assert found[0] == KEPT["self_rewarding"]
    assert found[1] == found[2] == [pair(SAME, LUCKY, chosen_value=0.9, rejected_value=0.1)]
    with pytest.raises(PartError, match="grader 'prm' has judged no draft of"):
        exported(again, tmp_path / "none.jsonl", part, drawn, runs=["another"])


def test_a_scope_of_other_draws_keeps_nothing(store: Store, tmp_path: Path) -> None:
    [(recipe, _), *_] = store.query("SELECT DISTINCT recipe, replicate FROM samples").rows
    for drawn in (((recipe, "another"),), (("another", ""),)):
        with pytest.raises(EmptyExport, match="no row to write"):
            prepared(store, Target.of(tmp_path / "r.jsonl"), parts(preset="star"), Scope(drawn=drawn), {}).write()


async def test_what_is_named_beside_a_preset_counts_instead(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    await export(file, db=store, preset="rest_em", arguments={"cap.most": 2, "style": "text"})
    assert [json.loads(line)["completion"] for line in file.read_text().splitlines()] == [RIGHT, SAME]
    await export(file, db=store, preset="rest_em", format="kto", filters=["correct"], overwrite=True)
    assert {json.loads(line)["label"] for line in file.read_text().splitlines()} == {True}


async def test_another_format_leaves_nothing_of_a_preset(store: Store, tmp_path: Path) -> None:
    alone, beside = tmp_path / "alone.jsonl", tmp_path / "beside.jsonl"
    await export(alone, db=store, format="kto")
    await export(beside, db=store, format="kto", preset="star")
    assert beside.read_bytes() == alone.read_bytes()


def kept(store: Store, redraft: Redraft, tmp_path: Path, *arguments: str) -> tuple[list[str], list[str]]:
    """Exports at the command line. Returns the columns of the first row with the number of rows, and the notes."""
    done = redraft("export", "rows.jsonl", "--overwrite", "--db", store.path, *arguments)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    return [*rows[0], str(len(rows))], done.stdout.splitlines()[1:]


def test_a_preset_on_the_command_line_overrides_what_the_file_says(
    store: Store, redraft: Redraft, tmp_path: Path
) -> None:
    (tmp_path / "redraft.toml").write_text('filter = ["cap most=1"]\nformat = "kto"\n[set.cap]\nmost = 3\n')
    assert kept(store, redraft, tmp_path, "--preset", "rest_em") == (["prompt", "completion", "4"], [])
    assert kept(store, redraft, tmp_path, "--preset", "rest_em", "--set", "cap.most=2")[0][-1] == "2"
    assert kept(store, redraft, tmp_path, "--preset", "rest_em", "--filter", "correct")[0][-1] == "4"


def test_filters_of_the_file_act_in_every_format_and_a_line_says_so(
    store: Store, redraft: Redraft, tmp_path: Path
) -> None:
    (tmp_path / "redraft.toml").write_text('filter = ["correct"]\n')
    (found, notes) = kept(store, redraft, tmp_path, "--format", "kto")
    assert found == ["prompt", "completion", "label", "oracle_used", "4"]
    assert notes == ["filters are those of redraft.toml or REDRAFT_FILTER; format kto alone takes length, duplicates"]
    assert kept(store, redraft, tmp_path, "--format", "kto", "--filter", "length")[1] == []


async def test_a_preset_of_ones_own_is_a_file(store: Store, tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('format = "sft"\nfilters = ["correct", "cap most=1"]\n[arguments]\nstyle = "text"\n')
    await export(tmp_path / "rows.jsonl", db=store, preset=own)
    assert json.loads((tmp_path / "rows.jsonl").read_text()) == {"prompt": f"{ASKED}\n\n", "completion": RIGHT}


def test_each_preset_says_whose_it_is() -> None:
    assert all("arXiv" in read_preset(name).about for name in names())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("format = [", "is no TOML"),
        ("filters = 3", r"mine.toml: filters=3 must be a list$"),
        ("filters = [3]", r"mine.toml: filters.0=3 must be a text$"),
        ("format = 3\narguments = 4", "format=3 must be a text; arguments=4 must be a mapping from names to values"),
        ('fromat = "sft"', "no key 'fromat'; there are about, format, filters, arguments. Did you mean 'format'?"),
        ("filter = []", "no key 'filter'; there are about, format, filters, arguments. Did you mean 'filters'?"),
        ("", "mine.toml says nothing about rows: a preset has about, format, filters, arguments"),
        ('about = "mine"', "says nothing about rows"),
    ],
)
def test_a_bad_preset_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(PresetError, match=line):
        read_preset(tmp_path / "mine.toml")


def test_an_unknown_preset_is_told_the_names_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(
        PresetError,
        match=r"no preset 'rest_mtcs'; there are math_shepherd, .* ends in .toml. Did you mean 'rest_mcts'\?$",
    ):
        read_preset("rest_mtcs")
    with pytest.raises(PresetError, match="No such file"):
        read_preset(tmp_path / "none.toml")
