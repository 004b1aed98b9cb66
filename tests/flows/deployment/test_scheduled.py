"""The flows on a real Prefect server, shown in their true state. test_schedule.py runs them by deployment."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from redraft.store import Store


@pytest.fixture
def python(prefect_server: Mapping[str, str], tmp_path: Path) -> Any:
    """Runs a program that talks to the server, in an empty folder."""

    def run(*arguments: str, cwd: Path = tmp_path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], cwd=cwd, env={**os.environ, **prefect_server}, capture_output=True,
            text=True, timeout=timeout, check=False,
        )  # fmt: skip

    return run


def called(prefect_api: Any, flow: str, sort: str = "START_TIME_ASC") -> list[Any]:
    """The runs of a flow that a program started, as the server has them; those of deployments are no part of them."""
    own = {"deployment_id": {"is_null_": True}}
    return prefect_api("flow_runs/filter", {"flows": {"name": {"any_": [flow]}}, "flow_runs": own, "sort": sort})


def test_a_flow_run_shows_its_true_state(prefect_api: Any, python: Any, tmp_path: Path) -> None:
    done = python("-c", GENERATE)
    assert done.returncode == 0, done.stderr
    found = called(prefect_api, "generate")
    assert [run["state"]["type"] for run in found] == ["COMPLETED", "FAILED", "FAILED", "COMPLETED"]
    messages = [run["state"]["message"] for run in found]
    assert re.fullmatch(r"5 problems, 5 trajectories: [0-5] right; 5 new, 0 already there", messages[0])
    assert "Nobody answers at http://127.0.0.1:9/v1" in messages[1]
    assert "no strategy 'nope'" in messages[2]
    told = (
        r"5 problems, 4 trajectories: \d right; 4 new, 0 already there\. The flow run's budget of 3 calls is used up\."
    )
    assert re.fullmatch(told, messages[3])
    ids = {"flow_runs": {"id": {"any_": [run["id"] for run in found]}}}
    shards = sorted((task["state"]["type"], task["run_count"]) for task in prefect_api("task_runs/filter", ids))
    assert shards[:5] == [("COMPLETED", 1)] * 5  # 5 problems are three shards of 2
    assert shards[5:] == [("FAILED", 1), ("FAILED", 2)]  # a mistake is not tried again, an absent provider is
    [artifact] = prefect_api("artifacts/latest/filter", {"artifacts": {"key": {"any_": ["redraft-summary"]}}})
    assert "| problems | 5 |" in artifact["data"]
    assert "budget of 3 calls is used up. Problems that it did not reach" in artifact["data"]
    with Store(tmp_path / "redraft.duckdb") as store:
        assert store.query("SELECT count(DISTINCT unit_id) FROM raw.commits WHERE status = 'done'").rows == [(5,)]


def test_annotating_shows_its_true_state_and_judges_what_is_new(prefect_api: Any, python: Any, tmp_path: Path) -> None:
    done = python("-c", ANNOTATE)
    assert done.returncode == 0, done.stderr
    listed = called(prefect_api, "annotate", "START_TIME_DESC")
    first, second, dead = ([run["state"]["type"], run["state"]["message"]] for run in reversed(listed[:3]))
    assert first[0] == second[0] == "COMPLETED"
    assert first[1].startswith("2 drafts judged by rollout, 2 with a value")
    assert second[1].startswith("0 drafts judged by rollout, 0 with a value")
    assert "2 were known" in second[1]
    assert dead[0] == "FAILED"
    assert "Nobody answers at http://127.0.0.1:9/v1" in dead[1]
    [artifact] = prefect_api("artifacts/latest/filter", {"artifacts": {"key": {"any_": ["redraft-annotation"]}}})
    assert artifact["data"].startswith("0 drafts judged by rollout")
    with Store(tmp_path / "judged.duckdb") as store:
        grades = "SELECT count(DISTINCT trajectory_id) FROM grades WHERE grader = 'rollout' AND value IS NOT NULL"
        assert store.query(grades).rows == [(2,)]


def test_augmenting_shows_its_true_state_and_makes_what_is_missing(
    prefect_api: Any, python: Any, tmp_path: Path
) -> None:
    done = python("-c", AUGMENT)
    assert done.returncode == 0, done.stderr
    listed = called(prefect_api, "augment", "START_TIME_DESC")
    first, second, few, dead = ([run["state"]["type"], run["state"]["message"]] for run in reversed(listed[:4]))
    assert first[0] == second[0] == "COMPLETED"
    assert re.match(r"fobar: \d+ of \d+ rewrites accepted", first[1])
    assert "3 problems done before, none left" in second[1]
    assert few[0] == "FAILED"
    assert "Too few accepted: 0, and min_accepted is 1" in few[1]
    assert dead[0] == "FAILED"
    assert "Nobody answers at http://127.0.0.1:9/v1" in dead[1]
    [artifact] = prefect_api("artifacts/latest/filter", {"artifacts": {"key": {"any_": ["redraft-augment"]}}})
    assert "no new rewrite accepted" in artifact["data"]
    with Store(tmp_path / "made.duckdb") as store:
        assert store.query("SELECT count(DISTINCT parent_id) FROM rewrites").rows == [(3,)]


def test_self_training_shows_its_true_state_and_goes_on(prefect_api: Any, python: Any, tmp_path: Path) -> None:
    done = python("-c", SELF_TRAIN)
    assert done.returncode == 0, done.stderr
    listed = called(prefect_api, "self_train", "START_TIME_DESC")
    spent, ended, small = ([run["state"]["type"], run["state"]["message"]] for run in reversed(listed[:3]))
    assert spent[0] == "FAILED"
    assert "budget of 3 calls is used up" in spent[1]
    assert ended[0] == "COMPLETED"
    assert re.match(r"round 1: \d+ rows, ", ended[1])
    assert small[0] == "FAILED"
    assert small[1].startswith("Too small a gain: ")
    [artifact] = prefect_api("artifacts/latest/filter", {"artifacts": {"key": {"any_": ["redraft-self-train"]}}})
    assert "round 0: " in artifact["data"]
    with Store(tmp_path / "redraft.duckdb") as store:
        assert store.query("SELECT round, state FROM rounds ORDER BY round").rows == [
            (0, "evaluated"),
            (1, "evaluated"),
        ]


SELF_TRAIN = """
import asyncio
from redraft.flows import scheduled

