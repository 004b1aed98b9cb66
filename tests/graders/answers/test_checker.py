import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from redraft.graders.answers.checker import Checker
from redraft.graders.processes.process import Process, ProcessError
from redraft.graders.ruling import Ruling
from redraft.store.problems import Kind
from redraft.store.trajectory import Verdict

RIGHT, WRONG, UNDECIDED = Ruling(Verdict.RIGHT), Ruling(Verdict.WRONG), Verdict.UNDECIDED
HANG = r"\sum_{k=1}^{2} 9^{9^{9^9}}"


@pytest.mark.parametrize(
    ("gold", "given", "ruling"),
    [
        ("1/2", "0.5", RIGHT),
        ("0.5", "1/2", RIGHT),
        ("1000", "1,000", RIGHT),
        ("1/2", r"\frac{2}{4}", RIGHT),
        ("(1,2)", "[1,2]", WRONG),
        ("(1,2)", "(2,1)", WRONG),
        ("(1,2)", "2,1", WRONG),
        ("(1,2)", "1,2", RIGHT),
        ("1,2", "1", WRONG),
        ("3", "x=3", RIGHT),
        ("x=3", "3", RIGHT),
        ("x=3", "y=3", WRONG),
        ("12", r"12\text{ cm}", RIGHT),
        (r"12\text{ cm}", "12", RIGHT),
        (r"864 \mbox{ inches}^2", "864", RIGHT),
        ("0.5", r"50\%", RIGHT),
        (r"50\%", "0.5", RIGHT),
        ("50", r"50\%", RIGHT),
        (r"50\%", "50", RIGHT),
        ("5", r"50\%", WRONG),
        ("0.5", "50", WRONG),
        ("2,1", "{1,2}", RIGHT),
        (r"\{1,2\}", "2,1", RIGHT),
        (r"\{1,2\}", "(1,2)", WRONG),
        (r"2\sqrt3", r"\sqrt{12}", RIGHT),
        (r"2\sqrt3", "2*sqrt(3)", RIGHT),
        (r"2\sqrt3", r"-2\sqrt3", WRONG),
        ("3", "-3", WRONG),
        ("-3", "−3", RIGHT),
        ("no solution", "No solution.", RIGHT),
        ("no solution", "3", WRONG),
        ("3", "no solution", WRONG),
        ("10000000000", "10^{10}", RIGHT),
        ("10^{10}", "10000000000", RIGHT),
        ("1/3", "0.333", WRONG),
        (r"2\pi", "2pi", RIGHT),
        (r"2\pi", "6.28", WRONG),
        (r"2\pi", r"2\pi + 1", WRONG),
        ("x^2+1", "1+x**2", RIGHT),
        ("p - q", "q - p", WRONG),
        ("6 - 5i", "-5i + 6", RIGHT),
        (r"\{1\pm\sqrt{5},-2\}", "-2, 1+√5, 1-√5", RIGHT),
        (r"(-\sqrt3,\sqrt3)", r"[-\sqrt3,\sqrt3]", WRONG),
        (r"x \in [-2,7]", "[-2,7]", RIGHT),
        (r"\begin{pmatrix} -1/3 \\ 2/3 \end{pmatrix}", r"\begin{pmatrix} -\frac13 \\ \frac23 \end{pmatrix}", RIGHT),
        ("18", r"\frac{2(18)}{2}", RIGHT),
        ("1500", r"\sqrt{2250000} + 1,000 - 1,000", RIGHT),
        ("6", "3!", RIGHT),
        ("3", r"\log_2(8)", RIGHT),
        ("52_8", "52", RIGHT),
        ("52_8", "52_9", WRONG),
        ("52_8", "101010_2", RIGHT),
        (r"\text{(C)}", "C", RIGHT),
        (r"\text{(C)}", "D", WRONG),
        ("3", "", Ruling(Verdict.WRONG, "no answer")),
        ("3", "$$", Ruling(Verdict.WRONG, "no answer")),
    ],
)
async def test_pairs_come_out_as_a_mathematician_would_say(
    checker: Checker, gold: str, given: str, ruling: Ruling
) -> None:
    assert await checker.equal(gold, given) == ruling


async def test_choices_and_text_need_no_algebra() -> None:
    async with Checker() as checker:
        assert await checker.equal("C", "(c) 42", Kind.CHOICE) == RIGHT
        assert await checker.equal("C", "D", Kind.CHOICE) == WRONG
        assert await checker.equal("The blue whale", "the  Blue whale.", Kind.TEXT) == RIGHT
        assert await checker.equal("1/2", "0.5", Kind.TEXT) == WRONG
        assert await checker.equal("17", "18") == WRONG
        assert checker.pids == ()


