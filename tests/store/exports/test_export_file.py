"""A file that appears when it is complete, and what killed processes leave of one."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from redraft.store import Store
from redraft.store.errors import QueryError
from redraft.store.exports.export_file import replacing

LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
from redraft.flows.cli.main import main
main(["query", "SELECT random() AS x, range FROM range(100000)", "--parquet", "out.parquet", "--overwrite"])
"""


@pytest.mark.parametrize("before", [None, "old"])
def test_a_full_disk_leaves_what_was_there(before: str | None, tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk: writing fails in the same places."""
    Store(tmp_path / "redraft.duckdb").close()
    file = tmp_path / "out.parquet"
    if before:
        file.write_text(before)
    done = subprocess.run([sys.executable, "-c", LIMITED], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("redraft: out.parquet can't be written: File too large: free some space")
    assert (file.read_text() if file.exists() else None) == before
    assert not list(tmp_path.glob(".*.new"))


def test_what_a_killed_process_left_is_removed_and_what_another_writes_is_not(tmp_path: Path) -> None:
    file = tmp_path / "rows[1].jsonl"
    left, written, other = (
        tmp_path / f".{name}.new" for name in ("rows[1].jsonl.1", "rows[1].jsonl.2", "rows1.jsonl.1")
    )
    for one in (left, written, other):
        one.touch()
    with written.open() as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        with replacing(file) as new:
            new.write_text("all")
            assert not file.exists()
    assert (file.read_text(), left.exists(), written.exists(), other.exists()) == ("all", False, True, True)


def test_a_query_that_fails_writes_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(QueryError):
        store.export_parquet("SELECT error('x')", tmp_path / "out.parquet")
    assert not list(tmp_path.glob("*out.parquet*"))
