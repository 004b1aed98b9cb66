"""What the command tells a worker process that it starts, and what the worker tells the command, as lines of JSON."""

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
    """What a worker needs to know: the problems, the settings, the path of the store and the id of the run."""

    problems: Sequence[Problem]
    settings: Settings
    db: str
    run_id: str


class UnitEvent(msgspec.Struct, frozen=True, tag="unit"):
    """A unit is finished."""

    problem_id: str
    status: str
    counts: Counts


class NoteEvent(msgspec.Struct, frozen=True, tag="note"):
    """A text for the user."""

    text: str


class EndEvent(msgspec.Struct, frozen=True, tag="end"):
    """The worker's part of the run has ended. `spent` is a sentence about the budget that is used up, and `used` what
    the worker used of the run's budget."""

    spent: str | None
    used: Amount


class ErrorEvent(msgspec.Struct, frozen=True, tag="error"):
    """The worker met an error that every worker would meet. `cause` is that of a ModelError."""

    text: str
    cause: str | None = None


Event = UnitEvent | NoteEvent | EndEvent | ErrorEvent


def encoded(event: Event) -> bytes:
    """Returns an event as a line."""
    return msgspec.json.encode(event) + b"\n"


def decoded(line: bytes) -> Event:
    """Returns the event of a line; a line that is none is a text for the user."""
    try:
        return msgspec.json.decode(line, type=Event)
    except msgspec.MsgspecError:
        return NoteEvent(line.decode(errors="replace").rstrip())


class Events(Silent):
    """A Progress that writes events to a descriptor. It writes nothing any more when the reader is gone."""

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
