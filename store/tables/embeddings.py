"""Stores embeddings and what was measured with them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from redraft.store.tables.database.batch import Batch
from redraft.store.tables.rows.unit_rows import utc
from redraft.store.tables.sql import literal

if TYPE_CHECKING:
    import numpy as np
    from duckdb import DuckDBPyConnection


class MeasuredKind(NamedTuple):
    """What was measured of one kind of rewrite, without its distances."""

    augmentation: str
    base: int  # questions of the base set
    rewrites: int
    accepted: int
    refused: str | None


class MeasuredQuestion(NamedTuple):
    """How far a new question is from the base set, as a squared distance."""

    augmentation: str
    problem_id: str
    nearest_id: str
    distance: float


def add_embeddings(batch: Batch, model: str, vectors: Mapping[str, Sequence[float]]) -> None:
    """Appends the embeddings of texts, by the hashes of the texts."""
    now = utc()
    batch.add("embeddings", [(model, name, list(vector), now) for name, vector in vectors.items()])


def read_embeddings(connection: "DuckDBPyConnection", model: str) -> "dict[str, np.ndarray]":
    """Returns all embeddings by a model, as float32, by the hashes of their texts."""
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
    """Appends a measurement of kinds of rewrites, all or none."""
    now = utc()
    batch.add("kinds", [(run_id, embedder, *kind, now) for kind in kinds])
    batch.add("distances", ((run_id, *distance) for distance in distances))
