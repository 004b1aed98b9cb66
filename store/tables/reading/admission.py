"""Checks that SQL statements are read-only. The configuration of the connection is already locked, so DuckDB itself
rejects other files, the network and settings. But inside the folders that it may read, it would also write."""

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from redraft.store.errors import QueryError
from redraft.store.tables.sql import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def check_query(connection: "DuckDBPyConnection", sql: str) -> None:
    """Raises QueryError unless the text is one statement that only reads. This is decided by DuckDB's type of the
    statement, and by the table functions that it calls. For a PIVOT, DuckDB adds a CREATE TYPE statement without text,
    which is ignored. Raises duckdb.Error if the text is not SQL."""
    found = connection.extract_statements(sql)
    statements = [statement for statement in found if statement.query or statement.type.name != "CREATE"]
    if len(statements) != 1:
        raise QueryError(
            "one statement at a time: ask them one after the other"
            if statements
            else "the question is empty: ask one in SQL, such as FROM runs"
        )
    kind, text = statements[0].type.name, statements[0].query or sql
    if kind == "EXPLAIN":
        check_query(connection, _explained(text))
    elif kind != "SELECT":
        raise QueryError(f"a query can only read, and this statement is of the kind {kind}: ask a SELECT, or FROM runs")
    elif refused := next((name for name in _called(connection, text) if not _only_reads(name)), None):
        raise QueryError(f"a query can only read, and {refused} does more, or runs a text as SQL: leave it out")


def _explained(text: str) -> str:
    """Returns the statement after EXPLAIN. Raises QueryError if the text begins with something else, such as a
    comment."""
    beginning = re.match(r"\s*EXPLAIN\b(\s+ANALYZE\b)?(\s*\([^()]*\))?", text, re.IGNORECASE)
    if not beginning:
        raise QueryError("begin with the word EXPLAIN, and go on with the query")
    return text[beginning.end() :]


def _called(connection: "DuckDBPyConnection", text: str) -> list[str]:
    """Returns the names of the table functions that a SELECT calls, in lower case. Functions in the schema `raw` belong
    to the store, and are left out."""
    [(tree,)] = connection.execute(f"SELECT json_serialize_sql({literal(text)})").fetchall()
    parsed = json.loads(tree)
    if parsed["error"]:  # a PIVOT whose columns DuckDB must look up first: any word might be a call
        return sorted(_functions(connection).intersection(re.findall(r"\w+", text.lower())))
    return list(_table_functions(parsed))


def _table_functions(node: Any) -> Iterator[str]:
    """Yields the names of the table functions in a node of a statement's syntax tree."""
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _table_functions(part)
    if isinstance(node, dict) and node.get("type") == "TABLE_FUNCTION" and node["function"].get("schema") != "raw":
        yield node["function"]["function_name"].lower()


def _only_reads(name: str) -> bool:
    return name in READING or name.startswith(READING_BEGINNINGS)


def _functions(connection: "DuckDBPyConnection") -> frozenset[str]:
    return frozenset(name.lower() for (name,) in connection.execute(FUNCTIONS).fetchall())


READING = {
    "range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree", "glob", "sniff_csv",
    "test_all_types", "icu_calendar_names", "pg_timezone_names", "show", "show_tables", "show_databases", "summary",
    "version", "platform", "functions", "user_agent", "collations", "table_info", "storage_info", "metadata_info",
    "database_list", "database_size",
}  # fmt: skip
READING_BEGINNINGS = ("duckdb_", "pragma_", "read_", "parquet_")
FUNCTIONS = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ('table', 'pragma')"
