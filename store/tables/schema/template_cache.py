"""Makes empty stores from a cached copy, because making a store takes a third of a second, and copying it a
millisecond."""

import os
import secrets
from contextlib import suppress
from hashlib import blake2b
from importlib.resources import files
from itertools import chain
from pathlib import Path

import duckdb

from redraft.store.tables.schema.migrations import PACKAGE, SCHEMA, migrate

BLOCK = "16384"  # bytes; DuckDB keeps a block in memory for each column that it writes (default: 256 KiB)
STORAGE = "v1.2.0"  # the first storage version of DuckDB that compresses texts by Zstandard


def write_empty_store(path: Path) -> None:
    """Writes an empty store with the newest schema to `path`, which must not exist. The store is copied from
    `redraft/store-KEY-DIGEST.duckdb` in the user's cache folder (see XDG_CACHE_HOME). If the cached copy is missing or
    damaged, the store is made and cached. Raises duckdb.Error and OSError if `path` can't be written."""
    content = _read_cache() or _make(path)
    if not path.exists():
        with path.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def _make(path: Path) -> bytes:
    """Makes an empty store and returns its content. Also caches it if the cache folder can be written."""
    with duckdb.connect(
        str(path), config={"default_block_size": BLOCK, "storage_compatibility_version": STORAGE}
    ) as connection:
        migrate(connection)
    content = path.read_bytes()
    with suppress(OSError):  # a cache folder that can't be written only costs time
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        new = folder / f".store.{secrets.token_hex(8)}"
        try:
            new.write_bytes(content)
            new.replace(folder / f"store-{schema_digest()}-{_digest(content)}.duckdb")
        finally:
            new.unlink(missing_ok=True)
    return content


def _read_cache() -> bytes | None:
    """Returns the content of the cached copy; None if there is no copy with the digest that its name states."""
    with suppress(OSError):
        for file in cache_folder().glob(f"store-{schema_digest()}-*.duckdb"):
            content = file.read_bytes()
            if file.name.endswith(f"-{_digest(content)}.duckdb"):
                return content
    return None


def cache_folder() -> Path:
    """Returns the path of the user's cache folder."""
    from platformdirs import user_cache_path

    return user_cache_path("redraft", appauthor=False)


def schema_digest() -> str:
    """Returns a digest of everything that the content of an empty store depends on."""
    names = ("migrations.py", *chain.from_iterable(SCHEMA.values()))
    texts = [files(PACKAGE).joinpath(name).read_bytes() for name in names]
    return _digest(b"\0".join([duckdb.__version__.encode(), BLOCK.encode(), STORAGE.encode(), *texts]))


def _digest(text: bytes) -> str:
    return blake2b(text, digest_size=8).hexdigest()
