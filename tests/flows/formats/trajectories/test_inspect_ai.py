"""Logs of Inspect: whole known answers, what its own reader sees, and nothing is lost when they are read back."""

import asyncio
import json
import math
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from redraft.flows.annotate import annotate
from redraft.flows.dataset_files.target import ExportError
from redraft.flows.export import EmptyExport, export
from redraft.flows.generate import generate
from redraft.flows.importing import importing
from redraft.graders.grader import Grader
from redraft.llm.model import Choice, Finish, Request
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.trajectory import Grade, Trajectory, Verdict

STEPS = """
SELECT t.role, t.sample, t.chosen, t.score, t.answer, t.stop, t.oracle_used, t.reason, t.turns, d.turn, d.answer,
       d.stop, d.feedback, d.text, d.correct, t.tokens, d.tokens
FROM trajectories t JOIN turns d USING (trajectory_id) WHERE t.role <> 'rollout' ORDER BY ALL"""
GRADES = """
SELECT t.role, t.text, g.turn, g.grader, g.grader_model, g.verdict, g.value, g.p_good, g.n, g.lo, g.hi, g.reason,
       s.text, s.depth
FROM grades g JOIN trajectories t USING (trajectory_id) LEFT JOIN steps s USING (step_id)
WHERE t.role <> 'rollout' ORDER BY ALL"""
PAID = """
SELECT sum(prompt_tokens - cached_tokens)::INTEGER, sum(completion_tokens)::INTEGER
FROM calls JOIN runs USING (run_id) WHERE stage = 'generate'"""
HERE = Path(__file__).parent
READER = Path(os.environ.get("REDRAFT_TRAINERS") or HERE.parents[3] / "build" / "trainers") / "inspect-ai"
Redraft = Callable[..., subprocess.CompletedProcess[str]]
Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]


def said(request: Request, index: int) -> Choice:
    """A draft by the number of the sample and of the turn, with what the model thinks before it."""
    text = f"It is {2 + index}." if len(request.messages) == 1 else "It is 2 after all."
    offsets, logprobs = (0, 3, 6), (-0.5, -0.25, -0.125)
    return Choice(text, Finish.END, 3, logprobs, offsets, thinking=f"Is it {index}?" if index else "")


@pytest.fixture
async def told(tmp_path: Path) -> Store:
    """Two samples of one problem, with two drafts each."""
    store = Store(tmp_path / "told.duckdb")
    problem = Problem("1 + 1?", "2", problem_id="one", source="sums", split="train", level=1)
    await generate(
        [problem], db=store, model=Scripted(said), strategy="correct", samples=2, arguments=dict(FIXED), seed=3
    )
    return store


FIXED = {"feedback": "fixed", "turns": 2}


def content(file: Path) -> dict[str, Any]:
    """The files of a log."""
    with ZipFile(file) as archive:
        return {name: json.loads(archive.read(name)) for name in archive.namelist()}


async def test_a_sample_has_its_messages_scores_and_calls(told: Store, tmp_path: Path) -> None:
    await export(tmp_path / "a.eval", db=told, format="inspect_ai")
    found = content(tmp_path / "a.eval")
    assert [*found] == [
        "samples/one_epoch_1.json", "samples/one_epoch_2.json", "summaries.json", "_journal/start.json", "header.json"
    ]  # fmt: skip
    sample = found["samples/one_epoch_2.json"]
    run, recipe, version = told.query("SELECT run_id, recipe, version FROM runs").rows[0]
    unit = sample["uuid"].partition(":")[0]
    feedback = told.query("SELECT DISTINCT text FROM steps WHERE \"by\" <> 'model'").rows[0][0]
    thought = {"type": "reasoning", "reasoning": "Is it 1?"}
    draft = {"type": "text", "text": "It is 3."}
    spoken = {"role": "assistant", "source": "generate", "model": "scripted"}
    last = {"id": f"{unit}/1.0.0", **spoken, "content": "It is 2 after all."}
    assert sample["messages"] == [
        {"role": "user", "content": "1 + 1?", "source": "input"},
        {"id": f"{unit}/1", **spoken, "content": [thought, draft]},
        {"id": f"{unit}/1.0", "role": "user", "content": feedback, "metadata": {"by": "fixed"}},
        last,
    ]
    assert sample["output"] == {
        "model": "scripted", "choices": [{"message": last, "stop_reason": "stop"}], "completion": "It is 2 after all.",
    }  # fmt: skip
    assert sample["scores"] == {
        "oracle": {"value": "C", "answer": "2", "metadata": {"value": 1.0}},
        "likelihood": {"value": -0.875 / 3, "answer": "2", "metadata": {"value": -0.875 / 3}},
        "likelihood_sum": {"value": -0.875, "answer": "2", "metadata": {"value": -0.875}},
    }
    assert sample["metadata"] == {
        "source": "sums", "split": "train", "level": 1, "run_id": run, "strategy": "correct", "recipe": recipe,
        "version": version, "sample": 1, "role": "sample", "chosen": False, "oracle_used": False, "stop": "answered",
    }  # fmt: skip
    facts = {name: sample[name] for name in ("id", "epoch", "input", "target", "uuid", "turn_count")}
    assert facts == {
        "id": "one", "epoch": 2, "input": "1 + 1?", "target": "2", "uuid": f"{unit}:1", "turn_count": 2
    }  # fmt: skip
    first, second = sample["events"]
    tokens = [("It ", -0.5), ("is ", -0.25), ("3.", -0.125)]
    assert first["output"]["choices"] == [
        {
            "message": {**spoken, "content": [thought, draft]}, "stop_reason": "stop",
            "logprobs": {"content": [{"token": token, "logprob": value} for token, value in tokens]},
        }
    ]  # fmt: skip
    assert "usage" not in first["output"], "the first sample has counted the call that drew both"
    assert (first["config"]["num_choices"], first["metadata"]["redraft"]["purpose"]) == (2, "propose")
    words = told.query(f"SELECT prompt_tokens FROM calls WHERE place = '{unit}/1.0'").rows[0][0]
    usage = {"input_tokens": words, "output_tokens": 3, "total_tokens": words + 3}
    assert {name: second["output"]["usage"][name] for name in usage} == usage
    assert sample["model_usage"]["scripted"] == second["output"]["usage"]


