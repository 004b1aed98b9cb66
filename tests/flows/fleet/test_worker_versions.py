"""Workers of two versions share a run: the editable install, and a wheel of this tree with another version number."""

import math
import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from fleet_site import ALL_ONCE, IN_FLIGHT, UNITS, Server, command, ended, shards, until, worker, workers
from redraft.flows.setup.doctor import shared
from redraft.store import Store

NEWER = "9.9.9"


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory, wheel: Callable[..., Path]) -> str:
    """The Python of an environment with a newer redraft, and with the other packages of this environment."""
    folder = tmp_path_factory.mktemp("newer")
    python, uv = folder / "venv" / "bin" / "python", Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, python.parents[1]], check=True)
    built = wheel(folder, NEWER)
    subprocess.run([uv, "pip", "install", "--quiet", "--no-deps", "--python", python, built], check=True)
    [packages] = (folder / "venv").glob("lib/python*/site-packages")
    (packages / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    told = "import redraft.flows, importlib.metadata as m; print(redraft.flows.__file__, m.version('redraft'))"
    found = subprocess.run([python, "-c", told], capture_output=True, text=True, check=True, cwd=folder).stdout.split()
    assert found == [str(packages / "redraft" / "flows" / "__init__.py"), NEWER]
    return str(python)


async def test_workers_of_two_versions_share_a_run_and_nothing_is_lost(server: Server, db: Path, newer: str) -> None:
    """The newer one is killed in the middle, and the older one takes over."""
    server.answers = 2
    runs = [await worker(server, db), await worker(server, db, python=newer)]
    await until(lambda: len(workers(db)) == 2 and all(shards(db, facts.pid) for facts in workers(db)))
    [versions] = [finding for finding in shared(Store(db)) if finding.about == "versions"]
    assert versions.says == f"workers of several versions: {version('redraft')}, {NEWER}"
    assert versions.ok is None
    assert "install one version" in versions.cure
    os.kill(runs[1].pid, signal.SIGKILL)
    server.answers = math.inf
    code, told = await ended(runs[0])
    assert code == 0, told
    assert Store(db).query(UNITS).rows == ALL_ONCE
    assert server.repeated(db) <= IN_FLIGHT
    assert os.listdir(db.parent) == [db.name]


@pytest.mark.parametrize("first", ["older", "newer"])
async def test_a_budget_that_one_version_began_the_other_goes_on_with(
    server: Server, db: Path, newer: str, first: str
) -> None:
    budget, pythons = {"calls": 12}, [sys.executable, newer] if first == "older" else [newer, sys.executable]
    server.answers = 5
    killed = await worker(server, db, python=pythons[0], budget=budget, concurrency=1)
    await until(lambda: server.asked > server.answers)
    killed.kill()
    await killed.wait()
    server.answers = math.inf
    code, told = await ended(await worker(server, db, python=pythons[1], budget=budget, concurrency=1))
    assert code == 0, told
    assert Store(db).query("SELECT count(*) FROM raw.commits WHERE status = 'done'").rows == [(11,)]
    code, told = await ended(await command(server, db, 2))
    assert code == 0, told
    assert Store(db).query(UNITS).rows[0][:2] == ALL_ONCE[0][:2]
