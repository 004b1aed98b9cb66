"""A store that somebody else has open: a run waits its turn off the event loop, says for whom, and can be stopped."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from redraft.flows.annotate import annotate
from redraft.flows.display.progress import Silent
from redraft.flows.evaluate import evaluate
from redraft.flows.export import export
from redraft.flows.filter import filter as filter_stage
from redraft.flows.generate import generate
from redraft.flows.importing import importing
from redraft.flows.label import label, label_from
from redraft.flows.settings import Settings
from redraft.flows.setup.doctor import examine
from redraft.flows.solve import solve
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.errors import StoreHeld
from redraft.store.unit import Unit

Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]
Stage = Callable[[Path], Awaitable[Any]]

HOLD = "import duckdb, sys; held = duckdb.connect(sys.argv[1], read_only={}); print(1, flush=True); sys.stdin.read()"
JOB: dict[str, Any] = {"strategy": "best_of_n", "samples": 2}


class Holder:
    """Another process that has a store open, until it is told to `let_go`."""

    def __init__(self, db: Path, *, read_only: bool) -> None:
        command = [sys.executable, "-c", HOLD.format(read_only), str(db)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid
        assert self._process.stdout
        self._process.stdout.readline()

    def let_go(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store that another process has open for writing, so that nobody else may even read it."""
    folder = tmp_path_factory.mktemp("held")
    db = folder / "redraft.duckdb"
    Store(db).close()
    (folder / "labels.jsonl").write_text('{"trajectory_id": "t", "turn": 1, "verdict": "right"}\n')
    row = {"question": "What is 1 + 1?", "answer": "2", "messages": [{"role": "assistant", "content": "2"}]}
    (folder / "chats.jsonl").write_text(json.dumps(row) + "\n")
    holder = Holder(db, read_only=False)
    late = threading.Timer(120, holder.let_go)  # an event loop that is blocked would wait for ever
    late.start()
    yield db
    late.cancel()
    holder.let_go()


async def nobody(*_: Any) -> Any:
    raise AssertionError("nobody is asked before the store is open")


STAGES: dict[str, Stage] = {
    "generate": lambda db: generate("builtin", db=db, limit=1, samples=1),
    "evaluate": lambda db: evaluate("builtin", db=db, limit=1, settings=Settings(samples=1)),
    "annotate": lambda db: annotate(db=db, grader="likelihood"),
    "filter": lambda db: filter_stage(db=db),
    "export": lambda db: export(db.with_name("rows.jsonl"), db=db),
    "import": lambda db: importing(db.with_name("chats.jsonl"), format="chats", db=db),
    "label": lambda db: label(nobody, by="ann", db=db),
    "label --from": lambda db: label_from(db.with_name("labels.jsonl"), by="ann", db=db),
    "solve": lambda db: solve(Problem("What is 1 + 1?"), Settings(), db, quiet()),
    "doctor": lambda db: examine(db=str(db)),
}


def quiet() -> Any:
    from rich.console import Console

    return Console(quiet=True)


@pytest.mark.parametrize("stage", STAGES)
async def test_each_stage_waits_off_the_event_loop_and_can_be_cancelled(shared: Path, stage: str) -> None:
    work = asyncio.ensure_future(STAGES[stage](shared))
    for _ in range(30):
        await asyncio.sleep(0.02)
    assert not work.done()
    work.cancel()
    stopped = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert time.monotonic() - stopped < 10
    assert not Path(f"{shared}.journal").exists()


async def until(met: Callable[[], bool]) -> None:
    while not met():  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.01)


