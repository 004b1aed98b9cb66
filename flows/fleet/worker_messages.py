"""The messages between the command and its worker processes: the work that a worker receives, and the events that it
sends as lines of JSON."""

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec

from redraft.flows.display.progress import Counts, Plan, Silent, counts
from redraft.flows.settings import Settings
from redraft.llm.usage import Amount
from redraft.store.problems import Problem
from redraft.store.unit import Unit


class Work(NamedTuple):
    """The data that a worker receives: the problems, the settings, the path of the store and the id of the run."""

    problems: Sequence[Problem]
    settings: Settings
    db: str
    run_id: str


class UnitEvent(msgspec.Struct, frozen=True, tag="unit"):
    """The event that a unit is finished."""

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
    """The event that the worker met an error that every worker would meet. `cause` is the cause of a ModelError."""

    text: str
    cause: str | None = None


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
        self.send(UnitEvent(problem.problem_id, unit.status, counts(unit)))

    def say(self, text: str) -> None:
        self.send(NoteEvent(text))

    def send(self, event: Event) -> None:
        """Writes an event."""

        line = encoded(event)
        with suppress(OSError):
            while line:
                line = line[os.write(self._file, line) :]
