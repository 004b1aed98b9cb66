"""Pairs of a better and a worse answer, to train the embedded model on."""

from pathlib import Path
from typing import NamedTuple

from redraft.llm.providers.embedded.training.examples import Example, ExampleError, parse_example
from redraft.store.errors import SourceError
from redraft.store.sources.files import rows


class Pair(NamedTuple):
    """Two conversations that differ only in their last text."""

    chosen: Example
    rejected: Example


def read_pairs(file: Path) -> list[Pair]:
    """Returns the pairs in a file whose rows have `prompt`, `chosen` and `rejected`. Raises ExampleError and
    SourceError."""
    found: list[Pair] = []
    for place, row in rows(file):
        if isinstance(row, SourceError):
            raise ExampleError(f"{file}, {place}: {row}")
        if missing := [name for name in ("prompt", "chosen", "rejected") if name not in row]:
            raise ExampleError(f"{file}, {place}: no {missing[0]!r}: export it with --format dpo or best_worst")
        where = f"{file}, {place}"
        chosen, rejected = (
            parse_example({"prompt": row["prompt"], "completion": row[name]}, where) for name in ("chosen", "rejected")
        )
        found.append(Pair(chosen, rejected))
    return found
