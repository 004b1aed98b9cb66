"""Leases of shards: who has which, what is taken over from the dead, and what is done."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from redraft.store.leases import membership
from redraft.store.leases.leases import Alone, Leases, shard_of
from redraft.store.leases.membership import Membership, read_workers

WORK = {"00": "a", "01": "b", "02": "c"}
Join = Callable[..., Leases]

HOLDER = """
import sys
from pathlib import Path
from redraft.store.leases.leases import Leases
leases = Leases(Path(sys.argv[1]), "", lease_s=float(sys.argv[2]))
leases.join()
print(*leases.claim({"00": "a", "01": "b", "02": "c"}, 2).fresh, flush=True)
for line in sys.stdin:
    print(leases.are_held(), flush=True)
"""


@pytest.fixture
def join(tmp_path: Path) -> Iterator[Join]:
    """Makes a worker of the same recipe."""
    made: list[Leases] = []

    def joined(replicate: str = "", lease_s: float = 60.0) -> Leases:
        leases = Leases(tmp_path / "leases" / "recipe", replicate, lease_s=lease_s)
        leases.join()
        made.append(leases)
        return leases

    yield joined
    for leases in made:
        leases.resign()


def test_a_shard_is_leased_to_one_worker(join: Join) -> None:
    first, second = join(), join()
    assert first.claim(WORK, 2).fresh == ["00", "01"]
    assert second.claim(WORK, 3) == (["02"], [], [])
    assert first.claim(WORK, 3) == second.claim(WORK, 3) == ([], [], [])
    assert first.workers == second.workers == 2


def test_what_another_worker_did_is_settled_if_it_did_the_same_work(join: Join) -> None:
    first, second = join(), join()
    first.claim(WORK, 3)
    first.finish("00", "a")
    first.finish("01", "with fewer samples")
    first.finish("02")
    assert second.claim(WORK, 3) == ([], ["01", "02"], ["00"])


def test_what_was_done_before_a_worker_joined_is_to_be_looked_at_once(join: Join) -> None:
    """A command that is repeated tries again what failed, even while other workers of the first one are there."""
    first = join()
    first.claim(WORK, 2)
    first.finish("00", "a")
    second = join()
    assert second.claim(WORK, 3) == (["00", "02"], [], [])
    second.finish("00", "a")
    assert second.claim({"00": "a"}, 3) == ([], [], ["00"])


def test_replicates_share_no_shard_but_know_of_each_other(join: Join) -> None:
    first, second = join(), join("again")
    assert first.claim(WORK, 3).fresh == second.claim(WORK, 3).fresh == list(WORK)
    assert second.workers == 2


def test_a_worker_that_resigns_frees_its_shards_and_the_last_one_leaves_nothing(join: Join, tmp_path: Path) -> None:
    first, second = join(), join()
    first.claim(WORK, 3)
    first.leave()
    assert second.claim(WORK, 3) == ([], list(WORK), [])
    assert second.workers == 1
    second.leave()
    assert os.listdir(tmp_path) == []
    second.leave()  # once more does no harm


def holder(folder: Path, lease_s: float) -> subprocess.Popen[str]:
    """A process with the shards 00 and 01."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, folder, str(lease_s)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline().split() == ["00", "01"]
    return process


def says(process: subprocess.Popen[str]) -> str:
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def test_a_worker_that_was_killed_on_this_machine_is_dead_at_once(join: Join, tmp_path: Path) -> None:
    killed = holder(tmp_path / "leases" / "recipe", 3600.0)
    leases = join()
    assert leases.claim(WORK, 3) == (["02"], [], [])
    killed.kill()
    killed.wait()
    assert leases.claim(WORK, 3) == ([], ["00", "01"], [])
    leases.leave()
    assert os.listdir(tmp_path) == []


