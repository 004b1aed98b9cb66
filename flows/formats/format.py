"""The protocol of every export format. A format is a file in this folder. Its only public function has the name of the
file and returns a Format; its keyword arguments are the configuration. A parameter `store` receives the store."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from redraft.flows.filters.filter import DEFAULTS
from redraft.flows.filters.sifting.candidates import Candidate
from redraft.store.tables.sql import literal


class Source(NamedTuple):
    """A draft from which a row was made: its trajectory and its last step."""

    trajectory_id: str
    step_id: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """The row of training data that is made from one draft, as JSON data, or the reason why the draft makes none.

    `candidate` is the trajectory of the draft. It may be None if it is the candidate with which the format was called.
    If the row is made from several drafts, `beside` has the other drafts, such as the rejected draft of a pair.
    """

    data: Mapping[str, Any] | None
    step_id: str | None = None  # the draft's last step
    dropped: str | None = None
    candidate: Candidate | None = None
    beside: tuple[Source, ...] = ()


class Format(Protocol):
    """Makes training data from a trajectory that the filters kept. It returns one row as JSON data, or a Row for each
    draft. Each export makes a new format, so a format may remember the candidates that it has seen.

    A format that needs several candidates for a row may have a method `finish()`. An export calls it after the last
    candidate, and it returns the last rows. Each of these rows must name its `candidate`. See ByProblem.
    """

    def __call__(self, candidate: Candidate) -> Mapping[str, Any] | Iterable[Row]: ...


@dataclass(frozen=True, slots=True)
class SqlFormat:
    """A Format whose rows DuckDB can write, several times as fast as Python. `row` is the format in Python.

    `line` is an SQL expression: the same row as JSON text, as `json.dumps` writes it (see `json_sql`). It may use
    `question` and `text`, which is the draft that represents the trajectory.
    """

    row: Callable[[Candidate], Mapping[str, Any]]
    line: str

    def __call__(self, candidate: Candidate) -> Mapping[str, Any]:
        return self.row(candidate)


class ByProblem:
    """A Format that makes the rows of a problem from all of its candidates at once. `rows` receives these candidates.
    It returns a Row for each row, and a Row with a reason for each draft that makes none. A Row that names no
    `candidate` belongs to the first candidate. Only the candidates of one problem are in memory."""

    def __init__(self, rows: Callable[[Sequence[Candidate]], Iterable[Row]]) -> None:
        self._rows = rows
        self._candidates: list[Candidate] = []
        self.__module__ = rows.__module__  # results are checked if this module is a user's

    def __call__(self, candidate: Candidate) -> Iterable[Row]:
        """Receives a candidate. If it is the first candidate of a problem, returns the rows of the previous problem."""
        before = self._candidates
        if before and before[0].problem_id != candidate.problem_id:
            self._candidates = [candidate]
            return self._made(before)
        before.append(candidate)
        return ()

    def finish(self) -> Iterable[Row]:
        """Returns the rows of the last problem."""
        return self._made(self._candidates) if self._candidates else ()

    def _made(self, candidates: Sequence[Candidate]) -> Iterator[Row]:
        for row in self._rows(candidates):
            unnamed = isinstance(row, Row) and row.candidate is None
            yield replace(row, candidate=candidates[0]) if unnamed else row


def sql_text(expression: str) -> str:
    """Returns a text that stands for an SQL expression in the JSON data of `json_sql`."""
    return f"{SQL}{expression}{SQL}"


def json_sql(data: Any) -> str:
    """Returns an SQL expression whose value is JSON data as `json.dumps` writes it, with the values of the expressions
    in it (`sql_text`)."""
    pieces = PLACEHOLDER.split(json.dumps(data, ensure_ascii=False))
    found = [literal(pieces[0])]
    for whole, part, text in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        found += [f"to_json({whole})" if whole else f"to_json({part})[2:-2]", literal(text)]
    return " || ".join(found)


SQL = "\x1f"
PLACEHOLDER = re.compile(r'"\\u001f([^"\\]*)\\u001f"|\\u001f([^"\\]*)\\u001f')
"""A text that is an SQL expression alone, or a part of a text that is one."""

Factory = TypeVar("Factory", bound=Callable[..., Format])


def filtered_by(*filters: str) -> Callable[[Factory], Factory]:
    """Returns a decorator that sets the default filters of a format. `filtered_by()` means no filter."""

    def mark(factory: Factory) -> Factory:
        setattr(factory, MARK, filters)
        return factory

    return mark


Task = Literal["sft", "dpo", "kto", "reward", "prm", "grpo", "score"]
"""The tasks for which trainers use rows: single replies, pairs of replies, replies with a label, pairs for a reward
model, steps with labels, problems with answer keys, and second attempts."""


def trains(task: Task) -> Callable[[Factory], Factory]:
    """Returns a decorator that sets the task of a format's rows, from which a trainer's layout is chosen."""

    def mark(factory: Factory) -> Factory:
        setattr(factory, TASK, task)
        return factory

    return mark


def task_of(factory: Callable[..., Format]) -> Task | None:
    """Returns the task that a format sets by `trains`, or None if it sets none."""
    return getattr(factory, TASK, None)


def written_as(kind: str) -> Callable[[Factory], Factory]:
    """Returns a decorator that sets the only kind of file (`Target.kind`) to which the rows of a format are written.
    Other formats are never written to this kind."""

    def mark(factory: Factory) -> Factory:
        setattr(factory, KIND, kind)
        return factory

    return mark


def kind_of(factory: Callable[..., Format]) -> str | None:
    """Returns the kind of file that a format sets by `written_as`, or None if it sets none."""
    return getattr(factory, KIND, None)


def default_filters(factory: Callable[..., Format]) -> tuple[str, ...]:
    """Returns the filters that a format sets by `filtered_by`, or DEFAULTS if it sets none."""
    return getattr(factory, MARK, DEFAULTS)


MARK = "redraft_filters"
TASK = "redraft_task"
KIND = "redraft_kind"