async def test_the_header_and_the_summaries_describe_the_whole(told: Store, tmp_path: Path) -> None:
    await export(tmp_path / "a.eval", db=told, format="inspect_ai")
    found = content(tmp_path / "a.eval")
    header, summaries = found["header.json"], found["summaries.json"]
    assert found["_journal/start.json"] == {name: header[name] for name in ("version", "eval", "plan")}
    assert header["results"]["total_samples"] == header["results"]["completed_samples"] == 2
    assert header["results"]["scores"][0] == {
        "name": "oracle", "scorer": "oracle", "scored_samples": 1, "unscored_samples": 0, "params": {},
        "metrics": {
            "accuracy": {"name": "accuracy", "value": 1.0, "params": {}},
            "stderr": {"name": "stderr", "value": 0.0, "params": {}},
        },
    }  # fmt: skip
    assert header["eval"]["dataset"] == {"name": "sums", "samples": 1, "sample_ids": ["one"], "shuffled": False}
    assert header["eval"]["config"] == {"epochs": 2}
    used = header["stats"]["model_usage"]["scripted"]
    [paid] = told.query(PAID).rows
    assert (used["input_tokens"], used["output_tokens"]) == paid, "each call once"
    shown = [
        (each["id"], each["epoch"], each["scores"]["oracle"]["value"], each["message_count"]) for each in summaries
    ]
    assert shown == [("one", 1, "C", 4), ("one", 2, "C", 4)]


async def test_the_same_store_gives_the_same_bytes(told: Store, tmp_path: Path) -> None:
    for name in ("a.eval", "b.eval"):
        await export(tmp_path / name, db=told, format="inspect_ai")
    assert (tmp_path / "a.eval").read_bytes() == (tmp_path / "b.eval").read_bytes()


@pytest.fixture
async def store(tmp_path: Path) -> Store:
    """A correction of two turns, and a searched tree, with grades of their steps."""
    store = Store(tmp_path / "from.duckdb")
    settings: dict[str, Any] = {"db": store, "limit": 2}
    await generate("builtin:split=train,seed=6", strategy="correct", samples=2, arguments=FIXED, **settings)
    await generate("builtin:split=train,seed=6", strategy="rest_mcts", **settings)
    await annotate(db=store, grader="likelihood")
    return store


async def test_nothing_is_lost_when_a_log_is_read_back(store: Store, tmp_path: Path) -> None:
    file, copy = tmp_path / "rows.eval", Store(tmp_path / "to.duckdb")
    kept = (await export(file, db=store, format="inspect_ai")).kept
    result = await importing(file, format="inspect_ai", db=copy)
    assert result.rows == kept == 2 * (2 + 1), "a sample for each, and one for each search"
    assert copy.query(STEPS).rows == store.query(STEPS).rows
    assert copy.query(GRADES).rows == store.query(GRADES).rows
    assert [*copy.problems()] == [*store.problems()]
    used = content(file)["header.json"]["stats"]["model_usage"]["embedded"]
    assert (used["input_tokens"], used["output_tokens"]) == store.query(PAID).rows[0]


