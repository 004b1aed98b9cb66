"""What the command tells the worker processes that it starts, and what these tell the command, as lines of JSON."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from redraft.flows.display.progress import Counts, Plan, Silent, counts
from redraft.flows.units.stage_job import StageJob
from redraft.llm.client.budget import BudgetTooSmall
from redraft.llm.model import Cause, ModelError
from redraft.llm.usage import Amount
from redraft.store.errors import RedraftError
from redraft.store.problems import Problem
from redraft.store.unit import Unit


class Work(NamedTuple):
    """What a worker needs to know about a job: its class and its arguments, the path of the store and the id of the
    run."""

    job: Callable[..., StageJob[Any]]
    arguments: tuple[Any, ...]
    db: str
    run_id: str


class UnitEvent(msgspec.Struct, frozen=True, tag="unit"):
    """The event that a unit is finished."""

    unit_id: str
    problem_id: str
    status: str
    counts: Counts


class NoteEvent(msgspec.Struct, frozen=True, tag="note"):
    """A message for the user."""

    text: str


class EndEvent(msgspec.Struct, frozen=True, tag="end"):
    """The event that the worker's part of the run has ended. `spent` is a sentence that names the budget that is used
    up, or None. `used` is what the worker used of the run's budget."""

    spent: str | None
    used: Amount


class ErrorEvent(msgspec.Struct, frozen=True, tag="error"):
    """The worker met an error that every worker would meet. `kind` is the name of its class, and `cause` that of a
    ModelError."""

    text: str
    kind: str
    cause: str | None = None

    @classmethod
    def of(cls, error: RedraftError) -> "ErrorEvent":
        """Returns the event of an error."""
        return cls(str(error), type(error).__name__, error.cause.value if isinstance(error, ModelError) else None)

    def error(self) -> RedraftError:
        """Returns the error."""
        if self.cause is not None:
            kind = BudgetTooSmall if self.kind == BudgetTooSmall.__name__ else ModelError
            return kind(self.text, cause=Cause(self.cause), fatal=True)
        found = getattr(sys.modules[RedraftError.__module__], self.kind, None)
        if isinstance(found, type) and issubclass(found, RedraftError):
            return found(self.text)
        return RedraftError(self.text)


Event = UnitEvent | NoteEvent | EndEvent | ErrorEvent


def encoded(event: Event) -> bytes:
    """Returns an event as a line of JSON."""
    return msgspec.json.encode(event) + b"\n"


def decoded(line: bytes) -> Event:
    """Returns the event in a line. A line that is not an event becomes a message for the user."""
    try:
        return msgspec.json.decode(line, type=Event)
    except msgspec.MsgspecError:
        return NoteEvent(line.decode(errors="replace").rstrip())


class Events(Silent):
    """A Progress that writes events to a file descriptor. It writes nothing after the reader has closed the pipe."""

    def __init__(self, file: int) -> None:
        self._file = file

    def begin(self, plan: Plan) -> None: ...

    def unit(self, problem: Problem, unit: Unit) -> None:
        self.send(UnitEvent(unit.unit_id, problem.problem_id, unit.status, counts(unit)))

    def say(self, text: str) -> None:
        self.send(NoteEvent(text))

    def send(self, event: Event) -> None:
        """Writes an event."""

        line = encoded(event)
        with suppress(OSError):
            while line:
                line = line[os.write(self._file, line) :]
