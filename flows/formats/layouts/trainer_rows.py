"""Converts the rows of an export to a trainer's rows, and reports what the trainer ignores in them."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from math import ceil, log2
from typing import Any

from redraft.flows.dataset_files.target import ExportError, Target
from redraft.flows.dataset_files.writer import known_json
from redraft.flows.formats.format import Format, Task, task_of
from redraft.flows.formats.layouts.layout import NO_WEIGHTS, Exported, JsonRow, Layout, conversation
from redraft.store.errors import PartError, plural
from redraft.store.plugins.discovery import load, names

Trainer = str | Callable[[], Layout]


class TrainerRows:
    """The rows of one export for one trainer. Raises PartError if the trainer does not exist, if it can't train on the
    format, or if the user set an argument that the layout decides. Raises ExportError if the trainer can't read this
    kind of file."""

    def __init__(
        self, trainer: Trainer, format: object, factory: Callable[..., Format], given: Mapping[str, Any], target: Target
    ) -> None:
        self._layout = _layout(trainer)
        self._name, self._target = format if isinstance(format, str) else factory.__name__, target
        self._task: Task | None = task_of(factory)
        self.arguments = dict(self._layout.arguments.get(self._task, {})) if self._task else {}
        if self._task and self._task not in self._layout.rows:
            raise self._refused()
        for name in self.arguments:
            if name in given:
                raise PartError(f"{name}={given[name]} of format {self._name!r} is for {self._layout.title} to choose")
        if target.kind not in self._layout.files:
            wanted = ", ".join(KINDS[kind] for kind in self._layout.files)
            raise ExportError(f"{self._layout.title} does not read {target.path}: name {wanted}")
        self._weights: tuple[float, float, float, int] | None = None  # minimum, maximum, sum and count
        self._turns, self._longest, self._over, self.rows = False, 0, 0, 0
        self._labels: Counter[bool] = Counter()

    def row(self, row: JsonRow) -> JsonRow:
        """Returns the trainer's row, and counts its labels, weights and length. Raises PartError if the trainer can't
        train on such rows."""
        task = self._task = self._task or _guess(row)
        if task is None or task not in self._layout.rows:
            raise self._refused()
        try:
            made = self._layout.rows[task](row)
        except (KeyError, ValueError, TypeError) as error:
            raise PartError(
                f"format {self._name!r} makes rows that {self._layout.title} can't train on as {self._task}:"
                f" {type(error).__name__} {error}"
            ) from error
        self.rows += 1
        if isinstance(row.get("label"), bool):
            self._labels[row["label"]] += 1
        if isinstance(row.get("weight"), int | float):
            given = float(row["weight"])
            least, most, total, count = self._weights or (given, given, 0.0, 0)
            self._weights = (min(least, given), max(most, given), total + given, count + 1)
        if self._task == "sft" and not self._turns:
            self._turns = sum(message["role"] == "assistant" for message in conversation(row)) > 1
        tokens = estimated_tokens(row)
        self._longest = max(self._longest, tokens)
        self._over += tokens > (self._limit or tokens)
        return made

    def texts(self) -> Mapping[str, str]:
        """Returns the configuration files next to the rows: a dict of their texts by name."""
        return self._layout.configure(self._exported())

    def notes(self) -> list[str]:
        """Returns lines about facts in the rows that the trainer ignores or changes."""
        found = [f"for {self._layout.title}: {', '.join(self.texts())}"]
        if self._over:
            cure = f", so that the configuration sets {self._max_length:,}" if self._max_length else ""
            verb = "is" if self._over == 1 else "are"
            found.append(
                f"{plural(self._over, 'row')} of {self.rows:,} {verb} longer than the {self._limit:,} tokens that this"
                f" trainer {self._layout.overlong} by default{cure} (estimated: {BYTES} bytes a token)"
            )
        if self._varies:
            found.append(self._layout.weights or f"{self._layout.title} {NO_WEIGHTS}")
        return found

    @property
    def _limit(self) -> int | None:
        return self._layout.max_length.get(self._task) if self._task else None

    @property
    def _max_length(self) -> int:
        """Returns the token limit for the configuration: the trainer's default, or the next power of two above the
        longest row."""
        if self._limit is None:
            return 0
        return max(self._limit, 2 ** ceil(log2(self._longest + 1)))

    @property
    def _varies(self) -> bool:
        return self._weights is not None and self._weights[0] != self._weights[1]

    def _exported(self) -> Exported:
        train, validation = (self._target.files(split) for split in ("train", "validation"))
        _, _, total, count = self._weights or (1.0, 1.0, 1.0, 1)
        return Exported(
            self._target.name, self._task or "sft", self._target.kind, train, validation, self._max_length,
            self._varies, total / max(count, 1), (self._labels[True], self._labels[False]), self._turns,
        )  # fmt: skip

    def _refused(self) -> PartError:
        known = [name for name in names("format") if task_of(load(name, "format")) in self._layout.rows]
        return PartError(
            f"{self._layout.title} can't train on rows of format {self._name!r}: it takes {', '.join(known)}"
        )


def left_over(target: Target, texts: Mapping[str, str]) -> dict[str, str | None]:
    """Returns the configurations next to a file that describe the rows that an export replaces, for trainers other than
    the export's own. They must be removed, in the form of `Output.texts`: None removes a file, and null removes an
    entry of a JSON file. A configuration is recognized by its name, and describes the file if it contains the file's
    name."""
    if target.kind == "folder" or not target.path.exists():
        return {}
    folder, file = target.path.parent, target.path.name
    found: dict[str, str | None] = {}
    for trainer in names("trainer"):
        stem = f"{target.name}.{trainer.replace('_', '-')}"
        mains = [folder / f"{stem}{ending}" for ending in (".yaml", ".sh")]
        if any(main.is_file() and file in main.read_text("utf-8", "replace") for main in mains):
            found |= {path.name: None for path in (*mains, folder / f"{stem}.py") if path.is_file()}
    entries = folder / ENTRIES
    if entries.is_file() and ENTRIES not in texts:
        known = known_json(entries)
        entry = known.pop(target.name, None)
        if isinstance(entry, Mapping) and entry.get("file_name") == file:
            found[ENTRIES] = json.dumps({target.name: None}) if known else None
            found |= {path.name: None for path in [folder / f"{target.name}.llama-factory.yaml"] if path.is_file()}
    return {name: text for name, text in found.items() if name not in texts}


def estimated_tokens(row: JsonRow) -> int:
    """Returns an estimate of the number of tokens in a row's longest sequence: one token for each BYTES bytes of text,
    plus MARKS for each message. The store has the numbers of tokens of drafts, but not those of questions and
    feedback."""
    alone = [_size(row[name]) for name in ("chosen", "rejected") if name in row]
    shared = sum(_size(row[name]) for name in ("messages", "prompt", "completion", "completions") if name in row)
    return ceil((shared + max(alone, default=0)) / BYTES)


def _size(column: Any) -> int:
    if isinstance(column, str):
        return len(column.encode())
    texts = (one["content"] if isinstance(one, Mapping) else one for one in column)
    return sum(len(str(text).encode()) + MARKS * BYTES for text in texts)


def _layout(trainer: Trainer) -> Layout:
    named = trainer.replace("-", "_") if isinstance(trainer, str) else ""
    made = load(named if named.isidentifier() else trainer, "trainer")()
    if not isinstance(made, Layout):
        raise PartError(f"trainer {trainer!r} made no Layout (redraft.flows.formats.layouts.layout)")
    return made


def _guess(row: JsonRow) -> Task | None:
    """Returns the task of rows whose format sets none, by their columns. Returns None if the columns fit no task."""
    return next((task for names, task in COLUMNS.items() if all(name in row for name in names)), None)


COLUMNS: Mapping[tuple[str, ...], Task] = {
    ("completions", "labels"): "prm", ("chosen", "rejected"): "dpo", ("label",): "kto", ("messages",): "sft",
    ("prompt", "completion"): "sft", ("prompt", "answer"): "grpo",
}  # fmt: skip
"""The columns by which the task of a user's own format is recognized, the most specific first."""
ENTRIES = "dataset_info.json"
"""LLaMA-Factory's file with an entry for each dataset."""
BYTES = 3
"""Bytes of text per token. English solutions have slightly more bytes per token, so the estimate is slightly too
high."""
MARKS = 4
"""Tokens that a chat template adds to each message."""
KINDS = {"jsonl": "a .jsonl", "jsonl.zst": "a .jsonl.zst", "parquet": "a .parquet", "folder": "a folder/"}
