"""`redraft query` as a real process: what stops it, and what it does not write over."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from redraft.store import Store

Mistake = Callable[..., str]

ENDLESS = "SELECT count(*) FROM range(10000000) a, range(1000000) b"


@pytest.mark.parametrize("extra", [(), ("--parquet", "out.parquet")])
def test_ctrl_c_ends_a_long_question_at_once(tmp_path: Path, extra: tuple[str, ...]) -> None:
    Store(tmp_path / "redraft.duckdb")
    command = [sys.executable, "-m", "redraft.flows.cli.main", "query", ENDLESS, *extra]
    run = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    _held(tmp_path / "redraft.duckdb")
    start = time.monotonic()
    run.send_signal(signal.SIGINT)
    said = run.communicate(timeout=60)
    assert (run.returncode, said) == (130, ("", "redraft: stopped\n"))
    assert time.monotonic() - start < 5
    assert [file.name for file in tmp_path.iterdir()] == ["redraft.duckdb"]


def test_mistakes_that_would_cost_data_are_one_line(mistake: Mistake, tmp_path: Path) -> None:
    store = Store(tmp_path / "redraft.duckdb")
    (tmp_path / "there.jsonl").write_text("old")
    other = Store(tmp_path / "other.duckdb")
    query = ("query", "FROM runs", "--parquet")
    for command in (query, ("export",)):
        assert "there.jsonl exists: name another, or replace it with --overwrite" in mistake(*command, "there.jsonl")
    for name, why in (("redraft", "belongs to the store redraft.duckdb"), ("other", "is a DuckDB database")):
        assert f"{name}.duckdb {why}: name another file" in mistake(*query, f"{name}.duckdb", "--overwrite")
        assert f"{name}.duckdb: an export is .jsonl" in mistake("export", f"{name}.duckdb", "--overwrite")
    assert "no run 'nosuch' in redraft.duckdb" in mistake("export", "new.jsonl", "--run", "nosuch")
    assert "the question is empty" in mistake("query", "")
    assert (tmp_path / "there.jsonl").read_text() == "old"
    assert other.query("FROM runs").rows == []
    assert store.query("FROM datasets").rows == []


def _held(file: Path) -> None:
    """Waits until somebody has the file open for a while."""
    end, times = time.monotonic() + 60, 0
    while times < 5 and time.monotonic() < end:
        time.sleep(0.1)
        try:
            duckdb.connect(str(file)).close()
            times = 0
        except duckdb.Error:
            times += 1