async def main():
    line = "sh -c 'cp -r {base} {out} && rm -rf {out}/training'"
    trainer = {"trainer.command": line, "trainer.model": "embedded:{out}"}
    given = {"trainer": "command", "arguments": trainer, "limit": 3, "samples": 2, "heldout_limit": 3}
    for more in ({"budget": {"calls": 3}}, {}, {"min_gain": 0.5}):
        await scheduled.self_train(**given | more, return_state=True)

asyncio.run(main())
"""

AUGMENT = """
import asyncio
from redraft.flows import scheduled

async def main():
    given = {"source": "builtin:levels=1", "limit": 3, "db": "made.duckdb", "methods": ["fobar"], "samples": 2}
    nobody = {"model": "openai/nobody", "api_base": "http://127.0.0.1:9/v1", "retries": 0}
    for more in ({}, {}, {"min_accepted": 1}, nobody):
        await scheduled.augment(**given | more, return_state=True)

asyncio.run(main())
"""

ANNOTATE = """
import asyncio
from redraft.flows import scheduled
from redraft.flows.generate import generate

async def main():
    await generate("builtin:levels=1", db="judged.duckdb", samples=1, limit=2, strategy="best_of_n")
    given = {"db": "judged.duckdb", "arguments": {"grader.rollouts": 2}, "return_state": True}
    nobody = {"model": "openai/nobody", "api_base": "http://127.0.0.1:9/v1", "retries": 0}
    for more in ({}, {}, {**nobody, "grader": "prm", "arguments": {"grader.profile": "judge"}}):
        await scheduled.annotate(**given | more)

asyncio.run(main())
"""

GENERATE = """
import asyncio
from redraft.flows import scheduled

scheduled.SHARD = 2
AGAIN = {"retries": 1, "retry_delay_s": 0}

async def run(**given):
    await scheduled.generate("builtin:levels=1", samples=1, max_tokens=60, return_state=True, **given)

async def main():
    await run(limit=5)
    await run(limit=2, model="openai/nobody", api_base="http://127.0.0.1:9/v1", db="dead.duckdb", **AGAIN)
    await run(limit=2, strategy="nope")
    await run(limit=5, strategy="best_of_n", budget={"calls": 3}, problem_budget={"tokens": 900}, db="some.duckdb")

asyncio.run(main())
"""
