"""Stores embeddings and what was measured with them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from redraft.store.tables.rows.unit_rows import utc
from redraft.store.tables.sql import insert, literal

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


def add_embeddings(connection: "DuckDBPyConnection", model: str, vectors: Mapping[str, Sequence[float]]) -> None:
    """Appends the embeddings of texts, by the hashes of the texts."""
    now = utc()
    insert(connection, "raw.embeddings", [(model, name, list(vector), now) for name, vector in vectors.items()])


def read_embeddings(connection: "DuckDBPyConnection", model: str) -> "dict[str, np.ndarray]":
    """Returns all embeddings by a model, as float32, by the hashes of their texts."""
    found = connection.execute(f"SELECT text_hash, vector FROM raw.embeddings WHERE model = {literal(model)}")
    columns = found.fetchnumpy()
    return dict(zip(columns["text_hash"], columns["vector"], strict=True))


def add_measurement(
    connection: "DuckDBPyConnection",
    run_id: str,
    embedder: str,
    kinds: Iterable[MeasuredKind],
    distances: Iterable[MeasuredQuestion],
) -> None:
    """Appends a measurement of kinds of rewrites, all or none."""
    now = utc()
    connection.execute("BEGIN")
    insert(connection, "raw.kinds", [(run_id, embedder, *kind, now) for kind in kinds])
    insert(connection, "raw.distances", ((run_id, *distance) for distance in distances))
    connection.execute("COMMIT")
