"""The nightly deployments as they ship: from the wheel, scheduled by a real server, run by a worker elsewhere."""

import asyncio
import datetime
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect.server.schemas.schedules import CronSchedule

from redraft.store import Store

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "schedule.md"
NIGHTLY = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"][0]
T = TypeVar("T")
Api = Callable[..., Any]


@dataclass(frozen=True)
class Night:
    """The deployments, by name, and the folders of who deployed them and of the worker that runs them. Their hours are
    `later` than the shipped ones."""

    deployments: Mapping[str, Mapping[str, Any]]
    deployer: Path
    worker: Path
    pid: int
    later: int


def until(found: Callable[[], T], seconds: float = 300) -> T:
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
            later = shift(deployer / "prefect.yaml")
            until(lambda: prefect_api("work_pools/filter", {"work_pools": {"name": {"any_": ["local"]}}}))
            deploy = ["prefect", "--no-prompt", "deploy", "--all"]
            done = subprocess.run(deploy, cwd=deployer, env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            found = {one["name"]: one for one in prefect_api("deployments/filter")}
            yield Night(found, deployer, data, worker.pid, later)
        finally:
            worker.terminate()
            worker.wait(60)


@pytest.fixture
def webhook() -> Iterator[tuple[str, "Queue[Any]"]]:
    """The address of an HTTP server, and the JSON that is posted to it."""
    posted: Queue[Any] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", posted
        server.shutdown()


def shift(file: Path) -> int:
    """Makes schedules twelve hours later if a shipped one would come due while the tests run. Returns the hours."""
    now = datetime.datetime.now(datetime.UTC)
    if not any((now + datetime.timedelta(minutes=minutes)).hour in (2, 4) for minutes in (0, 59)):
        return 0
    text = re.sub(r'cron: "0 (\d+) ', lambda found: f'cron: "0 {int(found[1]) + 12} ', file.read_text())
    file.write_text(text)
    return 12


def due(prefect_api: Api, deployment: Mapping[str, Any], *parameters: Mapping[str, Any]) -> None:
    """Gives a deployment schedules that are due in some seconds and then only next month, from which the server makes
    runs. A server that is too busy to see a schedule before it is due gets another, due later."""
    for seconds in (8, 60):
        first = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
        month = {"interval": 30 * 86400, "anchor_date": first.isoformat()}
        schedules = [{"schedule": month, "active": True, "parameters": given} for given in parameters]
        prefect_api(f"deployments/{deployment['id']}/schedules", schedules)
        later = first + datetime.timedelta(days=30)
        until(lambda later=later: runs(prefect_api, deployment, expected_start_time=around(later)))
        if runs(prefect_api, deployment, expected_start_time=around(first)):
            return


def around(moment: datetime.datetime) -> Mapping[str, str]:
    """The API's filter for a time that is off by less than a millisecond."""
    little = datetime.timedelta(milliseconds=1)
    return {"after_": (moment - little).isoformat(), "before_": (moment + little).isoformat()}


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
        assert all(
            run["auto_scheduled"] and run["expected_start_time"][11:16] == f"{hour + night.later:02}:00"
            for run in planned
        )

    few = {"limit": 2, "samples": 1, "min_right": 0}
    due(prefect_api, nightly, few, few)  # two nights at once, of one recipe
    first, second = until(lambda: runs(prefect_api, nightly, *ENDED)[1:] and runs(prefect_api, nightly, *ENDED))
    told = (night.worker / "worker.log").read_text()
    assert [first["state_type"], second["state_type"]] == ["COMPLETED", "COMPLETED"], told
    assert first["auto_scheduled"]
    assert second["auto_scheduled"]
    assert second["start_time"] >= first["end_time"]
    assert "0 new, 2 already there" in second["state"]["message"]

    due(prefect_api, annotate, {"arguments": {"grader.rollouts": 2}})
    [judged] = until(lambda: runs(prefect_api, annotate, *ENDED))
    assert judged["state_type"] == "COMPLETED", (night.worker / "worker.log").read_text()

    with Store(night.worker / "redraft.duckdb") as store:
        day = first["expected_start_time"][:10]
        drawn = "SELECT replicate, count(*) FROM trajectories WHERE role = 'sample' GROUP BY ALL"
        assert store.query(drawn).rows == [(day, 2)]
        [[kept]] = store.query('SELECT count("row") FROM dataset_rows GROUP BY dataset_id LIMIT 1').rows
        values = "SELECT count(DISTINCT trajectory_id) FROM grades WHERE grader = 'rollout' AND value IS NOT NULL"
        assert store.query(values).rows == [(2,)]
    assert len((night.worker / "redraft.sft.jsonl").read_text().splitlines()) == kept
    assert [file.name for file in night.deployer.iterdir()] == ["prefect.yaml"]
    log = (Path(prefect_server["PREFECT_HOME"]) / "server.log").read_text()
    errors = re.findall(r"^[\w.]*(?:Error|Exception)\b.*", log, re.MULTILINE)
    assert [error for error in errors if "database is locked" not in error] == []  # a busy machine's SQLite


def test_a_killed_night_has_crashed_and_a_webhook_says_so(
    night: Night, prefect_api: Api, prefect_server: Mapping[str, str], webhook: tuple[str, "Queue[Any]"]
) -> None:
    """With the program of docs/schedule.md."""
    address, told = webhook
    [program] = re.findall(r"^```python title=bad_night.py\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    env = {**os.environ, **prefect_server}
    subprocess.run([sys.executable, "-c", program, address], env=env, check=True, capture_output=True)
    nightly = night.deployments["nightly"]
    given = {**nightly["parameters"], "limit": 2000, "db": "long.duckdb", "file": "long.jsonl"}
    wanted = {"parameters": given, "state": {"type": "SCHEDULED"}}
    prefect_api(f"deployments/{nightly['id']}/create_flow_run", wanted)
    until(lambda: runs(prefect_api, nightly, "RUNNING"))
    children = subprocess.run(["pgrep", "-P", str(night.pid)], check=True, capture_output=True, text=True).stdout
    for child in children.split():
        os.kill(int(child), signal.SIGKILL)
    [crashed] = until(lambda: runs(prefect_api, nightly, "CRASHED"))
    assert "SIGKILL" in crashed["state"]["message"]
    text = told.get(timeout=120)["text"]
    assert text.startswith("nightly/nightly Crashed: Process exited with status code: -9")


def test_two_oclock_where_clocks_change() -> None:
    """What docs/schedule.md says of a schedule in Berlin, by Prefect's own dates."""
    two = CronSchedule(cron="0 2 * * *", timezone="Europe/Berlin")
    missing = "28 01:00" if sys.version_info >= (3, 13) else "28 00:00"  # 03:00, or an hour early: 01:00
    assert dates(two, "2027-03-27") == ["27 01:00", missing, "29 00:00"]
    assert dates(two, "2027-10-30") == ["30 00:00", "31 00:00", "01 01:00"]  # 02:00 comes twice: the first counts
    half_past_one = CronSchedule(cron="30 1 * * *", timezone="Europe/Berlin")
    assert dates(half_past_one, "2027-03-27") == ["27 00:30", "28 00:30", "28 23:30"]  # one date in UTC twice
    assert dates(half_past_one, "2027-10-30") == ["29 23:30", "30 23:30", "01 00:30"]  # and one that is left out
    [shipped] = {each["cron"]: each["timezone"] for each in NIGHTLY["schedules"]}.items()
    assert shipped == ("0 2 * * *", "UTC")
    assert dates(CronSchedule(cron=shipped[0], timezone=shipped[1]), "2027-03-27") == [
        "27 02:00",
        "28 02:00",
        "29 02:00",
    ]


def dates(schedule: CronSchedule, day: str) -> list[str]:
    """Day and time in UTC of three runs from a local midnight on."""
    start = datetime.datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(schedule.timezone or "UTC"))
    found = asyncio.run(schedule.get_dates(3, start=start))
    return [f"{date.astimezone(datetime.UTC):%d %H:%M}" for date in found]
