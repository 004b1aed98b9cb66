"""Makes the database through which a DuckLake is read: as for a folder store, but each table in `raw` is a view of the
DuckLake's table of that name. The variable `snapshot` says which state of it is read."""

import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from redraft.store.ducklake.catalog import LAKE, connect
from redraft.store.lake.template import ROWID, VIEWS, Template, cached, make_views
from redraft.store.tables.sql import literal


@cache
def ducklake_template() -> Template:
    """Returns the template. Raises StoreError if it can't be made."""
    return cached("ducklake", [VIEW, ROWID], _make)


def _make(folder: Path) -> None:
    """DuckDB makes a view of a table only if the table is there, so this makes a DuckLake that is a file."""
    with tempfile.TemporaryDirectory(prefix="redraft-") as place, connect(path=str(folder / VIEWS)) as connection:
        catalog = literal(f"ducklake:{place}/catalog")
        connection.execute(f"ATTACH {catalog} AS {LAKE} (DATA_PATH {literal(f'{place}/')})")

        def prepare(tables: Iterable[str]) -> None:
            made = "; ".join(f"CREATE TABLE {LAKE}.raw.{table} AS FROM raw.{table}" for table in tables)
            connection.execute(f"BEGIN; CREATE SCHEMA {LAKE}.raw; {made}; COMMIT")
            connection.execute(f"SET VARIABLE snapshot = (FROM ducklake_current_snapshot('{LAKE}'))")

        make_views(connection, VIEW, prepare)


VIEW = f"SELECT {{columns}}, rowid FROM {LAKE}.raw.{{table}} AT (VERSION => getvariable('snapshot'))"
