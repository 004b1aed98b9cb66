"""The flows on a real Prefect server: started, deployed, run by a worker, and shown in their true state."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from redraft.store import Store

ROOT = Path(__file__).parents[2]


@pytest.fixture
def python(prefect_server: Mapping[str, str], tmp_path: Path) -> Any:
    """Runs a program that talks to the server, in an empty folder."""

    def run(*arguments: str, cwd: Path = tmp_path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], cwd=cwd, env={**os.environ, **prefect_server}, capture_output=True,
            text=True, timeout=timeout, check=False,
        )  # fmt: skip

    return run


def ask(server: Mapping[str, str], path: str, **body: Any) -> Any:
    """A question to the server's own API."""
    data = json.dumps(body).encode()
    request = Request(f"{server['PREFECT_API_URL']}/{path}", data, {"content-type": "application/json"})
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


def states(server: Mapping[str, str], flow: str) -> list[str]:
    """The states of a flow's runs, as the server has them."""
    found = ask(server, "flow_runs/filter", flows={"name": {"any_": [flow]}}, sort="START_TIME_ASC")
    return [run["state"]["type"] for run in found]


def test_a_flow_run_shows_its_true_state(prefect_server: Mapping[str, str], python: Any, tmp_path: Path) -> None:
    done = python("-c", GENERATE)
    assert done.returncode == 0, done.stderr
    assert states(prefect_server, "generate") == ["COMPLETED", "FAILED", "FAILED", "COMPLETED"]
    messages = [
        run["state"]["message"]
        for run in ask(
            prefect_server, "flow_runs/filter", flows={"name": {"any_": ["generate"]}}, sort="START_TIME_ASC"
        )
    ]
    assert messages[0] == "5 problems, 5 trajectories"
    assert "Nobody answers at http://127.0.0.1:9/v1" in messages[1]
    assert "no strategy 'nope'" in messages[2]
    assert messages[3] == "5 problems, 4 trajectories. The flow run's budget of 3 calls is used up."
    shards = [task["state"]["type"] for task in ask(prefect_server, "task_runs/filter", sort="END_TIME_DESC")]
    assert sorted(shards) == ["COMPLETED"] * 5 + ["FAILED"] * 2  # 5 problems are three shards of 2
    [artifact] = ask(prefect_server, "artifacts/latest/filter", artifacts={"key": {"any_": ["redraft-summary"]}})
    assert "| problems | 5 |" in artifact["data"]
    assert "budget of 3 calls is used up. What it did not reach" in artifact["data"]
    with Store(tmp_path / "redraft.duckdb") as store:
        assert store.query("SELECT count(DISTINCT unit_id) FROM raw.commits WHERE status = 'done'").rows == [(5,)]


