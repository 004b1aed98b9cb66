"""Stores embeddings, and measurements that were made with them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from redraft.store.tables.database.batch import Batch
from redraft.store.tables.rows.unit_rows import utc
from redraft.store.tables.sql import literal

if TYPE_CHECKING:
    import numpy as np
    from duckdb import DuckDBPyConnection


class MeasuredKind(NamedTuple):
    """The measurement of one kind of rewrite, without its distances."""

    augmentation: str
    base: int  # number of questions in the base set
    rewrites: int
    accepted: int
    refused: str | None


class MeasuredQuestion(NamedTuple):
    """The distance of a new question to the base set, as a squared distance to the nearest question."""

    augmentation: str
    problem_id: str
    nearest_id: str
    distance: float


def add_embeddings(batch: Batch, model: str, vectors: Mapping[str, Sequence[float]]) -> None:
    """Adds the embeddings of texts. `vectors` maps the hash of each text to its embedding."""
    now = utc()
    batch.add("embeddings", [(model, name, list(vector), now) for name, vector in vectors.items()])


def read_embeddings(connection: "DuckDBPyConnection", model: str) -> "dict[str, np.ndarray]":
    """Returns all embeddings by a model, as float32 arrays, by the hash of the text."""
    found = connection.execute(f"SELECT text_hash, vector FROM raw.embeddings WHERE model = {literal(model)}")
    columns = found.fetchnumpy()
    return dict(zip(columns["text_hash"], columns["vector"], strict=True))


def add_measurement(
    batch: Batch,
    run_id: str,
    embedder: str,
    kinds: Iterable[MeasuredKind],
    distances: Iterable[MeasuredQuestion],
) -> None:
    """Adds a measurement of kinds of rewrites, completely or not at all."""
    now = utc()
    batch.add("kinds", [(run_id, embedder, *kind, now) for kind in kinds])
    batch.add("distances", ((run_id, *distance) for distance in distances))