class Heard(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []
        self.ended = ""

    def say(self, text: str) -> None:
        self.said.append(text)

    def end(self, status: str) -> None:
        self.ended = status


async def test_a_run_waits_its_turn_for_an_open_reader_and_goes_on(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    db, heard = tmp_path / "redraft.duckdb", Heard()
    Store(db).close()
    holder = Holder(db, read_only=True)
    run = asyncio.create_task(generate(sums(2), db=db, model=adder(lambda *_: True), progress=heard, **JOB))
    await until(lambda: bool(heard.said))
    assert heard.said == [f"waits its turn: process {holder.pid} has {db} open"]
    assert not run.done()
    await asyncio.to_thread(holder.let_go)
    assert (await run).trajectories == 4
    assert len(heard.said) == 1


def test_a_program_sees_whom_it_waits_for_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    db = tmp_path / "redraft.duckdb"
    Store(db).close()
    holder = Holder(db, read_only=True)
    program = (
        "import asyncio, sys; from redraft.flows.generate import generate\n"
        "asyncio.run(generate('builtin', db=sys.argv[1], limit=1, samples=1))"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(db)], stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr
        assert run.stderr.readline() == f"waits its turn: process {holder.pid} has {db} open\n"
        stopped = time.monotonic()
        run.send_signal(signal.SIGINT)
        *_, last = run.stderr.read().split()
    assert last == "KeyboardInterrupt"
    assert time.monotonic() - stopped < 20
    holder.let_go()
    assert Store(db).query("SELECT count(*) FROM runs").rows == [(0,)]


def test_who_waits_long_is_told_how_to_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redraft.store.tables.database.queue.LONG_S", 0.7)
    db, told = tmp_path / "redraft.duckdb", list[str]()

    def waiting(text: str) -> None:
        told.append(text)
        if len(told) == 2:
            holder.let_go()

    store = Store(db, waiting=waiting)
    holder = Holder(db, read_only=True)
    store.start_run("generate", "r", "s", "m", {})
    first, second = told
    assert first == f"waits its turn: process {holder.pid} has {db} open"
    assert second.startswith(f"still waits: process {holder.pid} has had {db} open for 0.7 s: close it there, or end")
    assert f"`kill {holder.pid}`" in second


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("attached", [True, False])
async def test_a_connection_of_this_process_is_told_at_once(
    tmp_path: Path, sums: Sums, adder: Adder, read_only: bool, attached: bool
) -> None:
    """As somebody who looks at the store in a notebook forgets it."""
    db, model = tmp_path / "redraft.duckdb", adder(lambda *_: True)
    await generate(sums(1), db=db, model=model, **JOB)
    mine = duckdb.connect() if attached else duckdb.connect(db, read_only=read_only)
    if attached:
        mine.execute(f"ATTACH '{db}' AS mine {'(READ_ONLY)' if read_only else ''}")
    begun = time.monotonic()
    for work in (generate(sums(2), db=db, model=model, **JOB), filter_stage(db=db)):
        with pytest.raises(StoreHeld, match=r"duckdb is open in a DuckDB connection of this very process: close"):
            await work
    assert time.monotonic() - begun < 20
    mine.close()
    assert (await generate(sums(2), db=db, model=model, **JOB)).trajectories == 4


async def test_a_look_at_the_store_while_a_run_is_at_work_does_not_end_it(
    tmp_path: Path, sums: Sums, adder: Adder
) -> None:
    db = tmp_path / "redraft.duckdb"
    mine: list[duckdb.DuckDBPyConnection] = []

    class Looks(Heard):
        def unit(self, problem: Problem, unit: Unit) -> None:
            if not mine:
                mine.append(duckdb.connect(db, read_only=True))
                asyncio.get_running_loop().call_later(1.5, mine[0].close)

    class Slow(Scripted):
        async def complete(self, request: Any) -> Any:
            await asyncio.sleep(0.3 * len(mine))
            return await super().complete(request)

    quick, heard = adder(lambda *_: True), Looks()
    slow = Slow(quick._script, name="adder")  # pyright: ignore[reportPrivateUsage]
    summary = await generate(sums(12), db=db, model=slow, concurrency=1, progress=heard, **JOB)
    assert summary.trajectories == 24
    assert [text for text in heard.said if "this very process" in text] == heard.said != []


async def test_a_run_that_is_stopped_leaves_what_it_can_not_store_to_its_journal(
    tmp_path: Path, sums: Sums, adder: Adder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redraft.flows.units.shutdown.SHUTDOWN_S", 0.5)
    db, heard, asked = tmp_path / "redraft.duckdb", Heard(), 0
    holders: list[Holder] = []

    def script(number: int, sample: int, turn: int) -> bool:
        nonlocal asked
        asked += 1
        if not holders:
            holders.append(Holder(db, read_only=True))
        return True

    class Stuck(Scripted):
        async def complete(self, request: Any) -> Any:
            if asked >= 6:
                await asyncio.Event().wait()
            return await super().complete(request)

    quick = adder(script)
    stuck = Stuck(quick._script, name="adder")  # pyright: ignore[reportPrivateUsage]
    run = asyncio.create_task(generate(sums(9), db=db, model=stuck, progress=heard, concurrency=1, **JOB))
    await until(lambda: asked >= 6)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert heard.ended == "interrupted"
    assert heard.said[-1].startswith(f"{db} is in use: what is finished waits in the journal")
    holders[0].let_go()
    asked = -100
    assert (await generate(sums(9), db=db, model=quick, **JOB)).trajectories == 18
    assert asked == -100 + 12
