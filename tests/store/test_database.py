"""Making a database where there is none."""

import os
from pathlib import Path

import pytest

from redraft.store import Store
from redraft.store.errors import StoreError


def test_what_cannot_be_made_nor_removed_is_one_error(tmp_path: Path) -> None:
    """As on a read-only file system; a folder in its place is as hard to open and to unlink."""
    (tmp_path / f".redraft.duckdb.{os.getpid()}.new").mkdir()
    with pytest.raises(StoreError, match=r"redraft\.duckdb can't be made"):
        Store(tmp_path / "redraft.duckdb")
