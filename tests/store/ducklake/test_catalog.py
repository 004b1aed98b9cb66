"""What goes wrong with the catalog is told in one line with its cure; and while PostgreSQL is away, a batch waits."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.store import Store
from redraft.store.ducklake import catalog
from redraft.store.errors import StoreError
from redraft.store.unit import Unit

Maker = Callable[..., Unit]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("dbname=postgres", "dbname=nowhere", 'database "nowhere" does not exist): make it, or correct --db'),
        ("user=redraft", "user=stranger", 'role "stranger" does not exist): make it, or correct --db'),
        ("dbname=postgres", "dbname=postgres port=1", "can't be reached (connection to server on socket"),
        ("user=redraft", "user=redraft host=nowhere.invalid", "could not translate host name"),
        ("user=redraft", "user=redraft color=blue", 'invalid connection option "color"): correct --db'),
    ],
)
def test_a_wrong_catalog_is_one_line(ducklake: str, old: str, new: str, says: str) -> None:
    with pytest.raises(StoreError) as raised:
        Store(ducklake.replace(old, new))
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_password_is_told_where_to_put(ducklake: str, postgres: Any) -> None:
    settings = postgres.folder / "data" / "pg_hba.conf"
    before = settings.read_text()
    try:
        settings.write_text("local all all scram-sha-256\n")
        postgres.reload()
        with pytest.raises(StoreError, match=r"no password supplied.*PGPASSWORD, or write the password into ~/.pgpass"):
            Store(ducklake)
    finally:
        settings.write_text(before)
        postgres.reload()


def test_missing_extensions_name_the_extra(ducklake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_packaged", lambda name: None)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    connect = catalog.duckdb.connect
    offline = {"extension_directory": str(tmp_path / "none"), "custom_extension_repository": "http://127.0.0.1:9"}
    monkeypatch.setattr(catalog.duckdb, "connect", lambda path, config: connect(path, config={**config, **offline}))
    with pytest.raises(StoreError, match=r"pip install 'redraft\[ducklake\]'") as raised:
        Store(ducklake)
    assert "\n" not in str(raised.value)


def test_the_packages_are_those_of_this_duckdb() -> None:
    assert all(map(catalog._packaged, catalog.EXTENSIONS))
    assert catalog._packaged("no_such_extension") is None


def test_a_batch_waits_for_postgresql_and_is_stored_once(
    ducklake: str, make_unit: Maker, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "NOTICE_S", 0.1)
    said: list[str] = []
    store = Store(ducklake, waiting=said.append)
    store.publish([make_unit([[("1", True)]], problem_id="p0")])
    postgres.stop("immediate")
    waiting = threading.Thread(target=store.publish, args=([make_unit([[("1", True)]], problem_id="p1")],))
    waiting.start()
    time.sleep(0.5)
    assert waiting.is_alive()
    postgres.start()
    waiting.join(20)
    assert not waiting.is_alive()
    assert store.query("SELECT problem_id FROM trajectories ORDER BY ALL").rows == [("p0",), ("p1",)]
    [message] = said
    assert message.startswith("waits for PostgreSQL: ")
    assert message.endswith("; what is collected is safe")


def test_postgresql_that_stays_away_ends_a_batch_with_one_line(
    ducklake: str, make_unit: Maker, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "GONE_S", 0.3)
    store = Store(ducklake, waiting=lambda text: None)
    units = [make_unit([[("1", True)]], problem_id="p0")]
    postgres.stop("immediate")
    for operation in (lambda: store.publish(units), lambda: store.done("r", "")):
        with pytest.raises(StoreError, match=r"can't be reached for 0.3 s .*give the same command again") as raised:
            operation()
        assert "\n" not in str(raised.value)
    with pytest.raises(StoreError, match=r"can't be reached for 0.1 s"):
        store.query("FROM runs", patience=0.1)
    with pytest.raises(StoreError, match="PostgreSQL can't be reached"):
        Store(ducklake)
    postgres.start()
    assert store.publish(units) == 1
    assert store.query("SELECT count(*) FROM raw.turns").rows == [(1,)]


def test_a_server_that_dies_in_the_middle_of_a_commit_loses_and_doubles_nothing(
    ducklake: str, make_unit: Maker, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redraft.store.ducklake.ducklake_committer import DuckLakeCommitter

    store = Store(ducklake, waiting=lambda text: None)
    add, left = DuckLakeCommitter._add, [2]

    def dying(self: Any, *given: Any) -> bool:
        found = add(self, *given)
        if left[0]:
            left[0] -= 1
            postgres.stop("immediate")
            postgres.start()
        return found

    monkeypatch.setattr(DuckLakeCommitter, "_add", dying)
    assert store.publish([make_unit([[("1", True)]], problem_id=f"p{n}") for n in range(3)]) == 3
    assert left == [0]
    assert store.query("SELECT count(*), count(DISTINCT unit_id) FROM raw.commits").rows == [(3, 3)]
    assert store.query("SELECT count(*) FROM raw.turns").rows == [(3,)]


def test_no_message_quotes_a_statement() -> None:
    """DuckLake's errors quote the statement, which has the smallest and greatest text of each column."""
    statement = "Failed to execute query \"INSERT INTO x VALUES ('hush', 'a \"b\": c')\": "
    for end, says in (
        ('ERROR:  duplicate key value violates unique constraint "x"\nDETAIL: hush', "duplicate key value"),
        ("", "the connection to PostgreSQL has ended"),
        ("server closed the connection unexpectedly\n\tThis probably means", "server closed the connection"),
    ):
        told = str(catalog.lake_error("db", catalog.duckdb.Error(statement + end)))
        assert "hush" not in told, told
        if end:
            assert says in told
        assert "\n" not in told
