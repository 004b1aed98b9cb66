"""An empty store that is copied is the one that would be made."""

from pathlib import Path

import duckdb
import pytest

from redraft.store import Problem, Store
from redraft.store.errors import StoreError
from redraft.store.tables.database.file_database import FileDatabase
from redraft.store.tables.schema.migrations import SCHEMA, migrate
from redraft.store.tables.schema.template_cache import write_empty_store

QUESTIONS = (
    "SELECT schema_name, view_name, sql, comment FROM duckdb_views() WHERE NOT internal ORDER BY ALL",
    "SELECT schema_name, table_name, column_name, data_type, comment FROM duckdb_columns()"
    " WHERE NOT internal ORDER BY ALL",
    "SELECT number, name FROM raw.migrations ORDER BY number",
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "redraft"


def schema(file: Path) -> list[list[tuple[object, ...]]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return [connection.execute(sql).fetchall() for sql in QUESTIONS]


def test_the_copy_has_what_the_migrations_make(cache: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_empty_store(tmp_path / name)
    [kept] = cache.iterdir()
    assert (tmp_path / "first").read_bytes() == kept.read_bytes() == (tmp_path / "second").read_bytes()
    with duckdb.connect(str(tmp_path / "migrated")) as connection:
        migrate(connection)
    assert schema(tmp_path / "second") == schema(tmp_path / "migrated")
    numbers = [(number, names[0]) for number, names in SCHEMA.items()]
    assert schema(tmp_path / "second")[2] == numbers


def test_copies_are_stores_of_their_own(cache: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.duckdb" for name in ("one", "two")]
    for number, path in enumerate(paths):
        with Store(path) as store:
            store.add([Problem(f"What is {number} + 1?", str(number + 1))])
    with duckdb.connect() as connection:
        for number, path in enumerate(paths):
            connection.execute(f"ATTACH '{path}' AS s{number}")
        union = "SELECT answer FROM s0.problems UNION ALL SELECT answer FROM s1.problems ORDER BY 1"
        assert connection.execute(union).fetchall() == [("1",), ("2",)]


def test_a_copy_that_is_not_whole_is_made_anew(cache: Path, tmp_path: Path) -> None:
    write_empty_store(tmp_path / "first")
    [kept] = cache.iterdir()
    kept.write_bytes(kept.read_bytes()[:5000])
    with Store(tmp_path / "store.duckdb") as store:
        assert store.query("SELECT count(*) FROM problems").rows == [(0,)]
    assert any(copy.read_bytes() == (tmp_path / "store.duckdb").read_bytes() for copy in cache.iterdir())


def test_without_a_cache_folder_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with Store(tmp_path / "store.duckdb") as store:
        assert store.query("SELECT count(*) FROM problems").rows == [(0,)]


def test_what_is_there_is_left_alone(cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.duckdb"
    path.write_text("not a store")
    with pytest.raises(StoreError, match="it is not a DuckDB database: name another file"):
        FileDatabase(path, create=True, waiting=None)
    assert path.read_text() == "not a store"