def test_a_worker_of_another_machine_is_dead_when_its_lease_ends(
    join: Join, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = holder(tmp_path / "leases" / "recipe", 3600.0)
    killed.kill()
    killed.wait()
    monkeypatch.setattr(membership, "machine", lambda: "another one")
    leases = join()
    [file] = [path for path, facts in read_workers(tmp_path / "leases" / "recipe") if facts.pid == killed.pid]
    assert leases.claim(WORK, 3) == (["02"], [], [])
    now = leases.now()
    assert now
    os.utime(file, ns=(now, now - 3590 * 10**9))
    assert leases.claim(WORK, 3) == ([], [], [])
    os.utime(file, ns=(now, now - 3601 * 10**9))
    assert leases.claim(WORK, 3) == ([], ["00", "01"], [])


def test_a_worker_that_slept_past_its_lease_finds_out_before_it_does_anything(join: Join, tmp_path: Path) -> None:
    slept = holder(tmp_path / "leases" / "recipe", 1.0)
    assert says(slept) == "True"
    os.kill(slept.pid, signal.SIGSTOP)
    leases, found = join(), set[str]()
    while len(found) < 3:
        found.update(*leases.claim(WORK, 3))
    os.kill(slept.pid, signal.SIGCONT)
    assert says(slept) == "False"
    slept.kill()
    slept.wait()


def test_a_worker_that_slept_alone_has_lost_nothing(join: Join) -> None:
    leases = join(lease_s=0.01)
    leases.claim(WORK, 3)
    assert leases.are_held()
    assert leases.claim(WORK, 3) == ([], [], [])


def test_whoever_was_taken_for_dead_is_told_and_joins_anew(join: Join, tmp_path: Path) -> None:
    lost, told = threading.Event(), list[str]()
    leases = join(lease_s=0.1)

    def on_lost(worker: str) -> None:
        told.append(worker)
        lost.set()

    leases.on_lost = on_lost
    name = leases.worker
    leases.claim(WORK, 3)
    (tmp_path / "leases" / "recipe" / f"worker-{name}").unlink()
    assert lost.wait(60)
    assert told == [name]
    assert not leases.are_held()
    assert leases.join() != name
    assert leases.claim(WORK, 3) == ([], list(WORK), [])


def test_a_late_finish_of_a_shard_that_was_taken_over_changes_nothing(join: Join, tmp_path: Path) -> None:
    first, second = join(), join()
    first.claim({"00": "a"}, 1)
    (tmp_path / "leases" / "recipe" / f"worker-{first.worker}").unlink()
    assert second.claim({"00": "a"}, 1).changed == ["00"]
    first.finish("00", "a")
    third = join()
    assert third.claim({"00": "a"}, 1) == ([], [], [])


def test_what_is_no_claim_yet_belongs_to_nobody(join: Join, tmp_path: Path) -> None:
    """On a file system without links a process may be killed between making a file and writing it."""
    first = join()
    first.claim({"00": "a"}, 1)
    [file] = (tmp_path / "leases" / "recipe").glob("*-00.1")
    file.with_name(file.name.replace(".1", ".2")).write_bytes(b"")
    (tmp_path / "leases" / "recipe" / "worker-broken").write_bytes(b"{")
    assert join().claim({"00": "a"}, 1).changed == ["00"]


def test_a_command_that_starts_workers_is_known_and_is_no_worker(join: Join, tmp_path: Path) -> None:
    folder = tmp_path / "leases" / "recipe"
    command = Leases(folder, "again")
    command.lead(3)
    [(path, facts)] = read_workers(folder, membership.COMMAND)
    assert (facts.starts, facts.replicate, facts.pid) == (3, "again", os.getpid())
    assert read_workers(folder) == []
    worker = join()
    assert worker.workers == 1
    assert worker.living() == {worker.worker}
    worker.leave()
    assert path.exists()  # the run is still at work
    command.leave()
    assert os.listdir(tmp_path) == []


def test_the_file_of_a_killed_command_is_removed_by_its_workers(join: Join, tmp_path: Path) -> None:
    command, worker = Leases(tmp_path / "leases" / "recipe", ""), join()
    command.lead(2)
    [(path, _)] = read_workers(tmp_path / "leases" / "recipe", membership.COMMAND)
    now = worker.now()
    assert now
    path.write_bytes(path.read_bytes().replace(membership.machine().encode(), b"another machine"))
    os.utime(path, ns=(now, now - 31 * 10**9))
    assert worker.living() == {worker.worker}
    assert not path.exists()
    worker.leave()
    assert os.listdir(tmp_path) == []
    command.resign()


def test_facts_of_a_worker_are_in_its_file(tmp_path: Path) -> None:
    member = Membership(tmp_path, replicate="again", lease_s=5.0, on_lost=lambda worker: None)
    [(path, facts)] = read_workers(tmp_path)
    assert (facts, facts.pid, facts.replicate, facts.lease_s) == (member.facts, os.getpid(), "again", 5.0)
    assert path.name == f"worker-{member.name}"
    assert facts.version
    assert facts.host
    member.leave()
    assert read_workers(tmp_path) == []


def test_a_store_that_is_shared_with_nobody_needs_no_files() -> None:
    alone = Alone()
    assert alone.join() == alone.worker == ""
    assert alone.claim(WORK, 2).fresh == ["00", "01"]
    assert alone.are_held()
    alone.finish("00", "a")
    alone.leave()


def test_there_are_at_most_256_shards() -> None:
    assert shard_of("ab12") == "ab"
    assert len({shard_of(f"{number:04x}") for number in range(2**16)}) == 256
