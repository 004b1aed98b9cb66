"""Runs jobs with several processes on this machine. Each is a worker that leases shards of the problems."""

import asyncio
import io
import pickle
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from copyreg import dispatch_table
from types import MappingProxyType
from typing import Any, NamedTuple

from redraft.flows.display.progress import Counted, Counts, Progress
from redraft.flows.fleet.worker_messages import EndEvent, ErrorEvent, NoteEvent, UnitEvent, Work, decoded
from redraft.flows.settings import SettingsError
from redraft.flows.units.shutdown import short_shutdown
from redraft.flows.units.stage_job import StageJob
from redraft.llm.client.budget import BudgetTooSmall
from redraft.llm.model import ModelError
from redraft.llm.usage import Amount
from redraft.store.errors import RedraftError, plural
from redraft.store.journal_files import remove_unanswered
from redraft.store.waiting import off_loop

EXPECTED = (2, 130)
"""The exit codes of workers that met an error, or were stopped."""
LONGEST_LINE = 2**24  # bytes
PATIENCE_S = 5.0  # seconds until a worker that does not end is killed


class WorkersDied(RedraftError):
    """Raised if every worker process died before the work was done."""


class Ended(NamedTuple):
    """A run that has ended: its id, a sentence about the budget that is used up, and what was used of it."""

    run_id: str
    spent: str | None
    used: Amount


@asynccontextmanager
async def fleet_of(workers: int, progress: Progress) -> AsyncIterator["Fleet | None"]:
    """Yields a fleet of so many worker processes, or None if there is one."""
    if workers == 1:
        yield None
        return
    fleet = Fleet(workers, progress)
    try:
        yield fleet
    finally:
        await fleet.close()


async def run_job(job: StageJob[Any], fleet: "Fleet | None") -> Ended:
    """Does a job with a fleet, or in this process. Raises what the job raises; a ModelError says in `used` how much was
    used."""
    try:
        if fleet:
            return await fleet.run(job)
        return Ended(await job.run(), job.client.exhausted, job.client.used)
    except BudgetTooSmall:
        await off_loop(job.end_budget)
        raise
    except ModelError as error:
        error.used = error.used or job.client.used
        raise


class Fleet:
    """Worker processes, which do one job after the other. They are started when the first job needs them."""

    def __init__(self, count: int, progress: Progress) -> None:
        self._count, self._progress = count, progress
        self._workers: list[_Worker] = []
        self._stopping = False
        self._error: ErrorEvent | None = None
        self._said: set[str] = set()
        self._counted: dict[str, Counts] = {}  # what was told of each unit

    async def run(self, job: StageJob[Any]) -> Ended:
        """Begins a run of a job, lets the workers do it, and returns when it has ended. If this is cancelled, the
        workers store what is finished, and end. Raises SettingsError if several processes can't do the job, what a
        worker raised, and WorkersDied."""
        _check(job, self._count)
        work = Work(type(job), job.packed(), job.store.path, "")
        pickled(work)  # finds mistakes before the run begins
        await off_loop(job.leases.lead, self._count)
        plan = await job.begin()
        if not plan.todo:
            await job.run(plan.run_id)
            return Ended(plan.run_id, None, Amount())
        self._progress.begin(plan)
        self._error, self._said, self._counted = None, set(), {}
        status, ended, spent = "failed", list[EndEvent](), None
        try:
            try:
                await self._do(pickled(work._replace(run_id=plan.run_id)), min(self._count, plan.todo), ended)
            except ModelError as error:
                error.used = _sum(ended)
                raise
            spent = next((event.spent for event in ended if event.spent), None)
            status = "budget" if spent else "finished"
        except asyncio.CancelledError:
            status = "interrupted"
            raise
        finally:
            async with short_shutdown(status, job.store, self._progress.say):
                if job.store.journals and status in ("failed", "interrupted"):
                    await off_loop(remove_unanswered, job.store.journals)
                await off_loop(job.store.end_run, plan.run_id, status, {"reason": spent} if spent else {})
            self._progress.end(status)
        await off_loop(job.end_budget)
        return Ended(plan.run_id, spent, _sum(ended))

    async def close(self) -> None:
        """Ends the workers."""
        self._stopping = True
        await asyncio.gather(*(worker.close() for worker in self._workers))

    async def _do(self, work: bytes, count: int, ended: list[EndEvent]) -> None:
        """Gives so many workers their work, and puts into `ended` how it ended."""
        self._workers = [worker for worker in self._workers if worker.is_alive]
        while len(self._workers) < count and not self._stopping:
            self._workers.append(await _Worker.start(len(self._workers) + 1, self))
        working = [asyncio.create_task(worker.do(work)) for worker in self._workers[:count]]
        try:
            await asyncio.wait(working)
        except asyncio.CancelledError:
            self._stop()
            await asyncio.wait(working)  # what the workers say is read until they end: a full pipe would hold them up
            raise
        ended += [event for task in working if (event := task.result())]
        if self._error:
            raise self._error.error()
        if not ended:
            raise WorkersDied(
                f"{plural(count, 'worker')} died before the work was done: see what killed them, such as a lack"
                " of memory, and give the same command again, which goes on from here"
            )

    def take(self, event: UnitEvent | NoteEvent | ErrorEvent) -> None:
        """Passes on what a worker says."""
        match event:
            case UnitEvent():
                if isinstance(self._progress, Counted):
                    self._progress.counted(event.problem_id, event.status, self._news(event))
            case ErrorEvent() if self._error is None:
                self._error = event
                self._stop()
            case NoteEvent(text) if text and text not in self._said and not self._stopping:
                self._said.add(text)
                self._progress.say(text)
            case _:
                pass

    def died(self, number: int, process: Process) -> None:
        """Tells that a worker died in the middle of its work."""
        assert process.returncode is not None
        if process.returncode not in EXPECTED and not self._stopping:
            others = any(worker.is_alive for worker in self._workers)
            rest = ": the other workers take over its problems" if others else ""
            self._progress.say(f"worker {number} (process {process.pid}) {_end(process.returncode)}{rest}")

    def _news(self, event: UnitEvent) -> Counts:
        """Returns the counts of a unit without what was told of it before: a unit that a budget cut short, or whose
        worker died, is finished once more. The tokens of a unit that was cut short are those of its last part alone."""
        now = event.counts
        before = self._counted.get(event.unit_id, Counts())
        self._counted[event.unit_id] = now._replace(tokens=0) if event.status == "cut" else now
        return Counts(*(new - old for new, old in zip(now, before, strict=True)))

    def _stop(self) -> None:
        """Tells the workers to end in order."""
        self._stopping = True
        for worker in self._workers:
            worker.stop()


