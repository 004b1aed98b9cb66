"""How long commands take to answer, beside what they cannot do without: `python bench/startup.py`.

Medians of seven runs, as whole processes. The floor of each is Python's own start with the one package that the command
needs. For the demonstration: seconds to its first judged draft, and to its end, on a terminal's line of text.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(sys.executable).parent


def seconds(command: list[str], runs: int) -> float:
    taken = []
    for _ in range(runs + 1):  # the first warms the disk's cache
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


def demo() -> tuple[float, float]:
    """Seconds from the command to the first verdict, and to the end."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        process = subprocess.Popen([BIN / "redraft", "demo"], cwd=folder, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        first = next(time.perf_counter() for line in process.stdout if "→" in line) - start
        process.stdout.read()
        process.wait()
        return first, time.perf_counter() - start


def show(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)  # noqa: T201 - a table for the reader


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    redraft, python = str(BIN / "redraft"), sys.executable
    with tempfile.TemporaryDirectory() as folder:
        db = f"{folder}/a.duckdb"
        subprocess.run([redraft, "generate", "--limit", "40", "--db", db], check=True, capture_output=True)
        sql = "SELECT count(*) FROM trajectories"
        show("command", "seconds", "floor", "seconds", "ratio")
        for command, floor in (
            ([redraft, "--help"], [python, "-c", "import click"]),
            ([redraft, "query", "--db", db, sql], [python, "-c", "import click, duckdb, rich.table"]),
        ):
            ours, least = seconds(command, options.runs), seconds(floor, options.runs)
            names = (" ".join(Path(part).name for part in command[:2]), floor[-1])
            show(names[0], f"{ours:.2f}", names[1], f"{least:.2f}", f"{ours / least:.1f}")
    first, whole = zip(*(demo() for _ in range(3)), strict=True)
    show("redraft demo: first judged draft", f"{statistics.median(first):.1f}", "", "", "")
    show("redraft demo: end", f"{statistics.median(whole):.1f}", "", "", "")
