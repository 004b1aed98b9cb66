"""The text by which `--db` names a DuckLake: `ducklake:postgres:dbname=redraft host=db data_path=/shared/runs`.

After `ducklake:postgres:` it is written as libpq's connection strings are, with two more keys of DuckLake: `data_path`
is the folder of the Parquet files, and `metadata_schema` the schema of the catalog's tables.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from redraft.store.errors import StoreError

PREFIX = "ducklake:"
POSTGRES = f"{PREFIX}postgres:"
SCHEMA = "redraft"
FORM = f"{POSTGRES}dbname=... host=... data_path=..."
PAIR = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)+)(?=\s|$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """Where the catalog is and, if the text says so, where the files are. `connection` is for libpq."""

    connection: str
    schema: str = SCHEMA
    data_path: Path | None = None


def is_ducklake(text: str) -> bool:
    """Returns whether the text names a DuckLake."""
    return text.startswith(PREFIX)


def read_address(text: str) -> Address:
    """Returns what a text says. Raises StoreError if it can't be read, or holds a password. The message doesn't repeat
    the text."""
    if not text.startswith(POSTGRES):
        raise StoreError(f"a DuckLake store has its catalog in PostgreSQL: name it as --db '{FORM}'")
    rest = text.removeprefix(POSTGRES)
    if "://" in rest.partition("=")[0]:
        raise StoreError(f"an address with :// can't name a store, since it may hold a password: write --db '{FORM}'")
    values: dict[str, str] = {}
    place = 0
    while rest[place:].strip():
        found = PAIR.match(rest, place)
        if not found:
            raise StoreError(
                f"--db has a part that is no key=value: write --db '{FORM}', and a value with blanks in ''"
            )
        quoted = found[2][1:-1] if found[2].startswith("'") else found[2]
        values[found[1].lower()] = re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
        place = found.end()
    if any("password" in key for key in values):
        raise StoreError(
            "--db holds a password, and the text of --db comes into logs and databases: leave it out, and set the"
            " variable PGPASSWORD or write it into ~/.pgpass"
        )
    schema, data_path = values.pop("metadata_schema", SCHEMA), values.pop("data_path", None)
    if data_path and "://" in data_path:
        raise StoreError("data_path must be a folder that all machines share: journals and leases lie in it, too")
    connection = " ".join(f"{key}={_quote(value)}" for key, value in values.items())
    return Address(connection, schema, Path(os.path.abspath(data_path)) if data_path else None)


def _quote(value: str) -> str:
    plain = re.fullmatch(r"[^\s'\\]+", value)
    return value if plain else "'" + re.sub(r"(['\\])", r"\\\1", value) + "'"
