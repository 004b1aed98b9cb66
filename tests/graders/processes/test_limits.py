"""Limits count processor time: a busy machine decides nothing, an endless computation ends, and so does a wait."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from redraft.graders.answers.checker import Checker
from redraft.graders.processes.limits import COUNTED, processor_s
from redraft.graders.processes.pool import ProcessPool
from redraft.graders.processes.process import WAIT, Process, ProcessError, ProcessNotStarted
from redraft.graders.programs.sandbox import Sandbox
from redraft.graders.ruling import Ruling
from redraft.store.trajectory import Verdict

SLOW = (r"\sum_{k=1}^{n} k^{7}", r"\sum_{k=1}^{n} (k-1)^{7}")  # a quarter of a second of processor time
HANG = r"\sum_{k=1}^{2} 9^{9^{9^9}}"
WORKER = """
import json, signal, sys, time

time.sleep(float(sys.argv[1]))
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    signal.setitimer(signal.ITIMER_PROF, request["limit_s"])
    while request["spin"]:
        pass
    time.sleep(request["sleep_s"])
    signal.setitimer(signal.ITIMER_PROF, 0)
    print(json.dumps({"slept": request["sleep_s"]}), flush=True)
"""

needs_pinning = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="a processor cannot be chosen here")
needs_clock = pytest.mark.skipif(not COUNTED, reason="another process's time cannot be read here")


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> partial[Process]:
    (tmp_path / "worker_that_waits.py").write_text(WORKER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return partial(Process, "worker_that_waits", name="worker")


@pytest.fixture
def one_processor() -> Iterator[None]:
    """What this test starts runs on one processor, so that its rivals can be few."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.fixture
def rivals() -> Iterator[list[subprocess.Popen[bytes]]]:
    found: list[subprocess.Popen[bytes]] = []
    yield found
    for rival in found:
        rival.kill()
        rival.wait()


def _busy(rivals: list[subprocess.Popen[bytes]]) -> None:
    rivals.extend(subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(6))


@needs_pinning
async def test_a_busy_machine_makes_no_comparison_undecided(
    one_processor: None, rivals: list[subprocess.Popen[bytes]]
) -> None:
    async with Checker(limit_s=2.0, workers=1) as checker:
        assert await checker.equal(r"\sum_{k=1}^{2} 1", "2") == Ruling(Verdict.RIGHT)
        _busy(rivals)
        begun = time.monotonic()
        assert await checker.equal(*SLOW) == Ruling(Verdict.WRONG)
        assert time.monotonic() - begun > 1.0  # otherwise it was not busy
        hung = Ruling(Verdict.UNDECIDED, "not decided within the limit of 2 s")
        assert await checker.equal("5", HANG) == hung


@needs_pinning
@needs_clock
async def test_a_busy_machine_makes_no_program_late(one_processor: None, rivals: list[subprocess.Popen[bytes]]) -> None:
    code = "def count(n):\n    i = 0\n    while i < n:\n        i += 1\n    return i"
    async with Sandbox(workers=1) as sandbox:
        begun = time.monotonic()
        assert not (await sandbox.run(code, tests="assert count(1_000_000) == 1_000_000")).error
        alone_s = time.monotonic() - begun
        _busy(rivals)
        outcome = await sandbox.run(code, tests="assert count(1_000_000) == 1_000_000", limit_s=2 * alone_s)
        assert (outcome.error, outcome.failed) == (None, ())
        outcome = await sandbox.run(code + "\ncount(-1) or count(10 ** 12)", limit_s=0.3)
        assert outcome.error == "TimeoutError: not finished within 0.3 s"
        assert (await sandbox.run("6 * 7")).value == 42


def test_an_endless_computation_ends_by_its_processor_time(worker: partial[Process]) -> None:
    process = worker("0")
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        process.ask({"spin": True, "sleep_s": 0}, 0.3)
    assert time.monotonic() - begun < 0.3 * WAIT
    with pytest.raises(ProcessError, match="ended"):
        process.ask({"spin": False, "sleep_s": 0}, 0.3)
    process.stop()


def test_a_wait_is_no_processor_time_and_ends_at_the_wall(worker: partial[Process]) -> None:
    process = worker("0")
    assert process.ask({"spin": False, "sleep_s": 0.5}, 0.1) == {"slept": 0.5}
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        process.ask({"spin": False, "sleep_s": 60}, 0.02)
    assert time.monotonic() - begun == pytest.approx(0.02 * WAIT, abs=0.9)
    process.stop()


async def test_the_start_of_a_process_counts_against_no_limit(worker: partial[Process]) -> None:
    pool = ProcessPool(partial(worker, "2"), 1, "worker")
    request = {"spin": False, "sleep_s": 0}
    assert await pool.run(partial(pool.ask, request, 0.02)) == {"slept": 0}  # 2 s of start against 1.2 s of patience
    await pool.close()


def test_a_process_that_ends_as_it_starts_is_reported_at_once(worker: partial[Process]) -> None:
    with pytest.raises(ProcessNotStarted, match="the worker ended as it started"):
        worker("no number")


@needs_clock
def test_the_processor_time_of_another_process_is_read() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as rival:
        time.sleep(0.3)
        used = processor_s(rival.pid)
        with ThreadPoolExecutor(1) as thread:
            assert 0 < used <= thread.submit(processor_s, rival.pid).result()
        rival.kill()
        rival.wait()
        with pytest.raises(OSError, match="Invalid argument"):
            processor_s(rival.pid)
