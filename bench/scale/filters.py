"""Measures the cost of each filter in addition to the default filters: `python bench/scale/filters.py`.

A store of 100,000 trajectories is made by the store's own writer (`--size 1000000` for a million). Each line is a
separate process, `redraft filter` with the default filters and one more. The columns are processor seconds, wall
seconds, peak memory in MB, and the additional processor seconds as a share of those of the default filters alone.
`--times 5` runs each command five times in turn and takes the run with the fewest processor seconds, because other work
on the machine increases them. The test set of `contaminated` has 10,000 questions of the built-in generator.

The last lines do the work of the default filters `correct`, `length` and `cap` with other libraries on the same rows,
which `redraft query` has written to Parquet: `datasets` (filter, filter, map, to_json), and `datatrove` (a reader, a
filter and a writer of JSON lines) if `--peers` names a Python that has it.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from made_store import Cost, cost, make_store, show

BIN = Path(sys.executable).parent
DEFAULTS = ("correct", "length", "equations", "duplicates", "cap")
TESTS = "contaminated against=builtin:seed=3 limit=10000"
FILTERS = {
    "agreement": ("agreement",), "score": ("score grader=prm least=0.1",),
    "difficulty": ("difficulty least=0.01 most=0.9 balance=true",), "answered": ("answered alone=true",),
    "unaided": ("unaided",), "split": ("split",), "a filter in Python that keeps all": ("{own}:keep",),
    "loops": ("loops",), "language": ("language",),
    "near_duplicates": ("near_duplicates",), "near_duplicates of=question": ("near_duplicates of=question",),
    "contaminated, 10,000 tests": (TESTS,), "contaminated by=near": (f"{TESTS} by=near",),
    "near_duplicates of both, contaminated": ("near_duplicates", "near_duplicates of=question", TESTS),
    "same_meaning": ("same_meaning",),
}  # fmt: skip
KEEP = "def keep():\n    return lambda candidate: None\n"
ROWS = """
SELECT trajectory_id, question, t.text, t.answer, t.correct, t.tokens, t.stop
FROM trajectories t JOIN problems USING (problem_id) WHERE role <> 'rollout' ORDER BY problem_id, sample"""
DATASETS = """
import sys
from collections import Counter
from datasets import Dataset, disable_progress_bars
disable_progress_bars()
seen = Counter()
def first(row):
    seen[row["question"]] += 1
    return seen[row["question"]] <= 4
rows = Dataset.from_parquet(sys.argv[1], cache_dir=sys.argv[3])
rows = rows.filter(lambda row: row["correct"] is True and row["stop"] != "length" and row["tokens"] <= 1024)
rows = rows.filter(first).map(lambda row: {"prompt": row["question"], "completion": row["text"]})
rows.select_columns(["prompt", "completion"]).to_json(sys.argv[2])
"""
DATATROVE = """
import sys
from collections import Counter
from pathlib import Path
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.filters import LambdaFilter
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import JsonlWriter
seen = Counter()
def good(document):
    facts = document.metadata
    if facts["correct"] is not True or facts["stop"] == "length" or facts["tokens"] > 1024:
        return False
    seen[facts["question"]] += 1
    return seen[facts["question"]] <= 4
file = Path(sys.argv[1])
reader = ParquetReader(str(file.parent), glob_pattern=file.name, id_key="trajectory_id")
writer = JsonlWriter(sys.argv[3], compression=None)
LocalPipelineExecutor([reader, LambdaFilter(good), writer], tasks=1, logging_dir=sys.argv[3] + "/logs").run()
"""


def line(name: str, found: Cost | None, base: Cost) -> None:
    if found is None:
        show(name, "over the limit", "", "", "")
        return
    share = (found.processor - base.processor) / base.processor
    show(name, f"{found.processor:.1f}", f"{found.wall:.1f}", f"{found.memory:.0f}", f"{share:.2f}")


def least(runs: Sequence[Cost | None]) -> Cost | None:
    """Returns the run with the fewest processor seconds, or None if all exceeded the time limit."""
    return min((run for run in runs if run), key=lambda run: run.processor, default=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--size", type=int, default=100_000, help="trajectories of the store")
    parser.add_argument("--only", nargs="+", default=[], help="lines that are measured, by their beginning")
    parser.add_argument("--limit", type=float, default=1_800, help="seconds after which a command is given up")
    parser.add_argument("--times", type=int, default=1, help="how often each filter is run; the least counts")
    parser.add_argument("--folder", type=Path, help="where the store is kept for another time")
    parser.add_argument("--peers", help="a Python that has datatrove")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = given.folder or Path(place)
        db, rows = folder / f"{given.size}.duckdb", folder / f"{given.size}.parquet"
        if not db.exists():
            make_store(db, given.size)
        own = Path(place) / "own.py"
        own.write_text(KEEP)

        def filtered(more: tuple[str, ...]) -> Cost | None:
            chain = [part for name in (*DEFAULTS, *more) for part in ("--filter", name.format(own=own))]
            return cost([str(BIN / "redraft"), "filter", "--db", str(db), *chain], given.limit)

        named = {name: more for name, more in FILTERS.items() if not given.only or name.startswith(tuple(given.only))}
        runs = [(filtered(()), [filtered(more) for more in named.values()]) for _ in range(given.times)]
        base = least([first for first, _ in runs])
        assert base
        show("filters", "processor s", "s", "MB", "more than the default filters")
        line("default filters", base, base)
        for name, found in zip(named, zip(*(others for _, others in runs), strict=True), strict=True):
            line(name, least(found), base)
        if not rows.exists():
            cost([str(BIN / "redraft"), "query", ROWS, "--db", str(db), "--parquet", str(rows)], given.limit)
        target = str(Path(place) / "rows.jsonl")
        exported = [str(BIN / "redraft"), "export", target, "--db", str(db), "--overwrite"]
        chain = [part for name in ("correct", "length", "cap") for part in ("--filter", name)]
        line("redraft export, three filters", cost([*exported, *chain], given.limit), base)
        arguments = [str(rows), target, str(Path(place) / "peer")]
        line("datasets, the same", cost([sys.executable, "-c", DATASETS, *arguments], given.limit), base)
        if given.peers:
            line("datatrove, the same", cost([given.peers, "-c", DATATROVE, *arguments], given.limit), base)


if __name__ == "__main__":
    main()
