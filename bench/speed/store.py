"""What filters and exports cost by the size of the store: `python bench/speed/store.py`.

Stores of 1,000, 10,000 and 100,000 trajectories are made by the store's own writer. Each command runs as a process of
its own. The floor is one hand-written statement that filters and exports on the same tables. Each line has the
processor seconds, the wall seconds and the peak memory of a command at each size, and the exponent of the processor
seconds between sizes, without those of a store of 16 trajectories.

With `--against BIN`, the folder of another build's programs (such as `other/.venv/bin`), the commands of both builds
run in turn on the same stores, and the rows that they keep are compared whole and in order.
"""

import argparse
import hashlib
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice, pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from units import SAMPLES, units

from redraft.store import Store

Result = TypeVar("Result")
BIN = Path(sys.executable).parent
FORMATS = ("sft", "messages", "rise", "score", "mended", "value")
SMALLEST = 16  # trajectories of the store that shows how long a command takes to start
BATCH = 250  # units that are published at a time
FLOOR = Path(__file__).with_name("floor.py")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took: seconds of processors, seconds, and the most memory in MB."""

    processor: float
    wall: float
    memory: float


def cost(command: Sequence[str], limit: float) -> Cost | None:
    """What a command takes; None if it takes longer than `limit` seconds, after which it is killed."""
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
    """Makes a store, and says what loading cost."""
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


def commands(folder: Path, db: Path, file: Path) -> dict[str, list[str]]:
    """Each command of a build by its name; an export writes to `file`."""
    redraft, on = str(folder / "redraft"), ["--db", str(db)]
    exports = {name: [redraft, "export", str(file), "--format", name, "--overwrite", *on] for name in FORMATS}
    return {"filter": [redraft, "filter", *on], **exports}


def floor(db: Path, file: Path) -> list[str]:
    return [sys.executable, str(FLOOR), str(db), str(file)]


def kept(db: Path, file: Path) -> str:
    """A hash of an export's file, and of what the newest dataset has of each trajectory, in order."""
    found = hashlib.sha256(file.read_bytes() if file.exists() else b"")
    newest = "SELECT dataset_id FROM raw.datasets ORDER BY rowid DESC LIMIT 1"
    rows = 'SELECT "row", trajectory_id, step_id, dropped_because FROM raw.dataset_rows'
    with Store(db) as store:
        for part in store.parts(f"{rows} WHERE dataset_id = ({newest}) ORDER BY rowid"):
            found.update(repr(part).encode())
    return found.hexdigest()


def apart(function: Callable[..., Result], *given: Any) -> Result:
    """Calls a function in a process of its own: the peak memory of a command begins with that of this process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *given).result()


def compare(name: str, folder: Path, stores: Mapping[int, Path], options: argparse.Namespace) -> None:
    """A line for each build's command. Ends the program if the other build keeps other rows."""
    builds = {"": BIN, **({" (other build)": options.against} if options.against else {})}
    found: dict[str, list[Cost | None]] = {build: [] for build in builds}
    for size, db in stores.items():
        results = []
        for build, programs in builds.items():
            file = folder / f"rows{len(results)}.jsonl"
            file.unlink(missing_ok=True)
            found[build].append(cost(commands(programs, db, file)[name], options.limit))
            if options.against and found[build][-1]:
                results.append(apart(kept, db, file))
        if any(result != results[0] for result in results):
            raise SystemExit(f"{name}: the builds keep other rows of {size:,} trajectories")
    for build, costs in found.items():
        line(name + build, costs, [*stores])


def line(name: str, costs: Sequence[Cost | None], sizes: Sequence[int]) -> None:
    """A line of the table: the costs by size, and the exponents between sizes, without the seconds of the start."""
    cells = [f"{c.processor:.1f} / {c.wall:.1f} / {c.memory:.0f}" if c else "over the limit" for c in costs]
    start = costs[0].processor if costs[0] else 0.0
    seconds = [max(c.processor - start, 0.01) if c else math.nan for c in costs[1:]]
    grown = [
        f"{math.log(large / small) / math.log(after / before):.2f}"
        for (small, large), (before, after) in zip(pairwise(seconds), pairwise(sizes[1:]), strict=True)
    ]
    show(name, *cells, *grown)


def show(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)  # noqa: T201 - a table for the reader


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--only", nargs="+", default=[], help="the commands that run, such as filter value")
    parser.add_argument("--limit", type=float, default=600, help="seconds after which a command is given up")
    parser.add_argument("--folder", type=Path, help="where the stores are kept for another time")
    parser.add_argument("--against", type=Path, metavar="BIN", help="the folder of another build's programs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = options.folder or Path(place)
        sizes = [SMALLEST, *options.sizes]
        stores = {size: folder / f"{size}.duckdb" for size in sizes}
        for size, db in stores.items():
            if not db.exists():
                apart(make_store, db, size)
        show("processor s / s / MB", *(f"{size:,}" for size in stores), *("exponent" for _ in sizes[2:]))
        line("floor", [cost(floor(db, folder / "floor.jsonl"), options.limit) for db in stores.values()], sizes)
        for name in options.only or ("filter", *FORMATS):
            compare(name, folder, stores, options)
