"""Two workers of a Prefect work pool share one run: each does a flow run of one deployment, as docs/fleet.md says."""

import asyncio
import math
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleet_site import ALL_ONCE, PROBLEMS, UNITS, Server, shards, until, workers
from redraft.store import Store

PAGE = Path(__file__).parents[3] / "docs" / "fleet.md"
PREFECT = (sys.executable, "-m", "prefect")
Api = Callable[..., Any]


def deployment(server: Server) -> dict[str, Any]:
    """The deployment of the guide, on the tests' server."""
    [text] = re.findall(r"^```yaml title=fleet.yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    found = yaml.safe_load(text)
    found["deployments"][0]["parameters"] |= {
        "source": "builtin:levels=1", "limit": PROBLEMS, "model": "tiny", "api_base": server.url,
        "strategy": "self_consistency", "samples": 1, "concurrency": 6, "retries": 0,
    }  # fmt: skip
    return found


@pytest.fixture
async def pool(prefect_server: Mapping[str, str], tmp_path: Path) -> AsyncIterator[Mapping[str, str]]:
    """Two workers of one pool, each with one flow run at a time; yields the environment of the server's clients."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REDRAFT_", "PREFECT_"))}
    env = {**kept, **prefect_server}
    started: list[subprocess.Popen[bytes]] = []
    try:
        for name in ("one", "two"):
            command = (*PREFECT, "worker", "start", "--pool", "fleet", "--type", "process", "--name", name)
            with (tmp_path / f"{name}.log").open("w") as log:
                facts: dict[str, Any] = {"cwd": tmp_path, "env": env, "stdout": log, "stderr": log}
                started.append(await asyncio.to_thread(subprocess.Popen, (*command, "--limit", "1"), **facts))
        yield env
    finally:
        for worker in started:
            worker.terminate()
        for worker in started:
            await asyncio.to_thread(worker.wait, 60)


async def test_two_flow_runs_of_one_deployment_share_its_problems(
    server: Server, pool: Mapping[str, str], prefect_api: Api, tmp_path: Path
) -> None:
    db = tmp_path / "runs"
    (tmp_path / "fleet.yaml").write_text(yaml.safe_dump(deployment(server)))
    await until(lambda: bool(prefect_api("work_pools/filter", {"work_pools": {"name": {"any_": ["fleet"]}}})))
    deploy = (*PREFECT, "--no-prompt", "deploy", "--all", "--prefect-file", "fleet.yaml")
    done = await asyncio.to_thread(
        subprocess.run, deploy, cwd=tmp_path, env=pool, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    [made] = [one for one in prefect_api("deployments/filter") if one["name"] == "fleet"]
    server.answers = 1
    started = [prefect_api(f"deployments/{made['id']}/create_flow_run", {})["id"] for _ in range(2)]
    found = lambda: prefect_api("flow_runs/filter", {"flow_runs": {"id": {"any_": started}}})  # noqa: E731
    told = lambda: "".join((tmp_path / f"{name}.log").read_text() for name in ("one", "two"))  # noqa: E731

    def sharing() -> bool:
        assert not any(run["state_type"] in ("FAILED", "CRASHED") for run in found()), told()
        return len(workers(db)) == 2 and all(shards(db, facts.pid) for facts in workers(db))

    await until(sharing)
    server.answers = math.inf
    await until(lambda: all(run["state_type"] in ("COMPLETED", "FAILED", "CRASHED") for run in found()))
    assert [run["state_type"] for run in found()] == ["COMPLETED"] * 2, told()
    assert Store(db).query(UNITS).rows == ALL_ONCE
    shares = Store(db).query("SELECT count(*) FROM raw.commits GROUP BY run_id").rows
    assert len(shares) == 2
    assert server.repeated(db) == 0
    assert os.listdir(db / "leases") == []
