"""Measures the startup time of commands relative to a lower bound: `python bench/speed/startup.py`.

The times are medians of seven runs of whole processes. The floor of each command is the start of Python with the
imports of the packages that the command needs. For the demonstration, the seconds to its first graded draft and to its
end are measured.

With `--against BIN`, the folder of another build's programs (such as `other/.venv/bin`), the commands of both builds
run in turn, so that other work on the machine slows both equally. Each line has both medians and their ratio.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

BIN = Path(sys.executable).parent
SQL = "SELECT count(*) FROM trajectories"


def seconds(command: Sequence[str]) -> float:
    """Returns the seconds that a command takes, from its start to its end."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def first_draft(folder: Path) -> tuple[float, float]:
    """Returns the seconds of a build's demonstration to its first graded draft, and to its end."""
    with tempfile.TemporaryDirectory() as place:
        start = time.perf_counter()
        process = subprocess.Popen([folder / "redraft", "demo"], cwd=place, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        first = next(time.perf_counter() for line in process.stdout if "→" in line) - start
        process.stdout.read()
        process.wait()
        return first, time.perf_counter() - start


def medians(commands: Sequence[Sequence[str]], runs: int) -> list[float]:
    """Returns the median of each command. All commands run in turn. A first round warms the disk cache and is not
    counted."""
    rounds = [[seconds(command) for command in commands] for _ in range(runs + 1)]
    return [statistics.median(taken) for taken in zip(*rounds[1:], strict=True)]


def store(folder: Path, place: str) -> str:
    """Makes a store of 40 problems with a build in a folder, and returns its path."""
    db = f"{place}/{len(list(Path(place).iterdir()))}.duckdb"
    subprocess.run([folder / "redraft", "generate", "--limit", "40", "--db", db], check=True, capture_output=True)
    return db


def show(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)  # noqa: T201 - a table for the reader


def floors(runs: int) -> None:
    """Prints the table of this build and the floors of its commands."""
    redraft, python = str(BIN / "redraft"), sys.executable
    show("command", "seconds", "floor", "seconds", "ratio")
    with tempfile.TemporaryDirectory() as place:
        query = [redraft, "query", "--db", store(BIN, place), SQL]
        for command, floor in (
            ([redraft, "--help"], "import click"),
            (query, "import click, duckdb, rich.table"),
        ):
            ours, least = medians([command, [python, "-c", floor]], runs)
            show(f"redraft {command[1]}", f"{ours:.2f}", floor, f"{least:.2f}", f"{ours / least:.1f}")
    first, whole = zip(*(first_draft(BIN) for _ in range(3)), strict=True)
    show("redraft demo: first judged draft", f"{statistics.median(first):.1f}", "", "", "")
    show("redraft demo: end", f"{statistics.median(whole):.1f}", "", "", "")


def compare(other: Path, runs: int) -> None:
    """Prints the table of this build and another build. Each queries a store that it made itself."""
    builds = (BIN, other)
    show("command", "seconds", "other build", "ratio")
    with tempfile.TemporaryDirectory() as place:
        stores = [store(build, place) for build in builds]
        helps = [[str(build / "redraft"), "--help"] for build in builds]
        queries = [[str(build / "redraft"), "query", "--db", db, SQL] for build, db in zip(builds, stores, strict=True)]
        for name, commands in (("redraft --help", helps), ("redraft query", queries)):
            _ratio(name, *medians(commands, runs))
    rounds = [[first_draft(build)[0] for build in builds] for _ in range(runs)]
    ours, theirs = (statistics.median(taken) for taken in zip(*rounds, strict=True))
    _ratio("redraft demo: first judged draft", ours, theirs)


def _ratio(name: str, ours: float, theirs: float) -> None:
    show(name, f"{ours:.3f}", f"{theirs:.3f}", f"{ours / theirs:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--against", type=Path, metavar="BIN", help="the folder of another build's programs")
    options = parser.parse_args()
    if options.against:
        compare(options.against.absolute(), options.runs)
    else:
        floors(options.runs)
