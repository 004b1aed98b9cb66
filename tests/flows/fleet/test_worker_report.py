"""What `redraft doctor` says about workers, leases and budgets."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.fleet import worker_report
from redraft.flows.setup.doctor import Finding, shared
from redraft.store import Store
from redraft.store.leases import membership
from redraft.store.leases.leases import Leases
from redraft.store.leases.slices import Slices

WORK = {"00": "a", "01": "b", "02": "c"}

HOLDER = """
import sys, time
from pathlib import Path
from redraft.store.leases.leases import Leases
leases = Leases(Path(sys.argv[1]), "again", lease_s=float(sys.argv[2]))
leases.join()
leases.claim({"10": "a", "11": "b"}, 2)
leases.finish("10", "a")
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "redraft.duckdb")


def holder(store: Store, lease_s: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, str(store.leases_path("r")), str(lease_s)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def test_nothing_is_said_of_a_store_that_nobody_shares(store: Store) -> None:
    assert shared(store) == []


def test_each_worker_is_a_line_with_its_recipe_host_process_version_shards_and_age(store: Store) -> None:
    folder = store.leases_path("r")
    assert folder
    leases = Leases(folder, "")
    leases.join()
    leases.claim(WORK, 3)
    leases.finish("00", "a")
    [finding] = shared(store)
    assert (finding.about, finding.ok, finding.cure) == ("worker", True, "")
    assert finding.says.startswith(f"{leases.worker} on ")
    for told in (f"(process {os.getpid()}, redraft ", "recipe r: has 2 shards, has done 1; its lease of 30 s was"):
        assert told in finding.says
    leases.leave()
    assert shared(store) == []


def test_a_dead_worker_has_a_cure_and_its_leases_are_told_when_its_file_is_gone(store: Store) -> None:
    killed = holder(store, 3600.0)
    killed.kill()
    killed.wait()
    [finding] = shared(store)
    assert finding.ok is None
    assert "recipe r, replicate 'again': has 1 shard, has done 1" in finding.says
    assert finding.cure.startswith("it is dead: other workers take over its shards")
    folder = store.leases_path("r")
    assert folder
    for file in folder.glob("worker-*"):
        file.unlink()
    left = Finding("leases", "leases of recipe r are left, and no worker", None, LEFT)
    assert shared(store) == [left]


LEFT = "the same command goes on, and removes them"


def test_a_worker_that_was_stopped_is_told_how_to_wake(store: Store) -> None:
    stopped = holder(store, 5.0)
    os.kill(stopped.pid, signal.SIGSTOP)
    told: list[Finding] = []
    while not told or not told[0].cure:
        told = shared(store)
    assert "it does nothing" in told[0].cure or "it is dead" in told[0].cure
    while "kill -CONT" not in told[0].cure and "it is dead" not in told[0].cure:
        told = shared(store)
    os.kill(stopped.pid, signal.SIGCONT)
    stopped.kill()
    stopped.wait()


def test_workers_of_two_versions_are_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, joined = store.leases_path("r"), list[Leases]()
    assert folder
    for number in ("1.0.0", "2.0.0"):
        monkeypatch.setattr(membership, "version", lambda name, number=number: number)
        joined.append(Leases(folder, ""))
        joined[-1].join()
    [versions] = [finding for finding in shared(store) if finding.about == "versions"]
    assert versions.says == "workers of several versions: 1.0.0, 2.0.0"
    for leases in joined:
        leases.resign()


def test_what_a_stopped_run_used_of_its_budget_is_told(store: Store) -> None:
    leases, place = Leases(store.leases_folder / "r", ""), store.leases_folder / f"r-abc{worker_report.BUDGET}"
    leases.join()
    slices = Slices(place, {"calls": 32}, leases)
    slices.take({"calls": 2}, {"calls": 1})
    slices.give_back({"calls": 2}, {})
    assert [finding.about for finding in shared(store)] == ["worker"]
    leases.leave()
    [finding] = shared(store)
    assert finding.says == "a stopped run of recipe r has noted 2 calls as used of its budget"
    assert finding.cure.endswith(f"remove {place}")


def test_doctor_shows_them(store: Store, redraft: Any) -> None:
    running = holder(store, 3600.0)
    told = redraft("doctor", "--db", store.path)
    assert f"(process {running.pid}, redraft " in told.stdout
    assert "recipe r, replicate 'again': has 1 shard, has done 1" in " ".join(told.stdout.split())
    listed = redraft("doctor", "--db", store.path, "--json")
    assert '"about": "worker"' in listed.stdout
    running.kill()
    running.wait()
