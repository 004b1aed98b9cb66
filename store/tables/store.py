"""The store: everything that redraft keeps, in one DuckDB file that several processes may use in turn, or in a
folder or a DuckLake that they may use at once.

>>> from redraft.store import Store
>>> with Store(":memory:") as store:
...     store.query("SELECT count(*) AS problems FROM problems").rows
[(0,)]
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Self

from redraft.store.calls import Call
from redraft.store.errors import QueryError, StoreError
from redraft.store.exports.export_file import check_export_file, check_export_folder
from redraft.store.lake.database import open_database
from redraft.store.problems import Problem
from redraft.store.tables.collapse import ReferenceLoss, Watched, add_watched, read_losses
from redraft.store.tables.database.database import Leftover
from redraft.store.tables.embeddings import (
    MeasuredKind,
    MeasuredQuestion,
    add_embeddings,
    add_measurement,
    read_embeddings,
)
from redraft.store.tables.labels import Label, add_labels
from redraft.store.tables.problems import add_problems, read_problems
from redraft.store.tables.query import Table, read_parts, read_rows, read_table, write_parquet
from redraft.store.tables.reading.calls import read_calls
from redraft.store.tables.rounds import Round, TrainedModel, add_model, add_round, read_models, read_rounds
from redraft.store.tables.runs import (
    DatasetRow,
    SqlDataset,
    add_dataset,
    add_exported,
    add_run,
    add_run_end,
    new_id,
    read_exported,
)
from redraft.store.tables.units import add_units, read_done
from redraft.store.unit import Done, Unit
from redraft.store.waiting import pause


class Store:
    """A database at `path`. A missing database is made; if `create` is false, StoreError is raised instead. An older
    database is upgraded to the newest schema. ":memory:" is a new database that ends with its Store. If another process
    has the file open, `waiting` is called with a message; if it is None, a warning is logged.

    Every operation opens the file and closes it again. While another process has the file open, a writing operation
    waits without limit. A query, and the opening of the store, wait for `patience` seconds (None: without limit).
    Raises StoreError, whose message is one line with a cure, and StoreHeld if a DuckDB connection of this process has
    the file open. In an event loop, use `opened` and `off_loop`.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        create: bool = True,
        waiting: Callable[[str], None] | None = None,
        patience: float | None = None,
    ) -> None:
        self._database = open_database(path, create=create, waiting=waiting, patience=patience)
        self.path = self._database.path
        self._runs: list[str] = []  # the ids of the runs that this Store has started

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Frees the memory of a ":memory:" store. A store in a file keeps nothing open between operations."""
        self._database.close()

    def say(self, text: str) -> None:
        """Calls `waiting` with a message."""
        self._database.say(text)

    @contextmanager
    def held(
        self,
        *,
        read_only: bool = False,
        patience: float | None = None,
        streaming: bool = False,
        memory: int | None = None,
    ) -> Iterator[None]:
        """Keeps the file open for all operations of this thread inside the `with` block, instead of opening it for each
        operation. Other processes wait until the block ends. With `streaming`, `parts` needs less memory. With
        `memory`, queries use at most about that many bytes, and sort larger data in files beside the store; a query
        that still needs more raises QueryError. Raises StoreError, also if another process has the file open for longer
        than `patience` seconds."""
        with self._database.hold(read_only=read_only, patience=patience, streaming=streaming, memory=memory):
            yield

    def journal_path(self, recipe: str) -> Path | None:
        """Returns the path of a recipe's journal in the folder `journals`; None for a store in memory."""
        return self.journals and self.journals / f"{recipe}.jsonl"

    @property
    def place(self) -> Path:
        """Returns the file or the folder that has the rows."""
        return self._database.place

    def facts(self) -> str:
        """Returns in words what there is to say about the store's catalog; "" for a store without one."""
        return self._database.facts()

    @property
    def journals(self) -> Path | None:
        """Returns the folder of the journals, which lies beside a store that is a file and inside a folder store; None
        for a store in memory."""
        return self._database.journals

    def leases_path(self, recipe: str) -> Path | None:
        """Returns the folder of a recipe's leases in `leases_folder`; None for a store in memory."""
        return None if self.path == ":memory:" else self.leases_folder / recipe

    @property
    def leases_folder(self) -> Path:
        """Returns the folder of all leases, which lies beside a store that is a file and inside a folder store. The
        store must not be in memory."""
        return self._database.leases

    def remove_if_unused(self) -> None:
        """Deletes the store if this Store made it and nothing was collected: it has at most problems and this Store's
        own runs, and no journal has an answer. Raises StoreError."""
        self._database.remove_if_unused(self._runs)

    def stamp(self) -> list[Path]:
        """Returns paths of files and folders, at least one of which changes whenever the store or a journal changes."""
        journals = self._database.journals
        found = sorted(journals.glob("*.jsonl")) if journals and journals.is_dir() else []
        return [*self._database.files(), *found]

    def copy(self, target: str | Path) -> dict[str, int]:
        """Copies the store to a new one: a DuckLake if `target` begins with "ducklake:", a folder store if it ends with
        a slash or is an empty folder, otherwise a file. Journals are not copied. Returns the number of copied rows by
        table in `raw`. Raises StoreError."""
        from redraft.store.lake.copies import copy_store  # most commands do not need it

        return copy_store(self._database, str(target))

    def compact(self) -> tuple[int, int]:
        """Merges small segments of a folder store, or small files of a DuckLake, into large ones, while other processes
        read and write. Returns a pair: their number before and after. Raises StoreError if the store is a file."""
        return self._database.compact()

    def leftovers(self) -> list[Leftover]:
        """Returns the parts of a folder store that killed processes wrote and did not register."""
        return self._database.leftovers()

    @property
    def merges(self) -> str:
        """Returns the word for what `compact` merges."""
        return self._database.merges

    def size(self) -> int:
        """Returns the size of the store in bytes, without its journals."""
        return self._database.size()

    def check_target(self, file: str | Path, *, overwrite: bool = False) -> None:
        """Raises StoreError if `file` belongs to this store (its database, its .wal file or its journals), or is
        another database. Without `overwrite`, also raises StoreError if `file` exists and is not empty."""
        check_export_file(str(self.place), Path(file), overwrite=overwrite)

    def check_folder(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Raises StoreError if an export must not replace `folder`, because it is not an export or holds this store.
        Without `overwrite`, also raises StoreError if `folder` is not empty."""
        check_export_folder(str(self.place), Path(folder), overwrite=overwrite)

    def add(self, problems: Iterable[Problem]) -> int:
        """Adds problems, and returns how many were new. If a known problem comes with another key, the newest version
        is used. Raises StoreError if a known `problem_id` comes with another question."""
        with self._database.write() as batch:
            return add_problems(batch, problems)

    def problems(
        self,
        *,
        source: str | None = None,
        split: str | None = None,
        ids: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> Iterator[Problem]:
        """Yields the stored problems that meet all given conditions, ordered by id."""
        with self._database.open(read_only=True) as connection:
            found = read_problems(connection, source=source, split=split, ids=ids, limit=limit)
        yield from found

    def start_run(self, stage: str, recipe: str, strategy: str, model: str, config: Mapping[str, Any]) -> str:
        """Records the start of a run, and returns the run's id. Ids sort by time."""
        with self._database.write() as batch:
            run_id = add_run(batch, stage, recipe, strategy, model, config)
        self._runs.append(run_id)
        return run_id

    def end_run(self, run_id: str, status: str, facts: Mapping[str, Any] | None = None) -> None:
        """Records how a run ended ("finished", "budget", "interrupted" or "failed"), with facts such as its counts."""
        with self._database.write() as batch:
            add_run_end(batch, run_id, status, facts or {})

    def note_run(self, run_id: str, event: str, facts: Mapping[str, Any]) -> None:
        """Records an event of a run that is not its end, such as the summary of its data."""
        with self._database.write() as batch:
            add_run_end(batch, run_id, event, facts)

    def done(self, recipe: str, replicate: str) -> dict[str, Done]:
        """Returns the state of each published unit of a recipe and replicate, by problem id."""
        with self._database.open(read_only=True) as connection:
            return read_done(connection, recipe, replicate)

    def answers(self, units: Sequence[str]) -> list[tuple[Call, list[dict[str, Any]]]]:
        """Returns every stored call of these units that was answered, with its choices, in the order of publication."""
        return [(call, choices) for call, choices in self.calls(units) if call.error is None]

    def calls(self, units: Sequence[str]) -> list[tuple[Call, list[dict[str, Any]]]]:
        """Returns every stored call of these units, including failed calls, with its choices, in the order of
        publication."""
        with self._database.open(read_only=True) as connection:
            return read_calls(connection, units)

    def publish(self, units: Sequence[Unit]) -> int:
        """Adds finished units, all or none, and returns how many were new. A unit whose attempt is already in the store
        is not added again, and calls that an earlier attempt added are left out."""
        if not units:
            return 0
        with self._database.write() as batch:
            return add_units(batch, units)

    def add_dataset(
        self,
        format: str,
        filter: Mapping[str, Any],
        rows: Iterable[DatasetRow],
        run_id: str = "",
        *,
        dataset_id: str | None = None,
        around: AbstractContextManager[None] | None = None,
    ) -> str:
        """Records an export: the origin of each of its rows, and why others were left out. Returns its `dataset_id`,
        which is a new one if None is given (`runs.new_id`).

        `around` is entered when all rows are written and before they are committed. If the commit fails, `around`
        receives the exception. So a file that `around` moves into place is there before the store refers to it.
        """
        dataset_id = dataset_id or new_id()
        with self._database.write() as batch:
            add_dataset(batch, dataset_id, format, filter, rows, run_id, around or nullcontext())
        self._note_exported()
        return dataset_id

    @contextmanager
    def dataset_of(self, tables: Mapping[str, str]) -> Iterator[SqlDataset]:
        """Yields a dataset whose rows DuckDB makes: `tables` are temporary tables that its statements read, by name the
        SELECT that makes each. The store is held until the end of the `with` block, and other processes wait."""
        with self._database.hold(streaming=True), self._database.write() as batch:
            yield SqlDataset(batch, tables)
        self._note_exported()

    def exported(self) -> list[tuple[str, int | None, str]]:
        """Returns each problem with a row in an export, and each problem that such a problem was made from: its id, the
        key of its question (`digest.question_key`; None if the store has not got the problem), and the id of an export
        that has it."""
        with self._database.hold():
            with self._database.write() as batch:
                add_exported(batch)
            with self._database.open(read_only=True) as connection:
                return read_exported(connection)

    def note_round(self, noted: Round) -> None:
        """Records the state of a round of self-training."""
        with self._database.write() as batch:
            add_round(batch, noted)

    def note_model(self, made: TrainedModel) -> None:
        """Records a model of a self-training loop."""
        with self._database.write() as batch:
            add_model(batch, made)

    def rounds(self, loop_id: str) -> list[Round]:
        """Returns the rounds of a self-training loop in order, each in its latest state."""
        with self._database.open(read_only=True) as connection:
            return read_rounds(connection, loop_id)

    def models(self, loop_id: str) -> list[TrainedModel]:
        """Returns the models of a self-training loop, ordered by round and role."""
        with self._database.open(read_only=True) as connection:
            return read_models(connection, loop_id)

    def note_watched(self, loop_id: str, round: int, watched: Watched) -> None:
        """Records the indicators, alarms and losses of a round, all or none."""
        with self._database.write() as batch:
            add_watched(batch, loop_id, round, watched)

    def reference_losses(self, loop_id: str, round: int) -> list[ReferenceLoss]:
        """Returns the losses of a round's model on reference solutions."""
        with self._database.open(read_only=True) as connection:
            return read_losses(connection, loop_id, round)

    def label(self, labels: Iterable[Label]) -> None:
        """Adds people's labels of drafts, all or none."""
        with self._database.write() as batch:
            add_labels(batch, labels)

    def add_embeddings(self, model: str, vectors: Mapping[str, Sequence[float]]) -> None:
        """Adds embeddings of texts by a model. `vectors` maps the hash of each text to its embedding."""
        with self._database.write() as batch:
            add_embeddings(batch, model, vectors)

    def embeddings(self, model: str) -> dict[str, Any]:
        """Returns every stored embedding by a model, as a float32 array, by the hash of its text."""
        with self._database.open(read_only=True) as connection:
            return read_embeddings(connection, model)

    def add_measurement(
        self, run_id: str, embedder: str, kinds: Iterable[MeasuredKind], distances: Iterable[MeasuredQuestion]
    ) -> None:
        """Adds the distances of the new questions of each kind of rewrite to the base set, all or none."""
        with self._database.write() as batch:
            add_measurement(batch, run_id, embedder, kinds, distances)

    def query(self, sql: str, parameters: Any = None, *, patience: float = 30.0) -> Table:
        """Returns the result of one read-only SQL statement. Raises QueryError if DuckDB rejects it, and StoreError if
        another process has the file open for longer than `patience` seconds."""
        with self._database.open(read_only=True, patience=patience) as connection:
            return read_table(connection, sql, parameters)

    def queries(self, *sqls: str, patience: float = 30.0) -> list[Table]:
        """Returns the results of several statements, which all read the same state of the store."""
        with self._database.open(read_only=True, patience=patience) as connection:
            return [read_table(connection, sql) for sql in sqls]

    def rows(self, sql: str, *, patience: float = 30.0) -> Iterator[dict[str, Any]]:
        """Yields the rows of one statement as dictionaries by column name. The store is held open until the last
        row."""
        with self._database.open(read_only=True, patience=patience) as connection:
            yield from read_rows(connection, sql)

    def parts(
        self, sql: str, *, tables: Mapping[str, str] | None = None, patience: float = 30.0
    ) -> Generator[list[tuple[Any, ...]]]:
        """Yields the rows of one statement in lists of some thousands. `tables` maps the names of temporary tables that
        the statement reads to the SELECTs that make them; two statements need less memory than one. If DuckDB lacks
        memory for sorting, it uses files beside the store.

        The store is held open until the last row. Meanwhile this thread may run queries, and read other `parts`. At the
        end of the first `parts`, all others are closed.
        """
        with self._database.stream(patience=patience) as connection:
            for part in read_parts(connection, sql, tables):
                pause(0)  # raises Stopped if the task was cancelled
                yield part

    def export_parquet(self, sql: str, file: str | Path, *, overwrite: bool = False, patience: float = 30.0) -> int:
        """Writes the result of one statement to a Parquet file, and returns the number of rows. Raises QueryError, and
        StoreError if the file exists (without `overwrite`) or belongs to the store."""
        if self.path == ":memory:":
            raise QueryError("a store in memory writes no Parquet: use a database file")
        self.check_target(file, overwrite=overwrite)
        with self._database.open(read_only=True, patience=patience) as connection:
            return write_parquet(connection, sql, file)

    def _note_exported(self) -> None:
        with suppress(StoreError), self._database.write() as batch:  # if the disk is full, `exported` does it later
            add_exported(batch)
