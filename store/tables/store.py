"""The store: what redraft keeps, in one DuckDB file that several processes may use in turn.

>>> from redraft.store import Store
>>> with Store(":memory:") as store:
...     store.query("SELECT count(*) AS problems FROM problems").rows
[(0,)]
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from redraft.store.calls import Call, call_key
from redraft.store.errors import QueryError, StoreError
from redraft.store.journal_files import cleared
from redraft.store.json_records import strict
from redraft.store.problems import Problem
from redraft.store.tables import query as querying
from redraft.store.tables.database import Database
from redraft.store.tables.labels import Label, add_labels
from redraft.store.tables.problems import add_problems, read_problems
from redraft.store.tables.read_calls import read_calls
from redraft.store.tables.rows import rows_of, utc
from redraft.store.tables.sql import Appender, insert, literal, one_of
from redraft.store.units import Done, Unit

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


LEAVING_S = 0.5  # seconds that a command which has failed waits for a store that it would remove
TABLES = """
    SELECT table_name FROM duckdb_tables()
    WHERE schema_name = 'raw' AND table_name NOT IN ('problems', 'run_events', 'migrations')"""


class DatasetRow(NamedTuple):
    """A row of an export, or a trajectory (or step) that was left out of it and why."""

    row: int | None  # its number in the file, from 0; None where it was dropped
    trajectory_id: str
    step_id: str | None = None
    dropped_because: str | None = None


class Store:
    """A database at `path`, made where it does not exist (`create=False` raises instead) and brought to the newest
    schema; ":memory:" is a fresh one that ends with its Store. `waiting` is told when another process holds the file;
    without it a warning is logged.

    Every operation opens the file and releases it; while another process has it, writing waits for ever, querying for
    a time, and opening it here for `patience` seconds (None: for ever). Raises StoreError, in one line with its cure;
    StoreHeld if a DuckDB connection of this process has the file. In an event loop use `opened`, and `off_loop`.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        create: bool = True,
        waiting: Callable[[str], None] | None = None,
        patience: float | None = None,
    ) -> None:
        self._database = Database(path, create=create, waiting=waiting, patience=patience)
        self.path = self._database.path
        self._runs: list[str] = []  # that this Store has started

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of what is held: nothing but the memory of a ":memory:" store."""
        self._database.close()

    def say(self, text: str) -> None:
        """Tells whoever is told of waiting."""
        self._database.say(text)

    @contextmanager
    def held(self, *, read_only: bool = False) -> Iterator[None]:
        """Keeps the file open for all that this thread does with the store meanwhile, instead of for each operation;
        other processes have to wait. Raises StoreError."""
        with self._database.hold(read_only=read_only):
            yield

    def journal_path(self, recipe: str) -> Path | None:
        """Where the journal of a recipe lies: beside the store; None for a store in memory."""
        return None if self.path == ":memory:" else Path(f"{self.path}.journal") / f"{recipe}.jsonl"

    def remove_if_unused(self) -> None:
        """Deletes the file if this Store made it and nothing was collected: it holds problems and this Store's own runs
        at most, and no journal has an answer. Raises StoreError."""
        if not self._database.made:
            return
        with self._database.open(patience=LEAVING_S) as connection:
            if not _collected(connection, self._runs) and cleared(Path(f"{self.path}.journal")):
                Path(self.path).unlink()

    def check_target(self, file: str | Path, *, overwrite: bool = False) -> None:
        """Raises StoreError where writing `file` would destroy this store (its file, its .wal, its journals), or,
        without `overwrite`, anything else; or where `file` is another database, whatever `overwrite` says."""
        if self.path != ":memory:" and _is_of(Path(self.path), Path(file)):
            raise StoreError(f"{file} belongs to the store {self.path}: name another file")
        if Path(file).exists() and not Path(file).is_file():
            raise StoreError(f"{file} is no regular file: name another file")
        if _is_database(Path(file)):
            raise StoreError(f"{file} is a DuckDB database: name another file")
        if not overwrite and Path(file).exists():
            raise StoreError(f"{file} exists: name another, or replace it with --overwrite")

    def add(self, problems: Iterable[Problem]) -> int:
        """Keeps problems, and returns how many were new; of one whose key was corrected the newest version counts.
        Raises StoreError where a known `problem_id` comes with another question."""
        with self._database.open() as connection:
            return add_problems(connection, problems)

    def problems(
        self,
        *,
        source: str | None = None,
        split: str | None = None,
        ids: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> Iterator[Problem]:
        """The stored problems that fit, in the order of their ids."""
        with self._database.open(read_only=True) as connection:
            found = read_problems(connection, source=source, split=split, ids=ids, limit=limit)
        yield from found

    def start_run(self, stage: str, recipe: str, strategy: str, model: str, config: Mapping[str, Any]) -> str:
        """Notes that a run begins, and returns its id, which sorts by time."""
        run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        row = (
            run_id,
            "started",
            utc(),
            stage,
            recipe,
            strategy,
            model,
            strict(dict(config)),
            None,
            version("redraft"),
        )
        with self._database.open() as connection:
            insert(connection, "raw.run_events", [row])
        self._runs.append(run_id)
        return run_id

    def end_run(self, run_id: str, status: str, facts: Mapping[str, Any] | None = None) -> None:
        """Notes how a run ended: "finished", "budget", "interrupted" or "failed", with whatever is worth telling."""
        row = (run_id, status, utc(), None, None, None, None, None, strict(dict(facts or {})), None)
        with self._database.open() as connection:
            insert(connection, "raw.run_events", [row])

    def done(self, recipe: str, replicate: str) -> dict[str, Done]:
        """What is published of a recipe and replicate, by problem id."""
        sql = (
            "SELECT problem_id, max(attempt), arg_max(samples, attempt), arg_max(status, attempt),"
            " arg_max(key_hash, attempt) FROM raw.commits"
            f" WHERE recipe = {literal(recipe)} AND replicate = {literal(replicate)} GROUP BY problem_id"
        )
        with self._database.open(read_only=True) as connection:
            return {problem_id: Done(*facts) for problem_id, *facts in connection.execute(sql).fetchall()}

    def answers(self, units: Sequence[str]) -> list[tuple[Call, list[dict[str, Any]]]]:
        """Every stored call of these units that was answered, with its choices, in the order they were published."""
        return [(call, choices) for call, choices in self.calls(units) if call.error is None]

    def calls(self, units: Sequence[str]) -> list[tuple[Call, list[dict[str, Any]]]]:
        """Every stored call of these units, failed ones too."""
        with self._database.open(read_only=True) as connection:
            return read_calls(connection, units)

    def publish(self, units: Sequence[Unit]) -> None:
        """Keeps finished units, all or none. A unit whose attempt is there already is left as it is, and so is a call
        that an earlier attempt brought."""
        if not units:
            return
        with self._database.open() as connection:
            fresh = _fresh(connection, units)
            again = [unit.unit_id for unit in fresh if unit.attempt > 1]
            known = {call_key(call) for call, _ in read_calls(connection, again)} if again else set()
            connection.execute("BEGIN")
            appender = Appender(connection)
            for unit in fresh:
                calls = [each for each in unit.calls if not known or call_key(each[0]) not in known]
                for table, rows in rows_of(unit, calls).items():
                    appender.add(table, rows)
            appender.flush()
            connection.execute("COMMIT")

    def add_dataset(self, format: str, filter: Mapping[str, Any], rows: Iterable[DatasetRow], run_id: str = "") -> str:
        """Notes an export: where each of its rows came from and why others were dropped. Returns its `dataset_id`."""
        dataset_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        with self._database.open() as connection:
            connection.execute("BEGIN")
            insert(
                connection,
                "raw.datasets",
                [(dataset_id, format, strict(dict(filter)), utc(), run_id or None)],
            )
            insert(connection, "raw.dataset_rows", [(dataset_id, *row) for row in rows])
            connection.execute("COMMIT")
        return dataset_id

    def label(self, labels: Iterable[Label]) -> None:
        """Keeps what people say of drafts, all or none."""
        with self._database.open() as connection:
            add_labels(connection, labels)

    def query(self, sql: str, parameters: Any = None, *, patience: float = 30.0) -> querying.Table:
        """Runs SQL that can do nothing but read. Raises QueryError where DuckDB refuses it, and StoreError where
        somebody else has the file for longer than `patience` seconds."""
        with self._database.open(read_only=True, patience=patience) as connection:
            return querying.read(connection, sql, parameters)

    def queries(self, *sqls: str, patience: float = 30.0) -> list[querying.Table]:
        """The same for several questions, at one and the same state of the store."""
        with self._database.open(read_only=True, patience=patience) as connection:
            return [querying.read(connection, sql) for sql in sqls]

    def rows(self, sql: str, *, patience: float = 30.0) -> Iterator[dict[str, Any]]:
        """What one question reads, row by row, by the names of its columns. The store is held until the last row."""
        with self._database.open(read_only=True, patience=patience) as connection:
            yield from querying.each(connection, sql)

    def export_parquet(self, sql: str, file: str | Path, *, overwrite: bool = False, patience: float = 30.0) -> int:
        """Writes what SQL reads to a Parquet file, and returns the number of rows. Raises QueryError, and StoreError
        where the file exists (without `overwrite`) or is the store's own."""
        if self.path == ":memory:":
            raise QueryError("a store in memory writes no Parquet: use a database file")
        self.check_target(file, overwrite=overwrite)
        with self._database.open(read_only=True, patience=patience) as connection:
            return querying.to_parquet(connection, sql, file)


