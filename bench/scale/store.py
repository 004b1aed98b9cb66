"""Measures the cost of filters, exports and statistics by the size of the store: `python bench/scale/store.py`.

Stores of 1,000, 10,000 and 100,000 trajectories are made by the store's own writer. Each command is a separate process;
a view is queried by `redraft query`. The floor is a single hand-written SQL statement that filters and exports from the
same tables. Each line has the processor seconds, the wall seconds and the peak memory of a command at each size. It
also has the exponent of the processor seconds between sizes, after subtraction of those for a store of 16 trajectories.

With `--against BIN`, the folder of another build's programs (such as `other/.venv/bin`), that build makes the same
stores for itself. The commands of both builds then run in turn. The rows that they keep must be the same, in the same
order.
"""

import argparse
import hashlib
import math
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import duckdb
from made_store import Cost, cost, make_store, show

BIN = Path(sys.executable).parent
FORMATS = ("sft", "messages", "rise", "score", "mended", "value")
VIEWS = (
    "pass_at_k", "best_of_n", "reward_by_n", "grader_bias", "corrections", "text_changes", "step_quality",
    "first_errors", "answer_diversity", "diversity", "cost_of_right", "costs",
)  # fmt: skip
SMALLEST = 16  # trajectories of the store that measures the startup time
FLOOR = Path(__file__).with_name("floor.py")


def commands(folder: Path, db: Path, file: Path) -> dict[str, list[str]]:
    """Returns each command of a build by its name. An export writes to `file`."""
    redraft, on = str(folder / "redraft"), ["--db", str(db)]
    exports = {name: [redraft, "export", str(file), "--format", name, "--overwrite", *on] for name in FORMATS}
    views = {name: [redraft, "query", f"SELECT count(*) FROM (FROM {name})", *on] for name in VIEWS}
    return {"filter": [redraft, "filter", *on], **exports, **views}


def floor(db: Path, file: Path) -> list[str]:
    return [sys.executable, str(FLOOR), str(db), str(file)]


def kept(db: Path, file: Path) -> str:
    """Returns a hash of an export's file, and of the newest dataset's entry for each trajectory, in order."""
    found = hashlib.sha256(file.read_bytes() if file.exists() else b"")
    newest = "SELECT dataset_id FROM raw.datasets ORDER BY rowid DESC LIMIT 1"
    rows = 'SELECT "row", trajectory_id, step_id, dropped_because FROM raw.dataset_rows'
    with duckdb.connect(str(db), read_only=True) as connection:  # another build's Store has other functions
        result = connection.execute(f"{rows} WHERE dataset_id = ({newest}) ORDER BY rowid")
        while part := result.fetchmany(4096):
            found.update(repr(part).encode())
    return found.hexdigest()


def compare(name: str, folder: Path, stores: Mapping[int, Path], options: argparse.Namespace) -> None:
    """Prints a line for each build's command. Ends the program if the other build keeps different rows."""
    builds = {"": BIN, **({" (other build)": options.against} if options.against else {})}
    found: dict[str, list[Cost | None]] = {build: [] for build in builds}
    for size, own in stores.items():
        results = []
        for build, programs in builds.items():
            db, file = other(own) if build else own, folder / f"rows{len(results)}.jsonl"
            file.unlink(missing_ok=True)
            found[build].append(cost(commands(programs, db, file)[name], options.limit))
            if options.against and name not in VIEWS and found[build][-1]:
                results.append(subprocess.run([programs / "python", __file__, "--kept", db, file], stdout=-1).stdout)
        if any(result != results[0] for result in results):
            raise SystemExit(f"{name}: the builds keep other rows of {size:,} trajectories")
    for build, costs in found.items():
        line(name + build, costs, [*stores])


def other(db: Path) -> Path:
    """Returns the path of the same store, made by the other build."""
    return db.with_name(f"other-{db.name}")


def line(name: str, costs: Sequence[Cost | None], sizes: Sequence[int]) -> None:
    """Prints a line of the table: the costs by size, and the exponents between sizes, after subtraction of the startup
    time."""
    cells = [f"{c.processor:.1f} / {c.wall:.1f} / {c.memory:.0f}" if c else "over the limit" for c in costs]
    start = costs[0].processor if costs[0] else 0.0
    seconds = [max(c.processor - start, 0.01) if c else math.nan for c in costs[1:]]
    grown = [
        f"{math.log(large / small) / math.log(after / before):.2f}"
        for (small, large), (before, after) in zip(pairwise(seconds), pairwise(sizes[1:]), strict=True)
    ]
    show(name, *cells, *grown)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--only", nargs="+", default=[], help="the commands that run, such as filter value")
    parser.add_argument("--limit", type=float, default=600, help="seconds after which a command is given up")
    parser.add_argument("--folder", type=Path, help="where the stores are kept for another time")
    parser.add_argument("--against", type=Path, metavar="BIN", help="the folder of another build's programs")
    parser.add_argument("--make", nargs=2, metavar=("DB", "SIZE"), help="only makes a store")
    parser.add_argument("--kept", nargs=2, type=Path, metavar=("DB", "FILE"), help="only prints a hash of what is kept")
    options = parser.parse_args()
    if options.make:
        make_store(Path(options.make[0]), int(options.make[1]))
        raise SystemExit
    if options.kept:
        show(kept(*options.kept))
        raise SystemExit
    with tempfile.TemporaryDirectory() as place:
        folder = options.folder or Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        sizes = [SMALLEST, *options.sizes]
        stores = {size: folder / f"{size}.duckdb" for size in sizes}
        for size, db in stores.items():
            for programs, path in [(BIN, db), *([(options.against, other(db))] if options.against else [])]:
                if not path.exists():  # the peak memory of a child begins with that of this process
                    subprocess.run([programs / "python", __file__, "--make", path, str(size)], check=True)
        show("processor s / s / MB", *(f"{size:,}" for size in stores), *("exponent" for _ in sizes[2:]))
        line("floor", [cost(floor(db, folder / "floor.jsonl"), options.limit) for db in stores.values()], sizes)
        for name in options.only or ("filter", *FORMATS, *VIEWS):
            compare(name, folder, stores, options)
