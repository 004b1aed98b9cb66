"""A store of schema 11, as the last redraft with that schema wrote it: its rows come whole into the new tables, and
each view answers what it answered there, whatever stops the copy on its way."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pytest

from redraft.store import Store
from redraft.store.calls import Call
from redraft.store.errors import StoreError
from redraft.store.tables.schema.migrations import NEWEST
from redraft.store.tables.sql import literal
from redraft.store.tables.upgrade import copies, upgrade
from redraft.store.unit import Unit

OLD: Mapping[str, Any] = json.loads(Path(__file__).with_name("store_11.json").read_text(encoding="utf-8"))
"""The rows of each table of a store of schema 11, and what its views answered: their rows, or a digest of them. The
store has samples, redrafts, a searched tree with a critic, annotations by five graders, labels and an export."""
TABLES = {
    int(number): statements
    for part in Path(__file__).with_name("tables_11.sql").read_text(encoding="utf-8").split("\n-- ")[1:]
    for number, statements in [part.split("\n", 1)]
}
"""The statements that made the old tables, by the number of the schema that brought them."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return written(tmp_path / "old.duckdb", 11)


def written(path: Path, schema: int) -> Path:
    """Writes the rows of OLD into a store of an old schema, without what it has not got yet."""
    with duckdb.connect(str(path)) as connection:
        for number, statements in TABLES.items():
            if number <= schema:
                connection.execute(statements)
        for number in range(1, schema + 1):
            connection.execute(f"INSERT INTO raw.migrations VALUES ({number}, 'file', now()::TIMESTAMP)")
        there = [table for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        for table in OLD["tables"].keys() & there:
            columns = len(connection.execute(f"DESCRIBE raw.{table}").fetchall())
            for row in OLD["tables"][table]:
                values = ", ".join("NULL" if value is None else literal(str(value)) for value in row[:columns])
                connection.execute(f"INSERT INTO raw.{table} VALUES ({values})")
    return path


def answers(store: Store, view: str, columns: Sequence[str]) -> list[list[str]]:
    """The rows of a view in order, with numbers to six digits."""
    names = ", ".join(f'"{column}"' for column in columns)
    rows = store.query(f"SELECT {names} FROM {view}").rows
    return sorted([_text(value) for value in row] for row in rows)


def _text(value: object) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def check(path: Path) -> None:
    """Each view answers what it answered in the old store, and nothing is left beside the store."""
    store = Store(path)
    for view, known in OLD["views"].items():
        found = answers(store, view, known["columns"])
        if "rows" in known:
            assert found == known["rows"], view
        else:
            assert len(found) == known["count"], view
            assert sha256(json.dumps(found).encode()).hexdigest() == known["digest"], view
    assert os.listdir(path.parent) == [path.name]


def test_every_view_answers_as_before(old: Path) -> None:
    check(old)


def test_the_schema_is_that_of_a_new_store(old: Path) -> None:
    store, fresh = Store(old), Store(old.with_name("fresh.duckdb"))
    for sql in (
        "SELECT schema_name, view_name, sql, comment FROM duckdb_views() WHERE NOT internal ORDER BY ALL",
        "SELECT schema_name, table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal"
        " ORDER BY ALL",
    ):
        assert store.query(sql).rows == fresh.query(sql).rows
    assert [number for (number,) in store.query("SELECT number FROM raw.migrations ORDER BY ALL").rows] == [
        *range(1, NEWEST + 1)
    ]


def test_calls_that_were_kept_without_a_time_have_that_of_their_unit(tmp_path: Path) -> None:
    store = Store(written(tmp_path / "older.duckdb", 10))
    assert store.query("SELECT count(answered_at), count(*) FROM raw.calls").rows == [(0, len(OLD["tables"]["calls"]))]
    late = "SELECT count(*) FROM calls JOIN raw.commits USING (unit_id, attempt) WHERE answered_at <> finished_at"
    assert store.query(late).rows == [(0,)]
    assert answers(store, "pass_at_k", OLD["views"]["pass_at_k"]["columns"]) == OLD["views"]["pass_at_k"]["rows"]


def test_a_store_of_the_first_schema_has_neither_prompts_nor_labels(tmp_path: Path) -> None:
    store = Store(written(tmp_path / "first.duckdb", 1))
    assert store.query("SELECT (SELECT count(*) FROM prompts), (SELECT count(*) FROM labels)").rows == [(0, 0)]
    assert answers(store, "pass_at_k", OLD["views"]["pass_at_k"]["columns"]) == OLD["views"]["pass_at_k"]["rows"]


def test_new_units_follow_the_old_ones(
    old: Path, make_unit: Callable[..., Unit], make_call: Callable[..., Call]
) -> None:
    store = Store(old)
    before = store.query("SELECT count(*), max(commit_id) FROM raw.commits").rows[0]
    unit_id = make_unit([], problem_id="q").unit_id
    call = make_call(unit_id, 2, problem_id="q", answered_at=1_767_355_200.125, failed_tries={"HTTP 429": 2})
    store.publish([make_unit([[("1", True)]], problem_id="q", calls=[(call, [{"text": "y"}])])])
    assert before[0] == before[1]
    assert store.query("SELECT count(*), max(commit_id) > 1e15 FROM raw.commits").rows == [(before[0] + 1, True)]
    assert store.calls([unit_id]) == [(call, [{"text": "y"}])]


def test_small_parts_make_the_same_store(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "PART", 7)
    monkeypatch.setattr(copies, "TURNS_PART", 3)
    check(old)


def test_what_is_copied_already_is_not_copied_again(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "PART", 20)
    monkeypatch.setattr(copies, "TURNS_PART", 5)
    done: list[str] = []
    copy = copies._copy

    def breaking(*part: Any) -> None:
        if len(done) % 4 == 3:
            done.append("broke")
            raise duckdb.IOException("No space left on device")
        copy(*part)
        done.append(str(part[1:]))

    monkeypatch.setattr(copies, "_copy", breaking)
    for _ in range(4):
        with pytest.raises(StoreError, match=r"^[^\n]*the disk is full[^\n]*The store is as it was[^\n]*$"):
            Store(old)
    monkeypatch.setattr(copies, "_copy", copy)
    parts = [part for part in done if part != "broke"]
    assert len(parts) == len(set(parts))
    check(old)


def test_killed_anywhere_it_goes_on(old: Path) -> None:
    code = (
        "import sys; from redraft.store import Store; from redraft.store.tables.upgrade import copies;"
        "copies.PART = 10; copies.TURNS_PART = 3; print('.', flush=True); Store(sys.argv[1])"
    )
    killed = 0
    for wait in (0.02, 0.1, 0.2, 0.3, 0.4, 0.5):
        process = subprocess.Popen([sys.executable, "-c", code, str(old)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        process.stdout.close()
    assert killed
    check(old)


def test_a_copy_that_ended_takes_the_place_of_the_store_later(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(descriptor: int) -> None:
        raise OSError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(upgrade.os, "fsync", broken)
        with pytest.raises(StoreError, match=r"\(gone\)\. The store is as it was"):
            Store(old)
    check(old)


def test_processes_that_open_it_at_once_copy_it_once(old: Path) -> None:
    code = "import sys; from redraft.store import Store; print(Store(sys.argv[1]).query('FROM pass_at_k').rows)"
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(old)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    told = [run.communicate() for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], told
    assert len({out for out, _ in told}) == 1
    check(old)


def test_a_full_disk_leaves_the_store_as_it_was(old: Path) -> None:
    content = old.read_bytes()
    size = 700_000  # bytes: more than an empty store takes, and less than the copy

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    code = "import sys; from redraft.store import Store; Store(sys.argv[1])"
    run = subprocess.run(
        [sys.executable, "-c", code, str(old)], preexec_fn=limit, capture_output=True, text=True, check=False
    )
    if run.returncode == 0:
        pytest.fail("the copy fits: make the limit smaller")
    assert "The store is as it was" in run.stderr
    assert old.read_bytes() == content
    check(old)
