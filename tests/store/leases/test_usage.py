"""What a worker used of a budget, as others read it after the worker's end."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from redraft.store.leases.usage import Usage, UsageFile, read_usage

KNOWN, UNKNOWN = {"calls": 3, "tokens": 512, "usd": 0.25}, {"calls": 1, "tokens": 99, "usd": 0.5}
USED = Usage(KNOWN, UNKNOWN, {"calls": 1, "tokens": 9})
READ = Usage(KNOWN, UNKNOWN, {"calls": 1, "tokens": 9, "usd": 0.0})

SPENDER = """
import sys, time
from pathlib import Path
from redraft.store.leases.usage import Usage, UsageFile
file = UsageFile(Path(sys.argv[1]), "w1")
for calls in range(1, 1001):
    file.write(Usage({"calls": calls, "tokens": 10 * calls}))
print("ready", flush=True)
time.sleep(600)
"""


def test_what_was_written_last_is_read_and_whole_amounts_are_whole(tmp_path: Path) -> None:
    file = UsageFile(tmp_path / "budget", "w1")
    nothing: dict[str, float] = {"calls": 0, "tokens": 0, "usd": 0}
    assert read_usage(tmp_path / "budget", "w1") == Usage(nothing, nothing, nothing)
    file.write(Usage({"calls": 1}))
    file.write(USED)
    found = read_usage(tmp_path / "budget", "w1")
    assert found == READ
    assert found
    assert [type(found.used[what]) for what in ("calls", "tokens", "usd")] == [int, int, float]


def test_a_killed_process_leaves_what_it_wrote(tmp_path: Path) -> None:
    killed = subprocess.Popen([sys.executable, "-c", SPENDER, tmp_path], stdout=subprocess.PIPE, text=True)
    assert killed.stdout
    assert killed.stdout.readline() == "ready\n"
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    found = read_usage(tmp_path, "w1")
    assert found
    assert found.used == {"calls": 1000, "tokens": 10_000, "usd": 0.0}


def test_nothing_is_known_of_a_worker_without_a_file_or_with_a_broken_one(tmp_path: Path) -> None:
    assert read_usage(tmp_path, "w1") is None
    (tmp_path / "w1.usage").write_bytes(b"half")
    assert read_usage(tmp_path, "w1") is None


def test_the_last_file_takes_its_folders_with_it_and_a_closed_one_stays(tmp_path: Path) -> None:
    first, second = (UsageFile(tmp_path / "leases" / "budget", name) for name in ("w1", "w2"))
    first.remove()
    second.write(USED)
    second.close()
    second.write(Usage())
    assert read_usage(tmp_path / "leases" / "budget", "w2") == READ
    second.remove()
    second.remove()  # once more does no harm
    assert os.listdir(tmp_path) == []


def test_a_file_that_cannot_be_written_is_gone_so_that_all_that_was_taken_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = UsageFile(tmp_path / "budget", "w1")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "pwrite", full)
    file.write(USED)
    assert read_usage(tmp_path / "budget", "w1") is None
