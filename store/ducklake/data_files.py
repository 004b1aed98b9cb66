"""The Parquet files of a batch, a file for each table. They are no part of the store before they are registered."""

import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from redraft.store.lake.folder import sync
from redraft.store.lake.segments import PARQUET
from redraft.store.tables.sql import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class DataFiles:
    """The files of a batch below DuckLake's `data_path`, where DuckLake itself would write them. `rows` are their rows
    by the names of the tables; `kept` is true if they may be part of the store. What a killed process leaves is removed
    a day later (`ducklake_compaction.py`)."""

    def __init__(self, data_path: Path) -> None:
        self.name = f"{time.time_ns() // 1000:016d}-{secrets.token_hex(6)}"
        self.rows: dict[str, int] = {}
        self.kept = False
        self._data_path = data_path
        self._written: list[Path] = []

    def file(self, table: str) -> Path:
        """Returns the path of the file of a table."""
        return self._data_path / "raw" / table / f"{self.name}.parquet"

    def copy(self, connection: "DuckDBPyConnection", table: str, select: str) -> None:
        """Writes the rows of a table, from a SELECT that has its columns. A table can be written once."""
        file = self.file(table)
        file.parent.mkdir(parents=True, exist_ok=True)
        self._written.append(file)
        [(rows,)] = connection.execute(f"COPY ({select}) TO {literal(str(file))} ({PARQUET})").fetchall()
        if rows:
            sync(file)
            sync(file.parent)
            self.rows[table] = rows
        else:
            file.unlink()

    def discard(self) -> None:
        """Removes what was written, unless it may be part of the store."""
        if not self.kept:
            for file in self._written:
                with suppress(OSError):
                    file.unlink()
            self._written, self.rows = [], {}