def _collected(connection: "DuckDBPyConnection", runs: Sequence[str]) -> bool:
    """Whether a database holds more than problems and these runs."""
    tables = [name for (name,) in connection.execute(TABLES).fetchall()]
    rows = " UNION ALL ".join(
        [f"(FROM raw.run_events SELECT 1 WHERE NOT {one_of('run_id', runs)})"]
        + [f'(FROM raw."{name}" SELECT 1)' for name in tables]
    )
    return connection.execute(f"SELECT 1 FROM ({rows}) LIMIT 1").fetchone() is not None


def _is_of(store: Path, file: Path) -> bool:
    """Whether a file is the store's own."""
    own, other = store.resolve(), file.resolve()
    if other in (own, Path(f"{own}.wal")) or Path(f"{own}.journal") in (other, *other.parents):
        return True
    return other.exists() and own.exists() and other.samefile(own)


def _is_database(file: Path) -> bool:
    """Whether an existing file is a DuckDB database, by the magic bytes after its checksum."""
    if not file.is_file():
        return False
    try:
        with file.open("rb") as stream:
            return stream.read(12)[8:] == b"DUCK"
    except OSError:
        return False


def _fresh(connection: "DuckDBPyConnection", units: Sequence[Unit]) -> list[Unit]:
    there = one_of("unit_id", list({unit.unit_id for unit in units}))
    published = set(connection.execute(f"SELECT unit_id, attempt FROM raw.commits WHERE {there}").fetchall())
    return list(
        {(unit.unit_id, unit.attempt): unit for unit in units if (unit.unit_id, unit.attempt) not in published}.values()
    )
