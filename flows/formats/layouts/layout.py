"""The protocol of a trainer's layout. A layout is a file in this folder. Its only public function has the trainer's
name and returns a Layout. A layout defines the columns of the rows for this trainer, and the configuration files next
to them. With both, the trainer computes its loss only on the last reply of a row."""

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
    """Facts about the exported rows that a configuration contains. Paths are relative to the folder of the
    configuration."""

    name: str
    task: Task
    kind: Kind
    train: Sequence[str]
    validation: Sequence[str] = ()
    max_length: int = 0  # tokens; an upper estimate of every row, at least the trainer's default
    weighted: bool = False  # True if rows differ in weight
    mean_weight: float = 1.0
    labels: tuple[int, int] = (0, 0)  # the numbers of rows with the label true and with false
    turns: bool = False  # True if a row has replies before the last one

    def pattern(self, split: Split) -> str:
        """Returns a file name, or a glob pattern, for the files of a split. A folder with the path "." would not be
        read by `datasets.load_dataset`."""
        return f"data/{split}-*.parquet" if self.kind == "folder" else self.train[0]


@dataclass(frozen=True, slots=True)
class Layout:
    """A trainer's layout. `rows` maps each task that the trainer supports to the function that converts a format's row
    to the trainer's row. `configure` returns a dict of the configuration files' texts by name. `max_length` is the
    trainer's default limit in tokens, or None if the model's limit applies. `overlong` describes what happens to a
    longer row. `arguments` are arguments for the formats of a task. `weights` describes how the weight of a row is
    applied, or is None if weights have no effect."""

    title: str  # including the version that was tested
    rows: Mapping[Task, Callable[[JsonRow], JsonRow]]
    files: Sequence[Kind]
    configure: Callable[[Exported], Mapping[str, str]]
    max_length: Mapping[Task, int | None]
    overlong: str
    arguments: Mapping[Task, Mapping[str, Any]] = field(default_factory=lambda: {"reward": {"style": "pairs"}})
    weights: str | None = None


NO_WEIGHTS = "has no weights: all rows count alike, wrong drafts too"


def conversation(row: JsonRow) -> list[Message]:
    """Returns a row of one conversation as one list of messages. The loss is computed only on the last one."""
    return [*row["messages"]] if "messages" in row else [*_messages(row, "prompt"), *_messages(row, "completion")]


def prompt(row: JsonRow) -> list[Message]:
    """Returns all messages of a row except the last one. The loss is computed only on the last one."""
    return conversation(row)[:-1] if "messages" in row else _messages(row, "prompt")


def reply(row: JsonRow, column: str) -> Message:
    """Returns the single message of a column such as `chosen`."""
    [message] = _messages(row, column)
    return message


def weight(row: JsonRow) -> dict[str, Any]:
    """Returns a dict with the column `weight` if the row has one, else an empty dict."""
    return {"weight": row["weight"]} if "weight" in row else {}


def label_weights(exported: Exported) -> tuple[float, float] | None:
    """Returns a pair of the weights for true and for false labels that an export needs, or None if it needs none."""
    return balancing_weights(*exported.labels)


def balancing_weights(right: int, wrong: int) -> tuple[float, float] | None:
    """Returns a pair of weights for true and for false labels. With them, the ratio of the weighted numbers is between
    1:1 and 4:3, which is KTO's rule (Ethayarajh et al. 2024, arXiv 2402.01306, section 4.2). Returns None if the rule
    holds without weights, or if a label has no row."""
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
    """Returns settings as YAML, after comment lines."""

    def value(given: Any) -> str:
        return json.dumps(given, ensure_ascii=False)  # JSON is YAML

    return "".join([*(f"# {line}\n" for line in head), *(f"{name}: {value(one)}\n" for name, one in settings.items())])


def script(head: Sequence[str], command: str, arguments: Sequence[str]) -> str:
    """Returns a shell script that starts a trainer with these arguments, followed by the arguments of the script. The
    script can be run from any folder, because `$HERE` is the script's folder."""
    comment = "".join(f"# {line}\n" for line in head)
    lines = " \\\n    ".join([command, *arguments, '"$@"'])
    return f'#!/bin/sh\n{comment}HERE=$(cd "$(dirname "$0")" && pwd)\nexec {lines}\n'


def notes(title: str, exported: Exported, weights: str | None) -> list[str]:
    """Returns the comment lines at the beginning of each configuration."""
    learnt = " Only the last reply of a row is learnt." if exported.task == "sft" else ""
    lines = [f"{exported.name}, as {title} reads it.{learnt}"]
    if exported.weighted:
        mean = f"The mean weight is {exported.mean_weight:.6g}."
        lines.append(f"{weights} {mean}" if weights else f"{title} {NO_WEIGHTS}.")
    return lines
