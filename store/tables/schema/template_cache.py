"""An empty store. Making one takes a third of a second, copying one a millisecond: the first is kept for the others."""

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path

import duckdb

from redraft.store.tables.schema.migrations import MIGRATIONS, SCHEMA, migrate

BLOCK = "16384"  # bytes: DuckDB's 256 KiB are held in memory for each column of each table that it writes
STORAGE = "v1.2.0"  # of DuckDB, which reads it from then on: the first that compresses texts by Zstandard


def blank(path: Path) -> None:
    """Writes an empty store of the newest schema to `path`, which must not be there yet. It is copied from
    `redraft/store-KEY-DIGEST.duckdb` in the user's cache folder, which XDG_CACHE_HOME moves, where that is whole, and
    left there where it is not. Raises duckdb.Error and OSError where `path` can't be written."""
    made = _kept() or _made(path)
    if not path.exists():
        with path.open("xb") as file:
            file.write(made)
            file.flush()
            os.fsync(file.fileno())


def _made(path: Path) -> bytes:
    """Makes the store, and keeps a copy where that is possible."""
    with duckdb.connect(
        str(path), config={"default_block_size": BLOCK, "storage_compatibility_version": STORAGE}
    ) as connection:
        migrate(connection)
    made = path.read_bytes()
    with suppress(OSError):  # a cache folder that can't be written costs time and nothing else
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        new = folder / f".store.{secrets.token_hex(8)}"
        try:
            new.write_bytes(made)
            new.replace(folder / f"store-{_key()}-{_digest(made)}.duckdb")
        finally:
            new.unlink(missing_ok=True)
    return made


def _kept() -> bytes | None:
    """A copy that is whole: its name holds what its bytes hash to."""
    with suppress(OSError):
        for file in _copies():
            made = file.read_bytes()
            if file.name.endswith(f"-{_digest(made)}.duckdb"):
                return made
    return None


def _copies() -> Iterator[Path]:
    return _folder().glob(f"store-{_key()}-*.duckdb")


def _folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("redraft", appauthor=False)


def _key() -> str:
    """Of all that shapes an empty store."""
    texts = [files(SCHEMA).joinpath(name).read_bytes() for name in ("migrations.py", *MIGRATIONS)]
    return _digest(b"\0".join([duckdb.__version__.encode(), BLOCK.encode(), STORAGE.encode(), *texts]))


def _digest(text: bytes) -> str:
    return blake2b(text, digest_size=8).hexdigest()
