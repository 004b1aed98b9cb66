"""Measures the time to read 100,000 problems from each kind of file: `python bench/speed/reading.py`.

With `--against BIN`, the folder of another build's programs (such as `other/.venv/bin`), both builds read the same
files in turn, each in a separate process. Each line has the medians of processor seconds, and their ratio.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROBLEMS = 100_000
READ = """
import sys, time
from redraft.store.sources.reader import read
start = time.process_time()
count = sum(1 for _ in read(sys.argv[1]))
print(count, time.process_time() - start)
"""


def rows() -> Iterator[dict[str, Any]]:
    """Yields rows in the columns of GSM8K, with a solution of three lines."""
    for number in range(PROBLEMS):
        worked = f"First {number} + 1 = <<{number}+1={number + 1}>>{number + 1}.\nThen we stop.\n#### {number + 1:,}"
        yield {"question": f"Ann has {number} pens and buys one more. How many pens does she have?", "answer": worked}


def files(folder: Path) -> list[Path]:
    """Writes the rows as JSON lines, a JSON array, CSV and Parquet. Returns the files."""
    import duckdb

    lines, array = folder / "problems.jsonl", folder / "problems.json"
    lines.write_text("".join(f"{json.dumps(row)}\n" for row in rows()))
    array.write_text(json.dumps(list(rows())))
    with duckdb.connect() as connection:
        for ending, how in (("csv", "FORMAT csv, HEADER"), ("parquet", "FORMAT parquet")):
            connection.execute(f"COPY (FROM read_json('{lines}')) TO '{folder}/problems.{ending}' ({how})")
    return [lines, array, folder / "problems.csv", folder / "problems.parquet"]


def seconds(python: Path, file: Path) -> float:
    """Returns the processor seconds that a build takes to read a file."""
    done = subprocess.run([python, "-c", READ, file], check=True, capture_output=True, text=True)
    count, taken = done.stdout.split()[-2:]  # an earlier build may print a progress bar first
    assert int(count) == PROBLEMS
    return float(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--against", type=Path, help="the folder of another build's programs")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    builds = [Path(sys.executable), *([given.against / "python"] if given.against else [])]
    with tempfile.TemporaryDirectory() as folder:
        for file in files(Path(folder)):
            taken = [[seconds(build, file) for build in builds] for _ in range(given.runs)]
            medians = [statistics.median(times) for times in zip(*taken, strict=True)]
            other = (
                f", the other build {medians[1]:.2f} s, ratio {medians[0] / medians[1]:.2f}" if given.against else ""
            )
            print(f"{file.suffix}: {medians[0]:.2f} s{other}", flush=True)  # noqa: T201 - for the reader


if __name__ == "__main__":
    main()
