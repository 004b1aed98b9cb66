"""Makes a store of a given size, and measures the cost of a process."""

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from units import SAMPLES, units

from redraft.store import Store

BATCH = 250  # units per publication


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one process: processor seconds, wall seconds, and peak memory in MB."""

    processor: float
    wall: float
    memory: float


def cost(command: Sequence[str], limit: float) -> Cost | None:
    """Returns the cost of a command. A command that takes longer than `limit` seconds is killed, and None is
    returned."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    timer = threading.Timer(limit, process.kill)
    timer.start()
    _, status, used = os.wait4(process.pid, 0)
    timer.cancel()
    wall = time.perf_counter() - start
    if wall > limit:
        return None
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024)


def make_store(db: Path, trajectories: int) -> None:
    """Makes a store, and prints the cost of loading it."""
    start, wall, steps = time.process_time(), time.perf_counter(), 0
    with Store(db) as store:
        made = units(trajectories // SAMPLES)
        while part := list(islice(made, BATCH)):
            store.add([problem for problem, _ in part])
            store.publish([unit for _, unit in part])
            steps += sum(len(trajectory.steps) for _, unit in part for trajectory in unit.trajectories)
    taken, size = time.process_time() - start, db.stat().st_size / 2**20
    wall = time.perf_counter() - wall
    show("made", f"{trajectories:,} trajectories", f"{steps:,} steps", f"{size:.0f} MB", f"{taken:.0f} / {wall:.0f} s")


def show(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)  # noqa: T201 - a table for the reader
