"""The protocol of a trainer's layout. A layout is a file in this folder. Its one public function has the trainer's name
and returns a Layout: how the rows of a format look to this trainer, and the configuration beside them, so that exactly
the last reply of a row is learnt."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from redraft.flows.dataset_files.target import Kind, Split
from redraft.flows.formats.format import Task
from redraft.store.errors import PartError

JsonRow = Mapping[str, Any]
Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Exported:
    """The exported rows, as a configuration must know them. Paths start at the folder of the configuration."""

    name: str
    task: Task
    kind: Kind
    train: Sequence[str]
    validation: Sequence[str] = ()
    max_length: int = 0  # tokens; no row is longer by the estimate, and it is at least the trainer's default
    weighted: bool = False  # whether rows differ in weight
    mean_weight: float = 1.0
    labels: tuple[int, int] = (0, 0)  # the rows with the label true, and with false
    turns: bool = False  # whether some row has a reply before the one that is learnt

    def pattern(self, split: Split) -> str:
        """Returns a name or a pattern for the files of a split. A folder that is named "." is one that
        `datasets.load_dataset` does not read."""
        return f"data/{split}-*.parquet" if self.kind == "folder" else self.train[0]


@dataclass(frozen=True, slots=True)
class Layout:
    """A trainer's layout. `rows` has, for each task that the trainer learns, the function that turns a format's row
    into the trainer's row. `configure` returns the files to write beside the rows, by name. `max_length` is the default
    limit in tokens (None: that of the model), and `overlong` says what happens to a longer row. `arguments` are
    arguments of the formats of a task. `weights` says how the weight of a row acts; None if it has no effect."""

    title: str  # with the version whose loader was tried
    rows: Mapping[Task, Callable[[JsonRow], JsonRow]]
    files: Sequence[Kind]
    configure: Callable[[Exported], Mapping[str, str]]
    max_length: Mapping[Task, int | None]
    overlong: str
    arguments: Mapping[Task, Mapping[str, Any]] = field(default_factory=lambda: {"reward": {"style": "pairs"}})
    weights: str | None = None


NO_WEIGHTS = "has no weights: all rows count alike, wrong drafts too"


def conversation(row: JsonRow) -> list[Message]:
    """Returns a row of one conversation as one list of messages, of which the last one is learnt."""
    return [*row["messages"]] if "messages" in row else [*_messages(row, "prompt"), *_messages(row, "completion")]


def prompt(row: JsonRow) -> list[Message]:
    """Returns the messages of a row that the learnt one answers."""
    return conversation(row)[:-1] if "messages" in row else _messages(row, "prompt")


def reply(row: JsonRow, column: str) -> Message:
    """Returns the one message of a column such as `chosen`."""
    [message] = _messages(row, column)
    return message


def weight(row: JsonRow) -> dict[str, Any]:
    """Returns the column of the weight, if the row has one."""
    return {"weight": row["weight"]} if "weight" in row else {}


def label_weights(exported: Exported) -> tuple[float, float] | None:
    """Returns the weights of true and of false labels that an export needs; None if it needs none."""
    return balancing_weights(*exported.labels)


def balancing_weights(right: int, wrong: int) -> tuple[float, float] | None:
    """Returns the weights of true and of false labels by which KTO's rule holds: their weighted numbers are as 1:1 to
    4:3 (Ethayarajh et al. 2024, arXiv 2402.01306, section 4.2). Returns None if the rule holds without weights, or if a
    label has no row."""
    if not right or not wrong or wrong <= right <= wrong * 4 / 3:
        return None
    more_true = right > wrong
    least = right * 3 / 4 / wrong if more_true else wrong / right
    weight = ceil(least * 100) / 100
    return (1.0, weight) if more_true else (weight, 1.0)


def without(row: JsonRow, column: str) -> JsonRow:
    """Returns a row without a column."""
    return {name: value for name, value in row.items() if name != column}


def _messages(row: JsonRow, column: str) -> list[Message]:
    if isinstance(row[column], str):
        raise PartError(
            f"column {column!r} of these rows is plain text, and a trainer's layout takes messages: leave out"
            " style=text and steps=true, or leave out --for"
        )
    return list(row[column])


def yaml(head: Sequence[str], settings: Mapping[str, Any]) -> str:
    """Returns settings as YAML, after lines of comment."""

    def value(given: Any) -> str:
        return json.dumps(given, ensure_ascii=False)  # JSON is YAML

    return "".join([*(f"# {line}\n" for line in head), *(f"{name}: {value(one)}\n" for name, one in settings.items())])


def script(head: Sequence[str], command: str, arguments: Sequence[str]) -> str:
    """Returns a shell script that starts a trainer with these arguments, and with the arguments that the script gets.
    It runs from any folder: `$HERE` is its own."""
    comment = "".join(f"# {line}\n" for line in head)
    lines = " \\\n    ".join([command, *arguments, '"$@"'])
    return f'#!/bin/sh\n{comment}HERE=$(cd "$(dirname "$0")" && pwd)\nexec {lines}\n'


def notes(title: str, exported: Exported, weights: str | None) -> list[str]:
    """Returns the first lines of each configuration."""
    learnt = " Only the last reply of a row is learnt." if exported.task == "sft" else ""
    lines = [f"{exported.name}, as {title} reads it.{learnt}"]
    if exported.weighted:
        mean = f"The mean weight is {exported.mean_weight:.6g}."
        lines.append(f"{weights} {mean}" if weights else f"{title} {NO_WEIGHTS}.")
    return lines
