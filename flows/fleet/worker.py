"""A worker process of a command with `--workers N`. It reads one job after the other from standard input, and ends when
standard input does, so no worker outlives the command that started it."""

import os
import pickle
import signal
import sys
import threading
from queue import SimpleQueue
from typing import NoReturn

from redraft.flows.cli.signals import run
from redraft.flows.fleet.worker_messages import EndEvent, ErrorEvent, Events, Work
from redraft.flows.units.stage_job import BudgetScope
from redraft.store.errors import RedraftError
from redraft.store.tables.stage_store import opened

TAKES_TURNS = "waits its turn"
"""The prefix of messages that are not shown: several workers write the same file, so waiting for each other is
normal."""


async def work(given: Work, events: Events) -> EndEvent:
    """Does this worker's part of a run, and returns the closing event."""

    def waiting(text: str) -> None:
        if not text.startswith(TAKES_TURNS):
            events.say(text)

    async with opened(given.db, create=False, waiting=waiting) as store:
        job = given.job(*given.arguments, store, events, scope=BudgetScope.LASTING)
        try:
            await job.run(given.run_id, ends_run=False)
            return EndEvent(job.client.exhausted, job.client.used)
        finally:
            await job.close()


def main() -> NoReturn:
    """Runs the worker. The exit code is 2 after an error, and 130 if it was stopped."""
    events, jobs = Events(os.dup(1)), SimpleQueue[Work]()
    os.dup2(2, 1)  # what libraries print is no event
    threading.Thread(target=_read, args=(jobs,), daemon=True).start()
    try:
        while True:
            events.send(run(work(jobs.get(), events), lambda text: None))
    except RedraftError as error:
        events.send(ErrorEvent.of(error))
        os._exit(2)
    except KeyboardInterrupt:  # a thread that waits for a file would keep a stopped process alive
        os._exit(130)


def _read(jobs: SimpleQueue[Work]) -> None:
    """Reads jobs. At the end of them it stops this process, whose command has ended."""
    try:
        while True:
            jobs.put(pickle.load(sys.stdin.buffer))
    except (EOFError, pickle.UnpicklingError):  # the second one: in the middle of a job
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
