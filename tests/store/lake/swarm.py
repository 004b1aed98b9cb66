"""Processes that publish the same units to one store and are killed: a program that tests start.

    swarm.py points STORE STRIDE     one process after another is killed at a later point of publishing a batch
    swarm.py kills STORE KILLS SEED  four processes publish the same units and are killed at random instants
    swarm.py race STORE              four processes publish the same units at the same time

Prints what happened as JSON.
"""

import itertools
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from redraft.store import Grade, Question, Role, Stop, Store, Trajectory, Verdict
from redraft.store.ducklake.address import is_ducklake
from redraft.store.problems import Problem
from redraft.store.unit import Unit, unit_id

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
POINTS = ("os.mkdir", "os.rename", "os.link")
"""The events of Python, before which a process is killed, that change what others see in a folder store."""
DUCKLAKE = ("ducklake_committer.py", "ducklake_compaction.py")
"""Where each statement that DuckDB gets is such a point, for a DuckLake."""
UNITS = 120


def unit(number: int) -> Unit:
    """A unit with two drafts, each with a grade."""
    own = unit_id("r", f"p{number}", "")
    question = Question(f"p{number}", "What?", unit=own)
    starts = [Trajectory(question, sample=n, role=Role.SAMPLE, stop=Stop.ANSWERED, answer="1") for n in range(2)]
    drafts = [start.grow("The text.", n, tokens=3, final=True) for n, start in enumerate(starts)]
    grades = tuple(Grade("oracle", draft.trajectory_id, 1, None, Verdict.RIGHT) for draft in drafts)
    return Unit(own, "run", "r", f"p{number}", "", 1, 2, "done", tuple(drafts), grades, (), NOON, NOON)


def child(work: Callable[[], None]) -> int:
    """Starts a process that does the work, and returns its id."""
    process = os.fork()
    if process == 0:
        try:
            work()
            os._exit(0)
        except Exception as error:  # noqa: BLE001 - it is the end of the process
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            os._exit(1)
    return process


def publish(folder: str, batches: Sequence[Sequence[int]]) -> None:
    with Store(folder) as store:
        for numbers in batches:
            store.publish([unit(number) for number in numbers])


def publish_to_point(folder: str, numbers: Sequence[int], point: int) -> None:
    """Publishes a batch, with problems and a run beside it, and is killed at a point of it. Exits with 0 if the batch
    has fewer points."""
    store = Store(folder)
    store.publish([unit(10_000)])
    passed = itertools.count()

    def kill(event: str, _: object) -> None:
        if event in POINTS and next(passed) == point:
            os.kill(os.getpid(), signal.SIGKILL)

    def kill_at_statement(frame: FrameType, event: str, called: object) -> None:
        if event == "c_call" and getattr(called, "__name__", "") == "execute":
            kill(POINTS[0] if frame.f_code.co_filename.endswith(DUCKLAKE) else "", None)

    if is_ducklake(folder):
        sys.setprofile(kill_at_statement)
    else:
        sys.addaudithook(kill)
    store.publish([unit(number) for number in numbers])
    store.add([Problem("1?", "1", problem_id=f"p{numbers[0]}")])
    store.compact()


def tidy(folder: str, numbers: Sequence[int]) -> None:
    with Store(folder) as store:
        store.publish([unit(number) for number in numbers])
        store.compact()


def points(folder: str, stride: int) -> dict[str, object]:
    killed = 0
    for point in itertools.count():
        numbers = range(2 * point, 2 * point + 3)  # the last one is also the first of the next process
        process = child(lambda numbers=numbers, point=point: publish_to_point(folder, numbers, stride * point))
        ended = os.waitpid(process, 0)[1]
        if ended == 0:
            break
        assert ended == signal.SIGKILL, ended
        killed += 1
        if point % 3 == 0:  # as the same command does; after other points the next process finds what is left
            assert os.waitpid(child(lambda numbers=numbers: tidy(folder, numbers)), 0)[1] == 0
    publish(folder, [range(2 * killed + 3)])
    return {"killed": killed, "units": 2 * killed + 3 + 1}


def kills(folder: str, count: int, seed: int) -> dict[str, object]:
    rng = random.Random(seed)
    alive: dict[int, int] = {}
    killed = 0
    while killed < count:
        for place in {0, 1, 2, 3} - set(alive.values()):
            order = list(range(UNITS))
            rng.shuffle(order)
            batches = [order[at : at + 5] for at in range(0, UNITS, 5)]
            alive[child(lambda batches=batches: publish(folder, batches))] = place
        time.sleep(rng.uniform(0.0, 0.3))
        victim = rng.choice(sorted(alive))
        os.kill(victim, signal.SIGKILL)
        killed += os.waitpid(victim, 0)[1] == signal.SIGKILL
        del alive[victim]
    failed = sum(os.waitpid(process, 0)[1] != 0 for process in alive)
    publish(folder, [range(UNITS)])
    return {"killed": killed, "failed": failed, "units": UNITS}


def race(folder: str) -> dict[str, object]:
    gate = Path(tempfile.mkdtemp()) / "gate"

    def work() -> None:
        while not gate.exists():
            time.sleep(0.001)
        publish(folder, [range(at, at + 10) for at in range(0, UNITS, 10)])

    processes = [child(work) for _ in range(4)]
    gate.touch()
    failed = sum(os.waitpid(process, 0)[1] != 0 for process in processes)
    return {"failed": failed, "units": UNITS}


if __name__ == "__main__":
    what, place, *numbers = sys.argv[1:]
    work = {"points": points, "kills": kills, "race": race}[what]
    sys.stdout.write(json.dumps(work(place, *map(int, numbers))))  # type: ignore[operator]
