"""Records the watch over a self-training loop: indicators of collapse, alarms, and losses on reference solutions. Every
record is a new row. The views `collapse` and `alarms` show the last measurement of each round."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from redraft.store.tables.database.batch import Batch
from redraft.store.tables.rows.unit_rows import utc
from redraft.store.tables.sql import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Indicator:
    """An indicator of a round. The fields are columns of the view `collapse`, whose comments describe them."""

    indicator: str
    k: int | None = None
    level: int | None = None
    value: float | None = None
    value_lo: float | None = None
    value_hi: float | None = None
    change: float | None = None
    change_lo: float | None = None
    change_hi: float | None = None
    problems: int = 0
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Alarm:
    """A test of a round. The fields are columns of the view `alarms`, whose comments describe them."""

    alarm: str
    p_value: float
    sounds: bool
    reason: str
    since: int


@dataclass(frozen=True, slots=True)
class ReferenceLoss:
    """The mean negative log-likelihood, in nats per token, of a problem's worked solution."""

    problem_id: str
    tokens: int
    loss: float


@dataclass(frozen=True, slots=True)
class Watched:
    """The measurements of one round."""

    indicators: Sequence[Indicator]
    alarms: Sequence[Alarm] = ()
    losses: Sequence[ReferenceLoss] = ()


def add_watched(batch: Batch, loop_id: str, round: int, watched: Watched) -> None:
    """Adds the measurements of a round."""
    now = utc()
    tables = {
        "collapse": watched.indicators, "alarms": watched.alarms, "reference_losses": watched.losses,
    }  # fmt: skip
    for table, records in tables.items():
        batch.add(table, [(loop_id, round, *astuple(one), now) for one in records])


def read_losses(connection: "DuckDBPyConnection", loop_id: str, round: int) -> list[ReferenceLoss]:
    """Returns the latest losses of a round on reference solutions, ordered by problem id."""
    found = connection.execute(LOSSES.format(loop_id=literal(loop_id), round=int(round)))
    return [ReferenceLoss(*row) for row in found.fetchall()]


LOSSES = """
SELECT problem_id, tokens, loss FROM raw.reference_losses WHERE loop_id = {loop_id} AND round = {round}
QUALIFY noted_at = max(noted_at) OVER () ORDER BY problem_id"""
