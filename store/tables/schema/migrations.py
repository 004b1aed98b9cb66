"""The schema, as a numbered list of SQL files. A table records which numbers were applied to a database.

To change the schema, add a number with its files at the end of SCHEMA; never edit a released file. A database with
schema 11 or older has different tables, so it is copied to a new file: see `redraft.store.tables.upgrade`.
"""

from importlib.resources import files
from typing import TYPE_CHECKING

from redraft.store.errors import StoreError
from redraft.store.tables.sql import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PACKAGE = "redraft.store.tables.schema"
BASELINE = 12
"""The first schema number of a new database. The schemas 1 to 11 had different tables."""
SCHEMA = {
    BASELINE: ("tables.sql", "records.sql", "statistics.sql", "corrections.sql", "graders.sql", "costs.sql"),
    13: ("augment.sql",),
    14: ("rounds.sql",),
    15: ("diversity.sql",),
    16: ("collapse.sql",),
    17: ("samples.sql",),
    18: ("pass_at_k.sql",),
    19: ("exported.sql",),
}
NEWEST = max(SCHEMA)


def version(connection: "DuckDBPyConnection") -> int:
    """Returns the schema number of a database; 0 if the database is empty. Raises StoreError if the database is not
    redraft's, or if a newer version of redraft made it."""
    tables = {f"{schema}.{name}" for schema, name in connection.execute(TABLES).fetchall()}
    if "raw.migrations" not in tables:
        if tables:
            raise StoreError("it is a DuckDB database, but not one of redraft's: name another file with --db")
        return 0
    (number,) = connection.execute("SELECT coalesce(max(number), 0) FROM raw.migrations").fetchone() or (0,)
    if number > NEWEST:
        raise StoreError(
            f"it was written by a newer redraft (schema {number}; this one knows {NEWEST}):"
            " upgrade redraft, or name another file with --db"
        )
    return number


def migrate(connection: "DuckDBPyConnection") -> None:
    """Upgrades an empty database, or a database of schema 12 or newer, to the newest schema. Each number is applied in
    one transaction."""
    applied = version(connection)
    for number, names in SCHEMA.items():
        if number > applied:
            connection.execute("BEGIN")
            for name in names:
                _run(connection, name)
            _copy_comments(connection)
            _record(connection, number, names[0])
            connection.execute("COMMIT")


def _run(connection: "DuckDBPyConnection", name: str) -> None:
    text = files(PACKAGE).joinpath(name).read_text(encoding="utf-8")
    for statement in connection.extract_statements(text):
        connection.execute(statement)


def _record(connection: "DuckDBPyConnection", number: int, name: str) -> None:
    connection.execute(f"INSERT INTO raw.migrations VALUES ({number}, {literal(name)}, now()::TIMESTAMP)")


def _copy_comments(connection: "DuckDBPyConnection") -> None:
    """Copies comments to columns in `raw` that have none, from columns with the same name. A column of the view with
    the table's name takes precedence, then any view that analysts read, then any table or view in `raw`."""
    for table, column, comment in connection.execute(SAME_COMMENTS).fetchall():
        connection.execute(f'COMMENT ON COLUMN raw.{table}."{column}" IS {literal(comment)}')


SAME_COMMENTS = """
    WITH columns AS MATERIALIZED (FROM duckdb_columns() WHERE schema_name IN ('main', 'raw'))
    SELECT r.table_name, r.column_name,
           arg_max(v.comment, CASE WHEN v.schema_name = 'raw' THEN 0 WHEN v.table_name = r.table_name THEN 2 ELSE 1 END)
    FROM columns r JOIN columns v ON v.column_name = r.column_name AND v.comment IS NOT NULL
    WHERE r.schema_name = 'raw' AND r.comment IS NULL GROUP BY ALL"""
TABLES = "SELECT table_schema, table_name FROM information_schema.tables"