def unsure() -> Grader:
    async def grade(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return [Grade("unsure", each.trajectory_id, each.turn, None, Verdict.UNDECIDED, reason="it is late")
                for each in trajectories]  # fmt: skip

    return grade


async def test_what_cannot_be_judged_is_unscored(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    store, file = Store(tmp_path / "r.duckdb"), tmp_path / "rows.eval"
    known, unknown = sums(1)[0], sums(2, known=False)[1]
    await generate([known, unknown], db=store, model=adder(lambda number, sample, turn: True), strategy="greedy")
    await annotate(db=store, grader=unsure)
    await export(file, db=store, format="inspect_ai")
    found = content(file)
    scores = {sample["input"]: sample["scores"] for name, sample in found.items() if name.startswith("samples/")}
    assert "oracle" not in scores[unknown.question]
    judged = scores[known.question]["unsure"]
    assert math.isnan(judged.pop("value"))
    assert judged == {"answer": "2", "explanation": "it is late", "reason": "undecided"}
    counts = {
        each["name"]: (
            each["scored_samples"],
            each["unscored_samples"],
            each["metrics"].get("accuracy", {}).get("value"),
        )
        for each in found["header.json"]["results"]["scores"]
    }
    assert (counts["oracle"], counts["unsure"]) == ((1, 0, 1.0), (0, 2, None))
    await importing(file, format="inspect_ai", db=(copy := Store(tmp_path / "to.duckdb")))
    assert copy.query(GRADES).rows == store.query(GRADES).rows


@pytest.mark.parametrize(
    ("file", "format", "line"),
    [
        ("a.eval", "sft", "a .eval file is a log of Inspect: add --format inspect_ai, or name a .jsonl"),
        ("a.jsonl", "inspect_ai", "--format inspect_ai writes a log of Inspect: name it .eval"),
        ("-", "inspect_ai", "name it .eval"),
        ("a/", "inspect_ai", "name it .eval"),
    ],
)
async def test_a_log_has_this_format_alone(told: Store, tmp_path: Path, file: str, format: str, line: str) -> None:
    with pytest.raises(ExportError, match=line):
        await export(f"{tmp_path}/{file}" if file != "-" else file, db=told, format=format)


async def test_held_out_problems_stay_held_out(tmp_path: Path) -> None:
    store, copy, file = Store(tmp_path / "from.duckdb"), Store(tmp_path / "to.duckdb"), tmp_path / "rows.eval"
    await generate("builtin:split=heldout", db=store, limit=1)
    with pytest.raises(EmptyExport, match="held out"):
        await export(file, db=store, format="inspect_ai")
    assert not file.exists()
    await export(file, db=store, format="inspect_ai", include_heldout=True)
    await importing(file, format="inspect_ai", db=copy)
    assert [problem.split for problem in copy.problems()] == ["heldout"]


@pytest.mark.train
async def test_inspect_itself_reads_a_log(store: Store, told: Store, tmp_path: Path) -> None:
    python = READER / "bin" / "python"
    if not python.exists():
        pytest.skip("inspect-ai is not installed: make build/trainers/inspect-ai/ready")
    for name, each in (("search", store), ("told", told)):
        file = tmp_path / name / "rows.eval"
        file.parent.mkdir()
        await export(file, db=each, format="inspect_ai", include_heldout=True)
        command = [str(python), str(HERE / "loaders" / "read_inspect_log.py"), str(file)]
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr[-3000:]
        found, own = json.loads(done.stdout.splitlines()[-1]), content(file)
        samples = [own[name] for name in own if name.startswith("samples/")]
        key = [[sample["id"], sample["epoch"]] for sample in samples]
        assert sorted([sample["id"], sample["epoch"]] for sample in found["samples"]) == key == found["summaries"]
        read = {(sample["id"], sample["epoch"]): sample for sample in found["samples"]}
        for sample in samples:
            seen = read[sample["id"], sample["epoch"]]
            assert [text for role, text in seen["messages"] if role == "user"] == [
                each["content"] for each in sample["messages"] if each["role"] == "user"
            ]
            assert seen["completion"] == sample["output"]["completion"] == seen["messages"][-1][1]
            assert seen["scores"] == {name: str(score["value"]) for name, score in sample["scores"].items()}
            assert len(seen["calls"]) == len(sample["events"])
        assert (found["status"], found["listed"]) == ("success", found["task"])
        for (name, *counts, metrics), (again, *more, computed) in zip(found["written"], found["computed"], strict=True):
            assert (name, counts) == (again, more)
            assert metrics == pytest.approx(computed)
    assert [sample["thoughts"] for sample in found["samples"]] == [[], ["Is it 1?"]]


def test_the_command_line_writes_a_log_and_reads_it_back(redraft: Redraft, tmp_path: Path) -> None:
    made = ["generate", "--limit", "2", "--samples", "2", "--strategy", "best_of_n"]
    for command in (
        made,
        ["export", "log.eval", "--format", "inspect_ai"],
        ["import", "log.eval", "--format", "inspect_ai", "--db", "copy.duckdb"],
    ):
        done = redraft(*command)
        assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("4 rows, 4 trajectories, ")
    done = redraft("export", "log.eval", "--format", "inspect_ai")
    assert (done.returncode, "log.eval exists: name another, or replace it with --overwrite" in done.stderr) == (
        2,
        True,
    )
    done = redraft("export", "rows.jsonl", "--format", "inspect_ai")
    assert (done.returncode, "name it .eval" in done.stderr) == (2, True)
