"""Checks the file that an export writes. The file must be no part of a store and no database. If the file exists, the
user must allow that the export overwrites it."""

from pathlib import Path

from redraft.store.errors import StoreError


def check_export_file(store: str, file: Path, *, overwrite: bool) -> None:
    """Raises StoreError if writing `file` would destroy the store at the path `store` (its file, its .wal, its
    journals) or another database; and, without `overwrite`, if `file` exists and is not empty."""
    if store != ":memory:" and _belongs_to(Path(store), file):
        raise StoreError(f"{file} belongs to the store {store}: name another file")
    if file.exists() and not file.is_file():
        raise StoreError(f"{file} is no regular file: name another file")
    if _is_database(file):
        raise StoreError(f"{file} is a DuckDB database: name another file")
    if not overwrite and file.exists() and file.stat().st_size:  # an empty file has nothing to lose
        raise StoreError(f"{file} exists: name another, or replace it with --overwrite")


def _belongs_to(store: Path, file: Path) -> bool:
    """Returns whether a file is the store's database, its log, or one of its journals."""
    own, other = store.resolve(), file.resolve()
    if other in (own, Path(f"{own}.wal")) or Path(f"{own}.journal") in (other, *other.parents):
        return True
    return other.exists() and own.exists() and other.samefile(own)


def _is_database(file: Path) -> bool:
    """Returns whether a file exists and is a DuckDB database. DuckDB's magic bytes after the checksum tell."""
    if not file.is_file():
        return False
    try:
        with file.open("rb") as stream:
            return stream.read(12)[8:] == b"DUCK"
    except OSError:
        return False
