"""Runs one job with several worker processes on this machine. Each worker leases shards of the problems."""

import asyncio
import io
import pickle
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from copyreg import dispatch_table
from types import MappingProxyType

from redraft.flows.display.progress import Counted, Progress
from redraft.flows.fleet.worker_messages import EndEvent, ErrorEvent, NoteEvent, UnitEvent, Work, decoded
from redraft.flows.generation.job import Job
from redraft.flows.settings import Settings, SettingsError
from redraft.flows.units.shutdown import short_shutdown
from redraft.llm.model import Cause, ModelError
from redraft.llm.usage import Amount
from redraft.store.errors import RedraftError, plural
from redraft.store.fields import described
from redraft.store.waiting import off_loop

EXPECTED = (2, 130)
"""The exit codes of workers that ended with an error, or were stopped."""


class WorkersDied(RedraftError):
    """Raised if every worker process died before the work was done."""


class Fleet:
    """The worker processes of one job. `used` is what they used of the run's budget. `spent` is a sentence that names
    the budget that is used up, or None."""

    def __init__(self, job: Job, workers: int, progress: Progress) -> None:
        self._job, self._count, self._progress = job, workers, progress
        self._processes: list[Process] = []
        self._ended: list[EndEvent] = []
        self._error: ErrorEvent | None = None
        self._stopping = False
        self._said: set[str] = set()

    @property
    def spent(self) -> str | None:
        return next((event.spent for event in self._ended if event.spent), None)

    @property
    def used(self) -> Amount:
        total = Amount()
        for event in self._ended:
            total.add(event.used)
        return total

    async def run(self, source: str) -> str:
        """Begins a run, lets the workers do it, and returns its id. If the call is cancelled, the workers store what is
        finished, and end. Raises the errors of workers, and WorkersDied."""
        job = self._job
        work = packed(job, self._count)
        pickled(work)  # reports mistakes before the run begins
        plan = await job.begin(source)
        self._progress.begin(plan)
        status = "failed"
        try:
            await self._work(pickled(work._replace(run_id=plan.run_id)))
            status = "budget" if self.spent else "finished"
        except asyncio.CancelledError:
            status = "interrupted"
            raise
        finally:
            async with short_shutdown(status, job.store, self._progress.say):
                await off_loop(job.store.end_run, plan.run_id, status, {"reason": self.spent} if self.spent else {})
            self._progress.end(status)
        await off_loop(job.end_budget)
        return plan.run_id

    async def _work(self, work: bytes) -> None:
        watching = [asyncio.create_task(self._watch(number, work)) for number in range(1, self._count + 1)]
        try:
            await asyncio.wait(watching)
        except asyncio.CancelledError:
            self._stop()
            await asyncio.wait(watching)  # workers' output is read until they end: a full pipe would block them
            raise
        for task in watching:
            task.result()
        if self._error:
            raise _raised(self._error)
        if not any(process.returncode == 0 for process in self._processes):
            raise WorkersDied(
                f"{plural(self._count, 'worker')} died before the work was done: see what killed them, such as a lack"
                " of memory, and give the same command again, which goes on from here"
            )

    async def _watch(self, number: int, work: bytes) -> None:
        """Starts a worker, sends it its work, and handles its events until it ends."""
        command = sys.executable, "-m", "redraft.flows.fleet.worker"
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,  # Ctrl-C reaches only this process, which then stops the workers
        )
        self._processes.append(process)
        if self._stopping:
            process.terminate()
        assert process.stdin
        with suppress(OSError):  # it died at once
            process.stdin.write(work)
            await process.stdin.drain()
        await asyncio.gather(self._listen(process.stdout), self._listen(process.stderr))
        code = await process.wait()
        if code not in (0, *EXPECTED) and not self._stopping:
            others = any(other.returncode is None for other in self._processes)
            rest = ": the other workers take over its problems" if others else ""
            self._progress.say(f"worker {number} (process {process.pid}) {_end(code)}{rest}")

    async def _listen(self, stream: asyncio.StreamReader | None) -> None:
        assert stream
        async for line in stream:
            match decoded(line):
                case UnitEvent(problem_id, status, counts):
                    if isinstance(self._progress, Counted):
                        self._progress.counted(problem_id, status, counts)
                case EndEvent() as event:
                    self._ended.append(event)
                case ErrorEvent() as event if self._error is None:
                    self._error = event
                    self._stop()
                case NoteEvent(text) if text and text not in self._said and not self._stopping:
                    self._said.add(text)
                    self._progress.say(text)
                case _:
                    pass

    def _stop(self) -> None:
        """Asks the workers to end in order."""
        self._stopping = True
        for process in self._processes:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.terminate()


def packed(job: Job, workers: int) -> Work:
    """Returns the data about a job that workers need, except the run. Raises SettingsError if another process can't do
    the job."""
    settings = job.settings
    if not isinstance(settings.model, str):
        raise SettingsError(f"workers={workers}: give the model by its name, since each worker opens it anew")
    if job.store.path == ":memory:":
        raise SettingsError(f"workers={workers}: workers share a file: name one as the store")
    if settings.arguments.get("feedback") == "human":
        raise SettingsError(f"workers={workers}: one process alone can ask a person: leave the workers out")
    plain = Settings(**{name: getattr(settings, name) for name in described(Settings)})
    return Work(list(job.problems.values()), plain, job.store.path, "")


def pickled(work: Work) -> bytes:
    """Returns the work as bytes. Raises SettingsError if a part is not given by its name."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file)
    pickler.dispatch_table = {**dispatch_table, MappingProxyType: lambda mapping: (MappingProxyType, (dict(mapping),))}
    try:
        pickler.dump(work)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise SettingsError(
            f"workers: a part of your own must be given by its name, such as path.py:function ({error})"
        ) from error
    return file.getvalue()


def _end(code: int) -> str:
    """Returns how a process ended, as text."""
    if code >= 0:
        return f"ended with exit code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


def _raised(event: ErrorEvent) -> RedraftError:
    if event.cause is None:
        return RedraftError(event.text)
    return ModelError(event.text, cause=Cause(event.cause), fatal=True)
