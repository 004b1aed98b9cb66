"""Reads rows of the Hugging Face Hub's data sets through the package `datasets`, which caches them."""

import logging
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from redraft.store.errors import SourceError
from redraft.store.sources.fields import Place, decoded

PREFIX = "hf:"
NAME = re.compile(r"hf:(?P<name>[^:\[\]]+)(?::(?P<config>[^:\[\]]*))?:(?P<split>[^:\[\]]+(?:\[[^\]]*\])?)")
BATCH = 1000


class HubSource(NamedTuple):
    """A data set of the Hub: its name, its configuration (None for the default), and a split, such as "test" or
    "train[:100]"."""

    name: str
    config: str | None
    split: str


def hub_source(source: str) -> HubSource:
    """Returns the parts of "hf:owner/name:split" or "hf:owner/name:config:split". Raises SourceError if `source` has
    another form."""
    found = NAME.fullmatch(source)
    if found is None:
        raise SourceError(f"{source}: write it as hf:owner/name:split or hf:owner/name:config:split")
    return HubSource(found["name"], found["config"] or None, found["split"])


def hub_rows(source: str) -> Iterator[Place]:
    """Yields the rows of a data set of the Hub in order. If the Hub cannot be reached, a data set that was loaded
    before is read from the cache. Raises SourceError with a message of one line."""
    name, config, split = hub_source(source)
    try:
        from datasets import load_dataset
        from datasets.exceptions import DatasetsError
    except ImportError as error:
        raise SourceError(
            f"{source}: data sets of the Hub need the package datasets ({error}): pip install 'redraft[hub]'"
        ) from error
    for logger in ("datasets", "huggingface_hub"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    try:
        found: Any = load_dataset(name, config, split=split)
    except (DatasetsError, OSError, ValueError, RuntimeError) as error:
        why = " ".join(str(error).split())
        raise SourceError(
            f"{source}: {why}: check the name, the configuration and the split; without a network only what was loaded"
            " before is there"
        ) from error
    number = 0
    for batch in found.with_format("arrow").iter(BATCH):
        coded = [field.name for field in batch.schema if "arrow.json" in str(field.type)]
        for row in batch.to_pylist():
            number += 1
            yield f"row {number}", {**row, **{name: decoded(row[name]) for name in coded}} if coded else row
