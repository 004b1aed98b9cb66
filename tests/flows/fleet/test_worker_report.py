"""What `redraft doctor` says about workers, leases and budgets."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.flows.setup.doctor import Finding, age_text, holds, shared, unregistered
from redraft.store import Store
from redraft.store.lake.log import Segment
from redraft.store.leases import membership
from redraft.store.leases.leases import Leases
from redraft.store.leases.slices import BUDGET, Slices
from redraft.store.leases.usage import Usage

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
    leases, place = Leases(store.leases_folder / "r", ""), store.leases_folder / f"r-abc{BUDGET}"
    leases.join()
    slices = Slices(place, {"calls": 32}, leases)
    slices.take({"calls": 2}, {"calls": 1})
    slices.give_back({"calls": 2}, {}, {})
    assert [finding.about for finding in shared(store)] == ["worker"]
    leases.leave()
    [finding] = shared(store)
    assert finding.says == "a stopped run of recipe r has used 2 calls of its budget"
    assert finding.cure.endswith(f"remove {place}")


def test_what_a_killed_worker_used_of_its_budget_is_told_before_others_note_it(store: Store) -> None:
    leases, place = Leases(store.leases_folder / "r", ""), store.leases_folder / f"r-abc{BUDGET}"
    leases.join()
    slices = Slices(place, {"tokens": 3200}, leases)
    slices.take({"tokens": 3000}, {"tokens": 1})
    slices.record(Usage({"calls": 2, "tokens": 100}, {"calls": 3, "tokens": 2900}, {"calls": 3, "tokens": 30}))
    leases.leave()  # without a word about the budget
    [finding] = shared(store)
    assert finding.says == "a stopped run of recipe r has used 5 calls, 250 tokens of its budget"


def test_a_command_that_starts_workers_is_told_before_they_are_there(store: Store) -> None:
    leases = Leases(store.leases_folder / "r", "")
    leases.lead(3)
    store.start_run("generate", "r", "greedy", "m", {})
    [finding] = shared(store)
    assert finding.ok
    assert "recipe r: the command of 3 workers; its lease of 30 s was renewed" in finding.says
    assert not any("without a word" in finding.says for finding in holds(store.path))
    leases.resign()
    assert any("without a word" in finding.says for finding in holds(store.path))


def segment(folder: Path, name: str, seconds: float) -> Path:
    """A segment that nobody registered, so many seconds old."""
    place = folder / "segments" / name
    place.mkdir()
    (place / "segment.json").write_bytes(msgspec.json.encode(Segment(name, 1, {}, 0)))
    for path in (place / "segment.json", place):
        os.utime(path, (time.time() - seconds, time.time() - seconds))
    return place


def test_segments_that_killed_processes_left_are_told_with_their_age_and_cure(tmp_path: Path) -> None:
    store = Store(f"{tmp_path}/runs/")
    store.start_run("generate", "r", "greedy", "m", {})
    assert unregistered(store) == []
    segment(tmp_path / "runs", "0000000000000001-aa", 200)
    segment(tmp_path / "runs", "0000000000000002-bb", 3)  # it may be about to be registered
    gone = subprocess.Popen(["true"])
    gone.wait()
    segment(tmp_path / "runs", f".{socket.gethostname()}-{gone.pid}-0000000000000003-cc", 7300)
    segment(tmp_path / "runs", f".{socket.gethostname()}-{os.getpid()}-0000000000000004-dd", 7300)  # it is at work
    assert [(finding.says, finding.ok) for finding in unregistered(store)] == [
        ("1 unregistered segment of killed processes, up to 3 minutes old", None),
        ("1 unfinished segment of killed processes, up to 2 hours old", None),
    ]
    assert f"`redraft store compact {store.path}`" in unregistered(store)[0].cure
    store.compact()
    assert unregistered(store) == []
    assert [finding.about for finding in holds(store.path) if finding.about == "segments"] == []


def test_a_store_in_a_file_has_no_segments(store: Store) -> None:
    assert unregistered(store) == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (1.5, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7199, "119 minutes"),
        (7200, "2 hours"),
        (172_799, "47 hours"),
        (172_800, "2 days"),
    ],
)
def test_ages_are_told_in_the_largest_unit_of_which_there_are_two(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


def test_doctor_shows_them(store: Store, redraft: Any) -> None:
    running = holder(store, 3600.0)
    told = redraft("doctor", "--db", store.path)
    assert f"(process {running.pid}, redraft " in told.stdout
    assert "recipe r, replicate 'again': has 1 shard, has done 1" in " ".join(told.stdout.split())
    listed = redraft("doctor", "--db", store.path, "--json")
    assert '"about": "worker"' in listed.stdout
    running.kill()
    running.wait()
