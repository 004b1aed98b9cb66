"""Values inside SQL text, and rows in bulk, as DuckDB reads them."""

import math
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from redraft.store.tables.sql import LISTED, ROWS, Appender, insert, literal, one_of

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)


Connection = duckdb.DuckDBPyConnection
TABLE = "CREATE TABLE sql_of_a_test (n INTEGER, t VARCHAR, x DOUBLE, moment TIMESTAMP, j JSON)"


@pytest.fixture
def connection() -> Iterator[Connection]:
    with duckdb.connect() as connection:
        connection.execute(TABLE)
        yield connection


def found(connection: Connection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchall()


@SHARED
@given(some.text(max_size=8))
def test_a_literal_is_its_text_without_nul(connection: Connection, text: str) -> None:
    assert found(connection, f"SELECT {literal(text)}") == [(text.replace("\0", ""),)]


def test_none_is_null(connection: Connection) -> None:
    assert found(connection, f"SELECT {literal(None)}, {literal('')} = ''") == [(None, True)]


@pytest.mark.parametrize("size", [0, 1, 2, LISTED, LISTED + 1, 3000])
def test_a_condition_finds_its_values_whatever_their_number(connection: Connection, size: int) -> None:
    values = [f"it's {number}" for number in range(size)]
    condition = one_of("v", values)
    assert (len(condition) < 60) == (size < 3)
    wanted = {f"it's {number}" for number in range(0, 4000, 7)} & set(values)
    sql = f"SELECT v FROM (SELECT concat('it''s ', i * 7) v FROM range(600) r(i)) WHERE {condition}"
    assert {value for (value,) in found(connection, sql)} == wanted


ROW = some.tuples(
    some.none() | some.integers(-(2**31), 2**31 - 1),
    some.none() | some.text(max_size=5),
    some.none() | some.floats(),
    some.none() | some.datetimes().map(lambda moment: moment.replace(fold=0)),
    some.none() | some.just('{"a": [null, "é"]}'),
)


@pytest.fixture(scope="module", params=["from a file", "as a text"])
def target(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A connection that must not read files any more gets rows as SQL text."""
    with duckdb.connect() as connection:
        connection.execute(TABLE)
        if request.param == "as a text":
            connection.execute("SET enable_external_access = false")
        yield connection


@SHARED
@given(rows=some.lists(ROW, max_size=4))
def test_rows_come_back(target: Connection, rows: list[tuple[Any, ...]]) -> None:
    target.execute("DELETE FROM sql_of_a_test")
    insert(target, "sql_of_a_test", [(n, t, x, moment and str(moment), j) for n, t, x, moment, j in rows])
    assert repr(found(target, "FROM sql_of_a_test ORDER BY rowid")) == repr(rows)


@pytest.mark.parametrize("number", [ROWS - 1, ROWS, ROWS + 1, 2 * ROWS + 5])
def test_a_full_batch_is_written_at_once_and_the_rest_with_flush(connection: Connection, number: int) -> None:
    appender = Appender(connection)
    for n in range(number):
        appender.add("sql_of_a_test", [(n, None, math.nan, None, "{}")])
    assert found(connection, "SELECT count(*) FROM sql_of_a_test") == [(number // ROWS * ROWS,)]
    appender.flush()
    appender.flush()
    count = "SELECT count(*), count(DISTINCT n), max(n), count_if(isnan(x)) FROM sql_of_a_test"
    assert found(connection, count) == [(number, number, number - 1, number)]


def test_no_rows_are_no_statement_and_tables_stay_apart(connection: Connection) -> None:
    connection.execute("CREATE TABLE other_of_a_test (t VARCHAR)")
    appender = Appender(connection)
    appender.add("no_such_table", [])
    appender.add("other_of_a_test", [("a",), ("b",)])
    appender.add("sql_of_a_test", [(1, "c", None, None, None)])
    appender.flush()
    assert found(connection, "FROM other_of_a_test") == [("a",), ("b",)]
    assert found(connection, "SELECT t FROM sql_of_a_test") == [("c",)]


def test_a_row_that_does_not_fit_is_refused(connection: Connection) -> None:
    with pytest.raises(ValueError, match="zip"):
        insert(connection, "sql_of_a_test", [(1, "a", 0.5, None, None), (2, "b")])
    with pytest.raises(duckdb.CatalogException, match="no_such_table"):
        insert(connection, "no_such_table", [(1,)])
