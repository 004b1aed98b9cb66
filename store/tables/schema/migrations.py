"""Migrations: the schema is a numbered list of SQL files, and a table records which files were applied. To change the
schema, add a file at the end. Never edit a released file."""

import re
from importlib.resources import files
from typing import TYPE_CHECKING

from redraft.store.errors import StoreError
from redraft.store.tables.sql import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SCHEMA = "redraft.store.tables.schema"
MIGRATIONS = (
    "001_tables.sql",
    "002_views.sql",
    "003_statistics.sql",
    "004_corrections_costs.sql",
    "005_comments.sql",
    "006_cut.sql",
    "007_prompts.sql",
    "008_corrections.sql",
    "009_labels.sql",
    "010_annotations.sql",
    "011_samples.sql",
)


def version(connection: "DuckDBPyConnection") -> int:
    """Returns how many migrations were applied to a database. Raises StoreError if the database is not redraft's, or if
    a newer version of redraft made it."""
    tables = {f"{schema}.{name}" for schema, name in connection.execute(TABLES).fetchall()}
    if "raw.migrations" not in tables:
        if tables:
            raise StoreError("it is a DuckDB database, but not one of redraft's: name another file with --db")
        return 0
    (number,) = connection.execute("SELECT coalesce(max(number), 0) FROM raw.migrations").fetchone() or (0,)
    if number > len(MIGRATIONS):
        raise StoreError(
            f"it was written by a newer redraft (schema {number}; this one knows {len(MIGRATIONS)}):"
            " upgrade redraft, or name another file with --db"
        )
    return number


def migrate(connection: "DuckDBPyConnection") -> None:
    """Applies the missing migrations to a database, each in its own transaction."""
    applied = version(connection)
    texts = [files(SCHEMA).joinpath(name).read_text(encoding="utf-8") for name in MIGRATIONS[applied:]]
    for number, (name, text) in enumerate(zip(MIGRATIONS[applied:], texts, strict=True), start=applied + 1):
        replaced = {name for later in texts[number - applied :] for name in REPLACED_VIEW.findall(later)}
        connection.execute("BEGIN")
        for statement in connection.extract_statements(text):
            view = VIEW_STATEMENT.search(statement.query)
            if view is None or view[1] not in replaced:
                connection.execute(statement)
        if number == 1:
            connection.execute(MIGRATIONS_TABLE)
        connection.execute(f"INSERT INTO raw.migrations VALUES ({number}, '{name}', now()::TIMESTAMP)")
        if number == len(MIGRATIONS):
            _copy_comments(connection)
        connection.execute("COMMIT")


def _copy_comments(connection: "DuckDBPyConnection") -> None:
    """Copies comments from columns of views to columns of `raw` that have no comment. The comment comes from the view
    with the table's name if there is such a view, else from any view with that column."""
    for table, column, comment in connection.execute(VIEW_COMMENTS).fetchall():
        connection.execute(f'COMMENT ON COLUMN raw.{table}."{column}" IS {literal(comment)}')


LEAVES = "pass_at_k|best_of_n|corrections|reward_by_n"
"""Views that no other view uses. If a later file replaces such a view, the earlier file does not make it, which saves a
tenth of the time of making an empty store."""

REPLACED_VIEW = re.compile(rf"^CREATE OR REPLACE VIEW ({LEAVES}) AS$", re.MULTILINE)
VIEW_STATEMENT = re.compile(
    rf"^(?:CREATE VIEW|CREATE OR REPLACE VIEW|COMMENT ON VIEW|COMMENT ON COLUMN) ({LEAVES})\b", re.MULTILINE
)
VIEW_COMMENTS = """
    WITH columns AS MATERIALIZED (FROM duckdb_columns() WHERE schema_name IN ('main', 'raw'))
    SELECT r.table_name, r.column_name, arg_max(v.comment, v.table_name = r.table_name)
    FROM columns r JOIN columns v
        ON v.schema_name = 'main' AND v.column_name = r.column_name AND v.comment IS NOT NULL
    WHERE r.schema_name = 'raw' AND r.comment IS NULL GROUP BY ALL"""
TABLES = "SELECT table_schema, table_name FROM information_schema.tables"
MIGRATIONS_TABLE = "CREATE TABLE raw.migrations (number INTEGER, name VARCHAR, applied_at TIMESTAMP)"
