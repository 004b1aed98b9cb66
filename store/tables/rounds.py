"""Records the rounds of self-training loops and the models that they train. Every record is a new row. The views
`rounds` and `models` show the last record of each round."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from redraft.store.json_records import strict
from redraft.store.tables.database.batch import Batch
from redraft.store.tables.rows.unit_rows import utc
from redraft.store.tables.sql import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95% interval. The values are fractions of right samples, or differences of such fractions."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The present state of a round. The fields are the columns of the view `rounds`, whose comments describe them."""

    loop_id: str
    round: int
    state: str  # "generated", "exported", "trained" or "evaluated"
    method: str
    config: Mapping[str, Any]
    run_id: str
    generation_recipe: str | None = None
    generation_replicate: str | None = None
    generation_runs: Sequence[str] = ()
    annotation_runs: Sequence[str] = ()
    dataset_id: str | None = None
    policy_before: str | None = None
    policy_after: str | None = None
    evaluation_recipe: str | None = None
    evaluation_replicate: str | None = None
    evaluation_runs: Sequence[str] = ()
    accuracy: Estimate = Estimate()
    change: Estimate = Estimate()
    gain: Estimate = Estimate()
    figures: Mapping[str, Any] = field(default_factory=dict)
    decision: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """A model of a loop. The fields are the columns of the view `models`, whose comments describe them."""

    loop_id: str
    round: int
    role: str  # "policy" or "verifier"
    model_id: str
    name: str
    parent_id: str | None = None
    dataset_id: str | None = None
    rows_file: str | None = None
    rows_sha256: str | None = None
    trainer: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = ""


def add_round(batch: Batch, noted: Round) -> None:
    """Adds the state of a round."""
    batch.add("rounds", [(*_values(noted), utc())])


def add_model(batch: Batch, made: TrainedModel) -> None:
    """Adds a model."""
    batch.add("models", [(*_values(made), utc())])


def read_rounds(connection: "DuckDBPyConnection", loop_id: str) -> list[Round]:
    """Returns the rounds of a loop in order, each in its latest state."""
    return [_round(row) for row in _rows(connection, "rounds", loop_id)]


def read_models(connection: "DuckDBPyConnection", loop_id: str) -> list[TrainedModel]:
    """Returns the models of a loop, ordered by round and role."""
    return [TrainedModel(**_facts(row, TrainedModel)) for row in _rows(connection, "models", loop_id)]


def _values(record: Round | TrainedModel) -> list[Any]:
    """Returns the values of a record's columns, in order."""
    found: list[Any] = []
    for one in fields(record):
        value = getattr(record, one.name)
        if isinstance(value, Estimate):
            found += [value.mean, value.low, value.high]
        elif isinstance(value, Mapping):
            found.append(strict(dict(value)))
        else:
            found.append(list(value) if isinstance(value, tuple) else value)
    return found


def _rows(connection: "DuckDBPyConnection", view: str, loop_id: str) -> list[dict[str, Any]]:
    found = connection.execute(f"FROM {view} WHERE loop_id = {literal(loop_id)} ORDER BY ALL")
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _round(row: Mapping[str, Any]) -> Round:
    estimates: dict[str, Any] = {
        name: Estimate(row[name], row[f"{name}_lo"], row[f"{name}_hi"]) for name in ("accuracy", "change", "gain")
    }
    return Round(**_facts(row, Round) | estimates)


def _facts(row: Mapping[str, Any], kind: type[Round] | type[TrainedModel]) -> dict[str, Any]:
    """Returns the values of a row as keyword arguments for the record `kind`."""
    found = {one.name: row[one.name] for one in fields(kind)}
    for name in ("config", "settings", "files", "figures"):
        if name in found:
            found[name] = json.loads(found[name])
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
