"""Judged solutions for the training of the embedded reward model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from redraft.llm.providers.embedded.training.examples import ExampleError
from redraft.store.errors import SourceError
from redraft.store.sources.files import rows


class Judged(NamedTuple):
    """A question, the steps of a solution, and the value of each step in [0, 1]; None if a step has no value."""

    question: str
    steps: tuple[str, ...]
    values: tuple[float | None, ...]


def read_judged(file: Path) -> list[Judged]:
    """Returns the solutions of a file of rows of format `prm` (`prompt`, `completions`, `labels`) or `value`
    (`question`, `solution`, `value`). Raises ExampleError and SourceError."""
    found: list[Judged] = []
    for place, row in rows(file):
        if isinstance(row, SourceError):
            raise ExampleError(f"{file}, {place}: {row}")
        found.append(_judged(row, f"{file}, {place}"))
    return found


def _judged(row: Mapping[str, Any], place: str) -> Judged:
    if {"prompt", "completions", "labels"} <= row.keys():
        question, steps, values = row["prompt"], row["completions"], row["labels"]
    elif {"question", "solution", "value"} <= row.keys():
        steps = str(row["solution"]).strip().split("\n")
        question, values = row["question"], [*[None] * (len(steps) - 1), row["value"]]
    else:
        raise ExampleError(f"{place}: no judged solution: export it with --format prm or value")
    if len(steps) != len(values) or not all(value is None or 0 <= value <= 1 for value in values):
        raise ExampleError(f"{place}: {len(steps)} steps and values {values!r}: each step needs a value from 0 to 1")
    return Judged(question, tuple(steps), tuple(None if value is None else float(value) for value in values))