class _Worker:
    """A worker process: it takes one job after the other, and says how each has ended."""

    def __init__(self, number: int, process: Process, fleet: Fleet) -> None:
        self._number, self._process, self._fleet = number, process, fleet
        self._ended: asyncio.Future[EndEvent | None] = asyncio.get_running_loop().create_future()
        self._at_work = False
        self._listening = asyncio.create_task(self._listen_until_end())

    @classmethod
    async def start(cls, number: int, fleet: Fleet) -> "_Worker":
        """Starts a process."""
        command = sys.executable, "-m", "redraft.flows.fleet.worker"
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=LONGEST_LINE,
            start_new_session=True,  # Ctrl-C reaches the command alone, which tells the workers
        )
        return cls(number, process, fleet)

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None

    async def do(self, work: bytes) -> EndEvent | None:
        """Gives the process its work. Returns how it ended, or None if the process died or met an error."""
        self._ended, self._at_work = asyncio.get_running_loop().create_future(), True
        if not self.is_alive:
            return None
        assert self._process.stdin
        with suppress(OSError):  # it died at once
            self._process.stdin.write(work)
            await self._process.stdin.drain()
        ended = await self._ended
        self._at_work = False
        return ended

    def stop(self) -> None:
        """Tells the process to end in order."""
        if self.is_alive:
            with suppress(ProcessLookupError):
                self._process.terminate()

    async def close(self) -> None:
        """Ends the process, and returns when it has ended."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.shield(self._listening)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._listening

    async def _listen_until_end(self) -> None:
        await asyncio.gather(self._listen(self._process.stdout), self._listen(self._process.stderr))
        await self._process.wait()
        if self._at_work and not self._ended.done():
            self._fleet.died(self._number, self._process)
            self._ended.set_result(None)

    async def _listen(self, stream: asyncio.StreamReader | None) -> None:
        assert stream
        async for line in stream:
            event = decoded(line)
            if isinstance(event, EndEvent):
                self._ended.set_result(event)
            else:
                self._fleet.take(event)


def _check(job: StageJob[Any], workers: int) -> None:
    """Raises SettingsError if several processes can't do a job."""
    if not isinstance(job.common.model, str):
        raise SettingsError(f"workers={workers}: give the model by its name, since each worker opens it anew")
    if job.store.path == ":memory:":
        raise SettingsError(f"workers={workers}: workers share a file: name one as the store")
    if job.common.arguments.get("feedback") == "human":
        raise SettingsError(f"workers={workers}: one process alone can ask a person: leave the workers out")


def pickled(work: Work) -> bytes:
    """Returns the work as bytes. Raises SettingsError if a part is not given by its name."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file)
    pickler.dispatch_table = {**dispatch_table, MappingProxyType: lambda mapping: (dict, (dict(mapping),))}
    try:
        pickler.dump(work)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise SettingsError(
            f"workers: a part of your own must be given by its name, such as path.py:function ({error})"
        ) from error
    return file.getvalue()


def _sum(events: list[EndEvent]) -> Amount:
    total = Amount()
    for event in events:
        total.add(event.used)
    return total


def _end(code: int) -> str:
    """Returns how a process ended, as text."""
    if code >= 0:
        return f"ended with exit code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"
