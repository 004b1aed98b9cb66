"""The nightly deployments as they ship: from the wheel, scheduled by a real server, run by a worker elsewhere."""

import datetime
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from redraft.store import Store

T = TypeVar("T")
Api = Callable[..., Any]


@dataclass(frozen=True)
class Night:
    """The deployments, by name, and the folders of who deployed them and of the worker that runs them."""

    deployments: Mapping[str, Mapping[str, Any]]
    deployer: Path
    worker: Path
    pid: int


def until(found: Callable[[], T], seconds: float = 120) -> T:
    """What `found` returns once that is true. Fails if that takes longer."""
    end = time.monotonic() + seconds
    while not (value := found()) and time.monotonic() < end:
        time.sleep(0.3)
    assert value
    return value


@pytest.fixture(scope="module")
def night(
    installed: Path, prefect_server: Mapping[str, str], prefect_api: Api, dockerfile: Mapping[str, list[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Night]:  # fmt: skip
    """`redraft schedule` and `prefect deploy --all` in one folder, and the image's own command in another."""
    folder = tmp_path_factory.mktemp("night")
    deployer, data = folder / "deployer", folder / "data"
    deployer.mkdir()
    data.mkdir()
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("REDRAFT_", "PREFECT_", "PYTHON"))
    }
    env = {
        **kept,
        **prefect_server,
        "PATH": f"{installed}{os.pathsep}{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(folder),
    }
    with (data / "worker.log").open("w") as log:
        worker = subprocess.Popen(dockerfile["CMD"], cwd=data, env=env, stdout=log, stderr=log)
        try:
            subprocess.run(["redraft", "schedule"], cwd=deployer, env=env, check=True, capture_output=True)
            until(lambda: prefect_api("work_pools/filter"))
            deploy = ["prefect", "--no-prompt", "deploy", "--all"]
            done = subprocess.run(deploy, cwd=deployer, env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            found = {one["name"]: one for one in prefect_api("deployments/filter")}
            yield Night(found, deployer, data, worker.pid)
        finally:
            worker.terminate()
            worker.wait(60)


def due(prefect_api: Api, deployment: Mapping[str, Any], *parameters: Mapping[str, Any]) -> None:
    """Gives a deployment schedules that are due in some seconds and then only next month, from which the server makes
    runs. A server that is too busy to see a schedule before it is due gets another, due later."""
    for seconds in (8, 60):
        first = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
        month = {"interval": 30 * 86400, "anchor_date": first.isoformat()}
        schedules = [{"schedule": month, "active": True, "parameters": given} for given in parameters]
        prefect_api(f"deployments/{deployment['id']}/schedules", schedules)
        seen = {"expected_start_time": {"after_": (first + datetime.timedelta(days=29)).isoformat()}}
        until(lambda seen=seen: runs(prefect_api, deployment, **seen))
        now = {"expected_start_time": {"after_": first.isoformat(), "before_": first.isoformat()}}
        if runs(prefect_api, deployment, **now):
            return


def runs(prefect_api: Api, deployment: Mapping[str, Any], *states: str, **kept: Any) -> list[Any]:
    """The flow runs of a deployment, in one of these states if any is named, in the order in which they started."""
    kept = {**kept, "deployment_id": {"any_": [deployment["id"]]}}
    if states:
        kept["state"] = {"type": {"any_": states}}
    return prefect_api("flow_runs/filter", {"flow_runs": kept, "sort": "START_TIME_ASC"})


ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@pytest.mark.pairs
def test_the_schedule_that_ships_comes_due_and_its_runs_end(
    night: Night, prefect_api: Api, prefect_server: Mapping[str, str]
) -> None:
    nightly, annotate = night.deployments["nightly"], night.deployments["annotate"]
    for deployment, hour in ((nightly, 2), (annotate, 4)):
        planned = until(lambda deployment=deployment: runs(prefect_api, deployment, "SCHEDULED"))
        assert all(run["auto_scheduled"] and run["expected_start_time"][11:16] == f"{hour:02}:00" for run in planned)

    few = {"limit": 2, "samples": 1}
    due(prefect_api, nightly, few, few)  # two nights at once, of one recipe
    first, second = until(lambda: runs(prefect_api, nightly, *ENDED)[1:] and runs(prefect_api, nightly, *ENDED))
    told = (night.worker / "worker.log").read_text()
    assert [first["state_type"], second["state_type"]] == ["COMPLETED", "COMPLETED"], told
    assert first["auto_scheduled"]
    assert second["auto_scheduled"]
    assert second["start_time"] >= first["end_time"]

    due(prefect_api, annotate, {"arguments": {"grader.rollouts": 2}})
    [judged] = until(lambda: runs(prefect_api, annotate, *ENDED))
    assert judged["state_type"] == "COMPLETED", (night.worker / "worker.log").read_text()

    with Store(night.worker / "redraft.duckdb") as store:
        day = first["expected_start_time"][:10]
        drawn = "SELECT replicate, count(*) FROM trajectories WHERE role = 'sample' GROUP BY ALL"
        assert store.query(drawn).rows == [(day, 2)]  # the second night found all done
        [[kept]] = store.query('SELECT count("row") FROM dataset_rows GROUP BY dataset_id LIMIT 1').rows
        values = "SELECT count(DISTINCT trajectory_id) FROM grades WHERE grader = 'rollout' AND value IS NOT NULL"
        assert store.query(values).rows == [(2,)]
    assert len((night.worker / "redraft.sft.jsonl").read_text().splitlines()) == kept
    assert [file.name for file in night.deployer.iterdir()] == ["prefect.yaml"]
    log = (Path(prefect_server["PREFECT_HOME"]) / "server.log").read_text()
    assert not [line for line in log.splitlines() if "ERROR" in line or "Traceback" in line], log