async def test_a_key_that_is_no_answer_is_undecided(checker: Checker) -> None:
    ruling = await checker.equal("42", "C", Kind.CHOICE)
    assert ruling == Ruling(UNDECIDED, "the key '42' is no answer of kind choice")


async def test_an_answer_that_hangs_is_killed_and_the_next_one_is_graded() -> None:
    async with Checker(limit_s=1.0, workers=1) as checker:
        assert await checker.equal(counted(2), "2") == RIGHT
        first = checker.pids
        hung = await checker.equal("5", HANG)
        assert hung == Ruling(UNDECIDED, "not decided within the limit of 1 s")
        assert not _runs(first[0])
        assert await checker.equal(counted(3), "3") == RIGHT
        assert len(checker.pids) == 1
        assert checker.pids != first
        assert await checker.equal("5", HANG) == hung


async def test_requests_share_at_most_the_given_number_of_workers() -> None:
    async with Checker(workers=2) as checker:
        pairs = [(str(n), counted(n + n % 2)) for n in range(1, 13)]
        rulings = await asyncio.gather(*(checker.equal(*pair) for pair in pairs))
        assert rulings == [WRONG if n % 2 else RIGHT for n in range(1, 13)]
        assert len(checker.pids) == 2


async def test_closing_leaves_no_process_and_frees_those_who_wait() -> None:
    checker = Checker(limit_s=30.0, workers=1)
    waiting = asyncio.create_task(checker.equal("5", HANG))
    await asyncio.to_thread(_wait_until, lambda: checker.pids, 20.0)
    await asyncio.sleep(0.2)
    (pid,) = checker.pids
    await checker.close()
    assert (await waiting).verdict is UNDECIDED
    assert not _runs(pid)
    with pytest.raises(RuntimeError, match="closed"):
        await checker.equal(counted(2), "2")


def test_stopping_a_worker_frees_the_thread_that_waits_for_it() -> None:
    for delay_s in (0.0, 0.0005, 0.001, 0.002, 0.05):
        process = Process("redraft.graders.answers.math_verify_process", "2048", name="checker")
        with ThreadPoolExecutor(1) as thread:
            asked = thread.submit(process.ask, {"gold": "5", "given": HANG}, 30.0)
            time.sleep(delay_s)
            process.stop()
            with pytest.raises(ProcessError, match="ended"):
                asked.result(5.0)
        with pytest.raises(ProcessError, match="ended"):
            process.ask({"gold": "1", "given": "1"}, 1.0)


async def test_a_worker_that_was_killed_is_replaced() -> None:
    async with Checker(workers=1) as checker:
        assert await checker.equal(counted(2), "2") == RIGHT
        os.kill(checker.pids[0], signal.SIGKILL)
        assert await checker.equal(counted(3), "3") == RIGHT


def test_one_checker_serves_several_threads_and_event_loops(checker: Checker) -> None:
    rulings: list[Ruling] = []
    threads = [
        threading.Thread(target=lambda n=n: rulings.append(asyncio.run(checker.equal(counted(n), str(n)))))
        for n in range(20, 24)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rulings == [RIGHT] * 4


def test_a_forgotten_checker_ends_its_processes() -> None:
    checker = Checker(workers=1)
    assert asyncio.run(checker.equal(counted(2), "2")) == RIGHT
    (pid,) = checker.pids
    del checker
    _wait_until(lambda: not _runs(pid), 5.0)


@pytest.mark.parametrize("busy", [False, True])
def test_workers_die_with_a_program_that_is_killed(busy: bool) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, HANG if busy else counted(2)], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout
    pid = int(program.stdout.readline())
    if not busy:
        program.stdout.readline()
    program.kill()
    program.wait()
    _wait_until(lambda: not _runs(pid), 8.0)


def counted(number: int) -> str:
    """A number as a sum, which only computer algebra reads."""
    return rf"\sum_{{k=1}}^{{{number}}} 1"


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _wait_until(holds, limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, f"it did not happen within {limit_s} s"
        time.sleep(0.05)


PROGRAM = """
import asyncio, sys
from redraft.graders.answers.checker import Checker

async def main():
    checker = Checker(limit_s=2.0, workers=1)
    task = asyncio.create_task(checker.equal("x+2", sys.argv[1]))
    while not checker.pids:
        await asyncio.sleep(0.01)
    print(checker.pids[0], flush=True)
    print(await task, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
