"""ATIF documents: valid by another package's models, and nothing is lost when they are read back."""

import json
from pathlib import Path
from typing import Any

import pytest
from atif import Trajectory

from redraft.flows.annotate import annotate
from redraft.flows.export import EmptyExport, export
from redraft.flows.filters.sifting.candidates import candidates
from redraft.flows.generate import generate
from redraft.flows.importing import importing
from redraft.store import Store

STEPS = """
SELECT t.role, t.sample, t.chosen, t.score, t.answer, t.stop, t.oracle_used, t.reason, t.turns, d.turn, d.answer,
       d.stop, d.feedback, d.text, d.correct, t.tokens, d.tokens
FROM trajectories t JOIN turns d USING (trajectory_id) WHERE t.role <> 'rollout' ORDER BY ALL"""
GRADES = """
SELECT t.role, t.text, g.turn, g.grader, g.grader_model, g.verdict, g.value, g.p_good, g.n, g.lo, g.hi, g.reason,
       s.text, s.depth
FROM grades g JOIN trajectories t USING (trajectory_id) LEFT JOIN steps s USING (step_id)
WHERE t.role <> 'rollout' ORDER BY ALL"""


@pytest.fixture
async def store(tmp_path: Path) -> Store:
    """A correction of two turns, and a searched tree, with grades of their steps."""
    store = Store(tmp_path / "from.duckdb")
    settings: dict[str, Any] = {"db": store, "limit": 2}
    await generate("builtin:split=train,seed=6", strategy="correct", samples=2, arguments=FIXED, **settings)
    await generate("builtin:split=train,seed=6", strategy="rest_mcts", **settings)
    await annotate(db=store, grader="likelihood")
    return store


FIXED = {"feedback": "fixed", "turns": 2}


async def documents(store: Store, file: Path) -> list[dict[str, Any]]:
    await export(file, db=store, format="atif", overwrite=True)
    return [json.loads(line) for line in file.read_text().splitlines()]


async def test_documents_are_valid_and_show_what_was_written(store: Store, tmp_path: Path) -> None:
    found = await documents(store, tmp_path / "rows.jsonl")
    assert len(found) == 2 * (2 + 1), "a document for each sample, and one for each search"
    chosen = {each.trajectory_id: each for each in candidates(store)}
    for document in found:
        read = Trajectory.model_validate(document)
        shown = chosen[document["trajectory_id"]]
        assert read.steps[0].message == shown.question
        assert "".join(str(step.message) for step in read.steps if step.source == "agent") == "".join(
            turn.text for turn in shown.turns
        )
        assert [step.message for step in read.steps[1:] if step.source == "user"] == [
            turn.feedback for turn in shown.turns[1:]
        ]
        for step in read.steps[1:]:
            own = (step.extra or {})["redraft"]
            if step.source == "agent":
                assert step.metrics
                assert step.metrics.completion_tokens == own["tokens"] == len(step.metrics.logprobs or ())
                assert sum(step.metrics.logprobs or ()) == pytest.approx(own["logprob"], abs=1e-4)
                assert own["grades"]


async def test_costs_of_a_document_are_those_of_its_calls(store: Store, tmp_path: Path) -> None:
    searches = [
        document["final_metrics"]
        for document in await documents(store, tmp_path / "rows.jsonl")
        if document["extra"]["redraft"]["trajectories"][0]["role"] == "search"
    ]
    [paid] = store.query(
        "SELECT sum(prompt_tokens)::INTEGER, sum(completion_tokens)::INTEGER FROM calls JOIN runs USING (run_id)"
        " WHERE strategy = 'rest_mcts'"
    ).rows
    assert tuple(sum(each[f"total_{name}_tokens"] for each in searches) for name in ("prompt", "completion")) == paid


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.zst", "parquet"])
async def test_nothing_is_lost_when_documents_are_read_back(store: Store, tmp_path: Path, ending: str) -> None:
    written = await documents(store, tmp_path / "rows.jsonl")
    file = tmp_path / f"rows.{ending}"
    await export(file, db=store, format="atif", overwrite=True)
    copy = Store(tmp_path / "to.duckdb")
    result = await importing(file, format="atif", db=copy)
    assert result.rows == len(written)
    assert copy.query(STEPS).rows == store.query(STEPS).rows
    assert copy.query(GRADES).rows == store.query(GRADES).rows
    assert [*copy.problems()] == [*store.problems()]
    again = await documents(copy, tmp_path / "again.jsonl")
    for before, after in zip(sorted(written, key=steps), sorted(again, key=steps), strict=True):
        assert steps(after) == steps(before)
        assert sorted(own_steps(after)) == sorted(own_steps(before))


def steps(document: dict[str, Any]) -> str:
    """The steps that a document shows, without what only the calls know."""
    shown = [(step["source"], step["message"], facts(step["extra"])) for step in document["steps"][1:]]
    return json.dumps([document["steps"][0]["message"], shown])


def own_steps(document: dict[str, Any]) -> list[str]:
    return [json.dumps(facts({"redraft": step})) for step in document["extra"]["redraft"]["other_steps"]]


def facts(extra: dict[str, Any]) -> Any:
    """What redraft knows of a step, with its place in the tree instead of its unit."""
    own = dict(extra["redraft"])
    own["step_id"] = own["step_id"].partition("/")[2]
    own["grades"] = sorted([{**each, "trajectory_id": ""} for each in own.get("grades", ())], key=json.dumps)
    return own


async def test_a_source_of_tests_stays_held_out(tmp_path: Path) -> None:
    store, copy = Store(tmp_path / "from.duckdb"), Store(tmp_path / "to.duckdb")
    await generate("builtin:split=heldout", db=store, limit=1)
    with pytest.raises(EmptyExport, match="held out"):
        await documents(store, tmp_path / "none.jsonl")
    await export(tmp_path / "rows.jsonl", db=store, format="atif", include_heldout=True)
    await importing(tmp_path / "rows.jsonl", format="atif", db=copy)
    assert [problem.split for problem in copy.problems()] == ["heldout"]
    with pytest.raises(EmptyExport, match="held out"):
        await documents(copy, tmp_path / "again.jsonl")
