"""Measures the cost of a night's commands by the size of the store that they write to: `python bench/scale/nightly.py`.

Stores are made as in `bench/scale/store.py`, or taken from its `--folder`, and copied. In each copy, and in an empty
store, these commands run: a run of 20 new problems, the same command again, an evaluation of 20 problems, a publication
of one unit, and of 250 units at once. A server that replies at once represents the model. Each command is a separate
process; its processor seconds, wall seconds and peak memory in MB are printed.

With `--finished N`, `redraft generate` makes runs of N problems with 8 drafts each instead, and runs again when nothing
is left to do.
"""

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from made_store import cost, make_store, show
from units import SAMPLES, problem, units

from redraft.store import Store

BIN = Path(sys.executable).parent
SERVER = Path(__file__).parents[1] / "mock_server.py"
NEW = 200_000  # the number of the first problem that is in no store, after those of 1.6 million trajectories
LIMIT_S = 3600.0


@contextmanager
def server() -> Iterator[str]:
    """Yields the address of a server that replies at once and runs as a process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([sys.executable, SERVER, "--port", str(port)], stdout=subprocess.DEVNULL) as process:
        try:
            while socket.socket().connect_ex(("127.0.0.1", port)):
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()


def write_problems(file: Path, first: int, count: int) -> Path:
    asked = (problem(number) for number in range(first, first + count))
    lines = [json.dumps({"question": each.question, "answer": each.answer}) for each in asked]
    file.write_text("\n".join(lines) + "\n")
    return file


def publish(db: Path, count: int) -> None:
    """Publishes new units at once; the child process runs this."""
    made = list(units(count, NEW))
    with Store(db) as store:
        store.add([asked for asked, _ in made])
        store.publish([unit for _, unit in made])


def commands(db: Path, url: str, folder: Path) -> dict[str, list[str]]:
    on = ["--db", str(db), "--model", "m", "--api-base", url]
    generated, evaluated = (write_problems(folder / f"{at}.jsonl", NEW + at, 20) for at in (1_000, 2_000))
    generate = [str(BIN / "redraft"), "generate", str(generated), "--strategy", "self_consistency", *on]
    units_of = [sys.executable, __file__, "--publish", str(db)]
    return {
        "a new run of 20 problems": generate,
        "the same run again": generate,
        "evaluate 20 problems": [str(BIN / "redraft"), "evaluate", str(evaluated), *on],
        "publish one unit": [*units_of, "1"],
        "publish 250 units": [*units_of, "250"],
    }


def measured(command: list[str]) -> str:
    found = cost(command, LIMIT_S)
    assert found
    return f"{found.processor:.1f} / {found.wall:.1f} / {found.memory:.0f}"


def nights(stores: dict[int, Path], folder: Path, url: str) -> None:
    """Prints a line for each command, with its cost in each store."""
    copies = {size: Path(shutil.copy(db, folder / f"night-{size}.duckdb")) for size, db in stores.items()}
    by_size = [commands(db, url, folder) for db in copies.values()]
    show("processor s / s / MB", *(f"{size:,}" for size in stores))
    for name in by_size[0]:
        show(name, *(measured(each[name]) for each in by_size))


def finished(counts: list[int], folder: Path, url: str) -> None:
    """Prints a line for each size: the cost of a run, and of the same run when nothing is left to do."""
    show("trajectories", "the run", "the same run again")
    for count in counts:
        db, file = folder / f"finished-{count}.duckdb", write_problems(folder / "all.jsonl", 0, count)
        db.unlink(missing_ok=True)
        run = [str(BIN / "redraft"), "generate", str(file), "--strategy", "self_consistency"]
        run += ["--db", str(db), "--model", "m", "--api-base", url]
        show(f"{count * SAMPLES:,}", measured(run), measured(run))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000], help="trajectories of the stores")
    parser.add_argument("--folder", type=Path, help="where the stores are kept for another time")
    parser.add_argument("--finished", type=int, nargs="+", metavar="N", help="problems of the runs that are finished")
    parser.add_argument("--publish", nargs=2, metavar=("DB", "N"), help="only publishes N new units")
    options = parser.parse_args()
    if options.publish:
        publish(Path(options.publish[0]), int(options.publish[1]))
        raise SystemExit
    with tempfile.TemporaryDirectory() as place, server() as url:
        folder = options.folder or Path(place)
        if options.finished:
            finished(options.finished, folder, url)
            raise SystemExit
        stores = {size: folder / f"{size}.duckdb" for size in (0, *options.sizes)}
        for size, db in stores.items():
            if not db.exists():
                make_store(db, size)
        nights(stores, folder, url)