def test_the_deployment_of_this_repository_runs(prefect_server: Mapping[str, str], python: Any, tmp_path: Path) -> None:
    made = python("-m", "prefect", "--no-prompt", "work-pool", "create", "local", "--type", "process")
    assert made.returncode == 0, made.stderr
    deployed = python("-m", "prefect", "--no-prompt", "deploy", "--all", cwd=ROOT)
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    deployments = {one["entrypoint"]: one for one in ask(prefect_server, "deployments/filter")}
    crons = {name: [each["schedule"]["cron"] for each in one["schedules"]] for name, one in deployments.items()}
    flows = "redraft.flows.scheduled"
    assert crons == {f"{flows}.nightly": ["0 2 * * *"], f"{flows}.annotate": ["0 4 * * *"]}
    deployment = deployments[f"{flows}.nightly"]
    changed = {"limit": 2, "samples": 1, "db": str(tmp_path / "night.duckdb"), "file": str(tmp_path / "night.jsonl")}
    run = ask(
        prefect_server, f"deployments/{deployment['id']}/create_flow_run",
        parameters={**deployment["parameters"], **changed}, state={"type": "SCHEDULED"},
    )  # fmt: skip
    worker = python("-m", "prefect", "worker", "start", "--pool", "local", "--run-once")
    assert states(prefect_server, "nightly")[0] == "COMPLETED", worker.stdout + worker.stderr
    with Store(tmp_path / "night.duckdb") as store:
        day = run["expected_start_time"][:10]
        assert store.query("SELECT DISTINCT replicate, count(*) FROM trajectories GROUP BY ALL").rows == [(day, 2)]
        [[kept]] = store.query('SELECT count("row") FROM dataset_rows').rows
    assert len((tmp_path / "night.jsonl").read_text().splitlines()) == kept

    deployment = deployments[f"{flows}.annotate"]
    judged = {"db": str(tmp_path / "night.duckdb"), "arguments": {"grader.rollouts": 2}}
    ask(
        prefect_server, f"deployments/{deployment['id']}/create_flow_run",
        parameters={**deployment["parameters"], **judged}, state={"type": "SCHEDULED"},
    )  # fmt: skip
    worker = python("-m", "prefect", "worker", "start", "--pool", "local", "--run-once")
    assert states(prefect_server, "annotate")[-1] == "COMPLETED", worker.stdout + worker.stderr
    with Store(tmp_path / "night.duckdb") as store:
        grades = "SELECT count(DISTINCT trajectory_id) FROM grades WHERE grader = 'rollout' AND value IS NOT NULL"
        assert store.query(grades).rows == [(2,)]


def test_annotating_shows_its_true_state_and_judges_what_is_new(
    prefect_server: Mapping[str, str], python: Any, tmp_path: Path
) -> None:
    done = python("-c", ANNOTATE)
    assert done.returncode == 0, done.stderr
    listed = ask(prefect_server, "flow_runs/filter", flows={"name": {"any_": ["annotate"]}}, sort="START_TIME_DESC")
    first, second, dead = ([run["state"]["type"], run["state"]["message"]] for run in reversed(listed[:3]))
    assert first[0] == second[0] == "COMPLETED"
    assert first[1].startswith("2 drafts judged by rollout, 2 with a value")
    assert second[1].startswith("0 drafts judged by rollout, 0 with a value")
    assert "2 were known" in second[1]
    assert dead[0] == "FAILED"
    assert "Nobody answers at http://127.0.0.1:9/v1" in dead[1]
    [artifact] = ask(prefect_server, "artifacts/latest/filter", artifacts={"key": {"any_": ["redraft-annotation"]}})
    assert artifact["data"].startswith("0 drafts judged by rollout")
    with Store(tmp_path / "judged.duckdb") as store:
        grades = "SELECT count(DISTINCT trajectory_id) FROM grades WHERE grader = 'rollout' AND value IS NOT NULL"
        assert store.query(grades).rows == [(2,)]


ANNOTATE = """
import asyncio
from redraft.flows import scheduled
from redraft.flows.generate import generate

async def main():
    await generate("builtin:levels=1", db="judged.duckdb", samples=1, limit=2, strategy="best_of_n")
    given = {"db": "judged.duckdb", "arguments": {"grader.rollouts": 2}, "return_state": True}
    nobody = {"model": "openai/nobody", "api_base": "http://127.0.0.1:9/v1"}
    for more in ({}, {}, {**nobody, "grader": "prm", "arguments": {"grader.profile": "judge"}}):
        await scheduled.annotate(**given | more)

asyncio.run(main())
"""

GENERATE = """
import asyncio
from redraft.flows import scheduled

scheduled.SHARD = 2

async def run(**given):
    await scheduled.generate("builtin:levels=1", samples=1, max_tokens=60, return_state=True, **given)

async def main():
    await run(limit=5)
    await run(limit=2, model="openai/nobody", api_base="http://127.0.0.1:9/v1", db="dead.duckdb")
    await run(limit=2, strategy="nope")
    await run(limit=5, strategy="best_of_n", budget={"calls": 3}, problem_budget={"tokens": 900}, db="some.duckdb")

asyncio.run(main())
"""
