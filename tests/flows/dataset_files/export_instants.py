"""Runs an export again and again, and sends it a signal at each line of the code that completes, places and records it:
`python export_instants.py FOLDER NAME SIGNAL FUNCTION STEP`, from FUNCTION on, one line in STEP. FOLDER has a store and
an export of format kto, which the exports of format rise overwrite. Prints for each instant which export stands at its
name, which one the store knew last, and what else is there. Instant 0 is that no signal is sent."""

import json
import os
import shutil
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import duckdb

from redraft.flows.cli.signals import run
from redraft.flows.dataset_files import card, writer
from redraft.flows.export import export
from redraft.store import Store
from redraft.store.exports import export_file
from redraft.store.tables import runs

MODULES = (writer, export_file, runs, card)
WATCHED = {export.__code__.co_filename, *(str(module.__file__) for module in MODULES)}
folder, name, number, begin, step = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])


def work(own: Path, at: int) -> int:
    """Runs the export, and sends the signal at this instant. Returns the number of instants."""
    lines: set[tuple[str, int]] = set()

    def traced(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in WATCHED:
            return None
        place = (frame.f_code.co_filename, frame.f_lineno)
        if event == "line" and place not in lines and (lines or frame.f_code.co_name == begin):
            lines.add(place)
            if len(lines) == at:
                os.kill(os.getpid(), number)
        return traced

    threading.settrace(traced)
    run(export(f"{own}/{name}", db=own / "redraft.duckdb", format="rise", overwrite=True), lambda text: None)
    return len(lines)


def forked(function: Any, *given: Any) -> Any:
    """Returns what the function returns in a process of its own; None if it was stopped."""
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            os.write(writing, json.dumps(function(*given)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        told = stream.read()
    os.waitpid(pid, 0)
    return json.loads(told) if told else None


def seen(own: Path) -> tuple[str | None, str, list[str]]:
    """Returns the format of the export that stands, and of the one that was recorded last; and what else is there."""
    target = own / name.rstrip("/")
    rows = target / "data" / "train-00000-of-00001.parquet" if name.endswith("/") else target
    stands = None
    if rows.exists():
        columns = {column for column, *_ in duckdb.sql(f"DESCRIBE FROM '{rows}'").fetchall()}
        stands = "rise" if "weight" in columns else "kto"
    with Store(own / "redraft.duckdb") as store:
        recorded = store.query("SELECT format FROM datasets ORDER BY created_at DESC LIMIT 1").rows[0][0]
    known = {target.name, "redraft.duckdb", "redraft.duckdb.journal", "redraft.duckdb.wal"}
    return stands, recorded, sorted(left.name for left in own.iterdir() if left.name not in known)


def main() -> None:
    at, instants = 0, 0
    while at <= instants:
        own = folder / f"own{at}"
        shutil.copytree(folder, own, ignore=shutil.ignore_patterns("own*"))
        made = forked(work, own, at)
        instants = instants or made
        sys.stdout.write(json.dumps([at, *forked(seen, own)]) + "\n")
        shutil.rmtree(own)
        at += step


main()
