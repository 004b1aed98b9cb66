"""A worker process of `generate --workers N`. It reads its settings from standard input, and ends when standard input
is closed, so that no worker outlives the command that started it."""

import os
import pickle
import signal
import sys
import threading
from typing import NoReturn

from redraft.flows.cli.signals import run
from redraft.flows.fleet.worker_messages import EndEvent, ErrorEvent, Events, Work
from redraft.flows.generation.job import Job
from redraft.llm.model import ModelError
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
        job = Job(given.problems, given.settings, store, events, shares_budget=True)
        try:
            await job.run("", of_run=given.run_id)
            return EndEvent(job.client.exhausted, job.client.used)
        finally:
            await job.close()


def main() -> NoReturn:
    """Runs the worker. The exit code is 0 if its part is done, 2 after an error, and 130 if it was stopped."""
    events = Events(os.dup(1))
    os.dup2(2, 1)  # output of libraries is not an event
    given: Work = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        events.send(run(work(given, events), lambda text: None))
    except RedraftError as error:
        events.send(ErrorEvent(str(error), error.cause.value if isinstance(error, ModelError) else None))
        os._exit(2)
    except KeyboardInterrupt:
        os._exit(130)
    os._exit(0)  # a thread that waits for a file would keep the process alive


def _end_with_parent() -> None:
    while sys.stdin.buffer.read(1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
