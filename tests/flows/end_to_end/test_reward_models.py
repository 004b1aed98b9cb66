"""Reward models on a server, in a run and over what is stored."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redraft.flows.annotate import annotate
from redraft.flows.generate import generate
from redraft.flows.summary.summary import caveats
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store

Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]


@pytest.fixture
async def server(openai_protocol: ModuleType) -> AsyncIterator[Any]:
    """A reward model that likes right sums."""
    right = ("{2}", "{4}")
    server = await openai_protocol.OpenAIServer(
        reward=lambda text: 0.9 if text.endswith("I add.") or any(sum in text for sum in right) else 0.25
    ).start()
    yield server
    await server.stop()


async def test_best_of_n_by_a_reward_model(tmp_path: Path, sums: Sums, adder: Adder, server: Any) -> None:
    store = Store(tmp_path / "redraft.duckdb")
    settings: dict[str, Any] = {
        "db": store,
        "model": adder(lambda number, sample, turn: sample == 2),
        "strategy": "best_of_n",
        "grader": "prm",
        "samples": 4,
        "arguments": {"grader.profile": "qwen", "grader.model": "a/prm", "grader.api_base": server.url},
    }
    await generate(sums(2), **settings)
    assert store.query("SELECT sample, correct, round(score, 4) FROM trajectories WHERE chosen").rows == [
        (2, True, 0.81),
        (2, True, 0.81),
    ]
    steps = "SELECT value, p_good, p_bad, grader_model, count(*) FROM grades WHERE step_id IS NOT NULL GROUP BY ALL"
    assert store.query(f"{steps} ORDER BY value").rows == [
        (0.25, 0.25, 0.75, "a/prm", 6),
        (0.9, 0.9, pytest.approx(0.1), "a/prm", 10),
    ]
    costs = "SELECT purpose, model, calls, completion_tokens, prompt_tokens > 100 FROM costs ORDER BY purpose"
    assert store.query(costs).rows == [("grade", "a/prm", 8, 0, True), ("propose", "adder", 2, 48, False)]
    asked = len(server.requests)
    await generate(sums(2), **settings)
    assert len(server.requests) == asked


@pytest.mark.parametrize(("strategy", "drafts"), [("beam", 8), ("best_of_n", 4)])
async def test_a_grader_that_can_grade_nothing_is_told(
    tmp_path: Path, sums: Sums, adder: Adder, server: Any, strategy: str, drafts: int
) -> None:
    settings: dict[str, Any] = {
        "model": adder(lambda number, sample, turn: sample % 2 == 0),
        "strategy": strategy,
        "grader": "prm",
        "samples": 2,
        "arguments": {"grader.profile": "qwen", "grader.model": "a/prm", "grader.api_base": server.url},
    }
    if strategy == "beam":
        settings["arguments"] |= {"distinct": False}
    server.nonsense, reason = "count", "1 value for 2 steps"
    told = await generate(sums(2), db=Store(tmp_path / "none.duckdb"), **settings)
    assert (told.graded, told.ungraded, told.ungraded_by, told.ungraded_because) == (0, drafts, "prm", reason)
    assert (
        f"{drafts} drafts have no grade by prm, and no other draft has one; most frequent reason: {reason}."
        in caveats(told)
    )
    assert json.loads(told.to_json())["ungraded_because"] == reason
    server.nonsense = ""
    fine = await generate(sums(2), db=Store(tmp_path / "all.duckdb"), **settings)
    assert (fine.ungraded, fine.ungraded_because) == (0, None)
    assert fine.graded > drafts
    assert not [note for note in caveats(fine) if "grade" in note]


async def test_a_server_that_is_mended_is_asked_about_what_it_lost(
    tmp_path: Path, sums: Sums, adder: Adder, server: Any, openai_protocol: ModuleType
) -> None:
    store = Store(tmp_path / "redraft.duckdb")
    model = adder(lambda number, sample, turn: True)
    await generate(sums(3), db=store, model=model, strategy="greedy")
    settings: dict[str, Any] = {
        "db": store,
        "model": model,
        "grader": "prm",
        "arguments": {"grader.profile": "math_shepherd", "grader.model": "a/prm", "grader.api_base": server.url},
        "concurrency": 1,
    }
    server.faults = [None, openai_protocol.Fault(400, {"error": {"message": "no"}}), None]
    first = await annotate(**settings)
    assert (first.drafts, first.values, first.failed) == (3, 2, 1)
    [reason] = first.lost
    assert "rejects the request to a/prm (no)" in reason
    second = await annotate(**settings)
    assert (second.drafts, second.values, second.known, second.failed) == (1, 1, 2, 0)
    assert len(server.requests) == 4
    server.nonsense = "count"
    spoilt = await annotate(replicate="spoilt", **settings)
    assert (spoilt.values, spoilt.lost) == (0, {"1 value for 2 steps": 3})
    assert spoilt.failed == 0  # the same numbers would come again
