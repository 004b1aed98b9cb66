"""An export that is stopped leaves nothing that looks complete."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from redraft.flows.export import export
from redraft.flows.generate import generate
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.exports.export_file import MARK, check_export_folder, placed, working_folder

Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]
NAMES = ["a.jsonl", "a.jsonl.zst", "a.parquet", "a/"]

LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
from redraft.flows.dataset_files.writer import opened_output
from redraft.flows.dataset_files.target import ExportError, Target
try:
    with opened_output(Target.of(sys.argv[1])) as output:
        for number in range(1000):
            row = {"x": str(hash(str(number)))}
            if sys.argv[1].endswith(".eval"):
                row |= dict.fromkeys(("input", "target", "uuid", "total_time", "turn_count"), row["x"])
                row |= dict.fromkeys(("scores", "metadata", "model_usage", "messages"), {})
                row |= {"id": "p", "epoch": number, "output": {"model": "m"}, "started_at": "", "completed_at": ""}
            output.write(str(row).replace("'", '"').encode() + b"\\n", row, "p")
        output.complete()
except ExportError as error:
    sys.exit(str(error))
"""
WAITING = """
import sys, time
from redraft.flows.dataset_files.writer import opened_output
from redraft.flows.dataset_files.target import Target
with opened_output(Target.of(sys.argv[1])) as output:
    output.write(b'{"x": 1}' + b"\\n", {"x": 1}, "p")
    output.complete()
    print("written", flush=True)
    time.sleep(600)
"""

KILLED = """
import os, signal, sys
from pathlib import Path
from redraft.store.exports.export_file import placed
new, folder = map(Path, sys.argv[1:])
moves = []
def killed(event, arguments):
    if event == "os.rename" and len(moves) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if event == "os.rename":
        moves.append(arguments)
sys.addaudithook(killed)
with placed(new, folder):
    pass
"""


@pytest.mark.parametrize("name", [*NAMES, "a.eval"])
def test_a_full_disk_ends_with_one_line(name: str, tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk: writing fails in the same places."""
    command = [sys.executable, "-c", LIMITED, f"{tmp_path}/{name}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    wanted = f"{tmp_path / name} can't be written: File too large: free some space"
    assert done.stderr.startswith(wanted)
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_what_a_killed_export_left_is_removed_by_the_next(name: str, tmp_path: Path, sums: Sums, adder: Adder) -> None:
    target = f"{tmp_path / 'out'}/{name}"
    (tmp_path / "out").mkdir()
    with subprocess.Popen([sys.executable, "-c", WAITING, target], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "written\n"
        [left] = (tmp_path / "out").iterdir()
        assert left.name.startswith(".a")
        os.kill(process.pid, signal.SIGKILL)
    assert left.exists()
    store = Store(tmp_path / "redraft.duckdb")
    asyncio.run(generate(sums(1), db=store, model=adder(lambda number, sample, turn: True), samples=1))
    asyncio.run(export(target, db=store))
    assert [found.name for found in (tmp_path / "out").iterdir()] == [name.rstrip("/")]


def test_a_folder_that_another_process_makes_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WAITING, f"{tmp_path}/a/"], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        with working_folder(tmp_path / "a") as own:
            assert len(list(tmp_path.iterdir())) == 2
        time.sleep(0.01)
        assert not own.exists()
        assert len(list(tmp_path.iterdir())) == 1
        process.kill()


def test_a_folder_that_was_to_be_replaced_survives_a_kill_between_the_two_moves(tmp_path: Path) -> None:
    folder, new = tmp_path / "a", tmp_path / "new"
    for path, text in ((folder, MARK), (new, f"{MARK} new")):
        path.mkdir()
        (path / "README.md").write_text(text)
    done = subprocess.run([sys.executable, "-c", KILLED, new, folder], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not folder.exists()
    check_export_folder(":memory:", folder, overwrite=True)
    assert (folder / "README.md").read_text() == MARK
    with placed(new, folder):
        pass
    assert (folder / "README.md").read_text() == f"{MARK} new"
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize(
    ("name", "number", "begin", "step"),
    [
        ("a/", signal.SIGINT, "complete", 9),
        ("a/", signal.SIGKILL, "add_dataset", 1),
        ("a.jsonl", signal.SIGKILL, "add_dataset", 3),
    ],
)
def test_an_export_is_recorded_only_if_it_stands_whatever_the_instant_of_a_signal(
    name: str, number: signal.Signals, begin: str, step: int, tmp_path: Path, sums: Sums, adder: Adder
) -> None:
    """The export stands at its name before the store knows of it. Only a kill can leave it there unrecorded, or leave
    beside its name what it was to replace, which the next export moves back."""
    store = Store(tmp_path / "redraft.duckdb")
    asyncio.run(generate(sums(4), db=store, model=adder(lambda number, sample, turn: sample == 0), samples=2))
    asyncio.run(export(f"{tmp_path}/{name}", db=store, format="kto"))
    program = str(Path(__file__).with_name("export_instants.py"))
    command = [sys.executable, program, str(tmp_path), name, str(int(number)), begin, str(step)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) > 6
    assert found[0] == [0, "rise", "rise", []], "nothing was sent"
    for instant, stands, recorded, left in found:
        assert recorded == "kto" or stands == "rise", (instant, stands, recorded)
        assert stands or (number == signal.SIGKILL and ".a.before" in left), instant
        if number == signal.SIGINT:
            assert (recorded, left) == (stands, []), instant
    assert {recorded for _, _, recorded, _ in found} == {"kto", "rise"}
    assert sum(stands != recorded for _, stands, recorded, _ in found) <= 6, "the lines from the move to the commit"


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("before", ["", "before"])
def test_an_export_that_cannot_be_recorded_does_not_stand(kind: str, before: str, tmp_path: Path) -> None:
    target, new = tmp_path / "a", tmp_path / "new"

    def text(path: Path) -> Path:
        return path if kind == "file" else path / "x"

    for path, written in ((target, before), (new, "new")):
        if written:
            text(path).parent.mkdir(exist_ok=True)
            text(path).write_text(written)
    with suppress(ZeroDivisionError), placed(new, target):
        assert text(target).read_text() == "new"
        _ = 1 / 0
    if before:
        assert text(target).read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == (["a"] if before else [])
