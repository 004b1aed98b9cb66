"""Measures the cost of each export format: `python bench/scale/exports.py`.

Stores of 10,000 and 100,000 trajectories are made by the store's own writer (`--sizes 10000 1000000` for other sizes).
Each cell is a separate process, `redraft export` with the format's own filters. The columns are rows, rows per
processor second, processor seconds minus those of an export of three rows (the startup), and peak memory in MB. The
last columns are the exponents of processor time and of memory: 1 is linear, 0 is constant.
"""

import argparse
import json
import math
import sys
import tempfile
from pathlib import Path

from made_store import Cost, cost, make_store, show

BIN = Path(sys.executable).parent
FORMATS = {
    "sft": (), "messages": (), "rise": (), "mended": (), "score": (), "dpo": (), "kto": (), "orm": (),
    "best_worst": ("grader=prm",), "prm": ("grader=prm",), "value": (), "prompts": (), "atif": (), "inspect_ai": (),
}  # fmt: skip
"""Each format with the arguments that it needs for this store."""


def exported(format: str, db: Path, folder: Path, limit: float) -> Cost | None:
    """Returns the cost of an export, or None if it exceeds the time limit. The exported file remains in the folder."""
    kind = "eval" if format == "inspect_ai" else "jsonl"
    command = [str(BIN / "redraft"), "export", str(folder / f"{format}.{kind}"), "--db", str(db), "--format", format]
    given = [part for argument in FORMATS[format] for part in ("--set", argument)]
    return cost([*command, "--overwrite", *given], limit)


def rows(format: str, folder: Path) -> int:
    """Returns the number of rows of an export."""
    if format != "inspect_ai":
        with (folder / f"{format}.jsonl").open("rb") as file:
            return sum(1 for _ in file)
    from zipfile import ZipFile

    with ZipFile(folder / f"{format}.eval") as archive:
        return json.loads(archive.read("header.json"))["results"]["total_samples"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000], help="trajectories of the stores")
    parser.add_argument("--only", nargs="+", choices=FORMATS, default=[*FORMATS], help="formats that are measured")
    parser.add_argument("--limit", type=float, default=1_800, help="seconds after which an export is given up")
    parser.add_argument("--folder", type=Path, help="where the stores are kept for another time")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder, work = given.folder or Path(place), Path(place)
        start, *stores = [folder / f"{size}.duckdb" for size in (80, *given.sizes)]
        for db, size in zip((start, *stores), (80, *given.sizes), strict=True):
            if not db.exists():
                make_store(db, size)
        numbers = [cell for size in given.sizes for cell in (f"{size:,}: rows", "rows/s", "s", "MB")]
        show("format", *numbers, "time grows as n^", "memory as n^")
        for format in given.only:
            floor = exported(format, start, work, given.limit)
            assert floor
            found = [(exported(format, db, work, given.limit), rows(format, work)) for db in stores]
            known = [(used, count) for used, count in found if used]
            own = [max(used.processor - floor.processor, 0.01) for used, _ in known]
            cells = [
                cell
                for (used, count), seconds in zip(known, own, strict=True)
                for cell in (f"{count:,}", f"{count / seconds:,.0f}", f"{seconds:.1f}", f"{used.memory:.0f}")
            ]
            span = math.log(given.sizes[-1] / given.sizes[0])
            powers = [
                f"{math.log(last / first) / span:.2f}" if span else ""
                for first, last in ((own[0], own[-1]), (known[0][0].memory, known[-1][0].memory))
            ]
            show(format, *cells, *powers)


if __name__ == "__main__":
    main()
