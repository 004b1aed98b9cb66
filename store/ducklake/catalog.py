"""Connects DuckDB to a DuckLake whose catalog is in PostgreSQL, and turns what goes wrong into one line with a cure."""

import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import duckdb

from redraft.store.ducklake.address import Address
from redraft.store.errors import StoreError
from redraft.store.tables.database.connection import store_error
from redraft.store.tables.sql import hide_progress, literal
from redraft.store.waiting import pause

LAKE = "lake"
"""The name of the DuckLake in statements."""
METADATA = f"__ducklake_metadata_{LAKE}"
"""The name by which DuckLake attaches the catalog's tables."""
NOTICE_S = 0.5  # seconds until a message says that an operation waits
GONE_S = 600.0  # the most seconds that an operation of a run waits for PostgreSQL
LONGEST_PAUSE_S = 1.0
Config = dict[str, str | bool | int | float | list[str]]


def connect(config: Config | None = None, path: str = ":memory:") -> duckdb.DuckDBPyConnection:
    """Returns a connection with DuckLake's extensions. Raises StoreError if they are missing."""
    files = [_packaged(name) for name in EXTENSIONS]
    # DuckDB would hash 75 MB for each connection, a third of a second, to check who signed a file that pip installed.
    trusted: Config = {"allow_unsigned_extensions": True} if all(files) else {}
    connection = duckdb.connect(path, config={**(config or {}), **trusted})
    try:
        hide_progress(connection)
        for name, file in zip(EXTENSIONS, files, strict=True):
            _load(connection, name, file if all(files) else None)
    except BaseException:
        connection.close()
        raise
    return connection


def attach(
    connection: duckdb.DuckDBPyConnection, address: Address, *, read_only: bool = False, create: bool = False
) -> None:
    """Attaches the DuckLake as LAKE. Raises duckdb.Error."""
    schema = literal(address.schema)
    options = [f"METADATA_SCHEMA {schema}", f"META_SCHEMA {schema}", f"CREATE_IF_NOT_EXISTS {create}"]
    if read_only:
        options.append("READ_ONLY")
    if address.data_path:
        options.append(f"DATA_PATH {literal(f'{address.data_path}/')}")
    path = literal(f"ducklake:postgres:{address.connection}")
    connection.execute(f"ATTACH IF NOT EXISTS {path} AS {LAKE} ({', '.join(options)})")


def metadata(address: Address, table: str) -> str:
    """Returns the name of one of the catalog's own tables, in statements."""
    schema = address.schema.replace('"', '""')
    return f'{METADATA}."{schema}".ducklake_{table}'


def is_missing(error: Exception) -> bool:
    """Returns whether an error of `attach` says that PostgreSQL has no such DuckLake."""
    return "creating a new DuckLake is explicitly disabled" in str(error)


def is_away(error: Exception) -> bool:
    """Returns whether an error says that PostgreSQL can't be reached."""
    return any(sign in str(error) for sign in AWAY)


def lake_error(path: str, error: Exception) -> StoreError:
    """Returns a StoreError for an error of DuckDB, of PostgreSQL or of the disk, in one line. DuckLake's own messages
    quote whole statements, in which values of the store are; they are left out."""
    text = str(error)
    why = _reason(text)
    if NOT_CONNECTED in text:
        cure = next((cure for sign, cure in CONNECTING.items() if sign in why), "start it, or correct --db")
        return StoreError(f"{path}: PostgreSQL can't be reached ({why}): {cure}")
    if MISMATCH in text:
        there = text.partition("in the catalog ")[2].partition("\n")[0].rstrip(". ")
        return StoreError(f"{path}: its files are in {there}: name that folder as data_path, or none")
    if "permission denied" in why:
        return StoreError(f"{path}: PostgreSQL refuses it ({why}): give the role that right, or name another with --db")
    if is_away(error):
        return StoreError(f"{path}: the connection to PostgreSQL has ended ({why}): give the same command again")
    if MISSING in text and ".parquet" in text:
        file = text.partition(MISSING)[2].partition('"')[0]
        return StoreError(f"{file} is missing: restore it from a backup")
    if STATEMENT in text or "ERROR:" in text:
        return StoreError(f"{path}: PostgreSQL refuses it: {why}")
    return store_error(path, error)


class CatalogWait:
    """The wait of one operation for PostgreSQL. `notify` gets a message after NOTICE_S seconds."""

    def __init__(self, path: str, patience: float | None, notify: Callable[[str], None]) -> None:
        self._path, self._notify = path, notify
        self._patience = GONE_S if patience is None else patience
        self._start = time.monotonic()
        self._pause_s, self._noted = 0.01, False

    def pause(self, error: Exception) -> None:
        """Sleeps until the next try, each time a little longer. Raises StoreError if the operation has waited for
        `patience` seconds."""
        waited, why = time.monotonic() - self._start, _reason(str(error))
        if waited >= self._patience:
            raise StoreError(
                f"{self._path}: PostgreSQL can't be reached for {self._patience:g} s ({why}): start it, and give the"
                " same command again; what is collected is safe"
            ) from None
        if waited > NOTICE_S and not self._noted and is_away(error):
            self._noted = True
            self._notify(f"waits for PostgreSQL: {why}; what is collected is safe")
        pause(self._pause_s)
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)


def _reason(text: str) -> str:
    """Returns what PostgreSQL or libpq says in an error of DuckDB, in one line: without the statement."""
    if NOT_CONNECTED in text:
        said = text.partition(NOT_CONNECTED)[2].partition('": ')[2]
    elif STATEMENT in text or "ERROR:" in text:
        said = text.rpartition("ERROR:")[2] if "ERROR:" in text else text.rpartition('": ')[2]
    else:
        said = text
    said = said.partition("\n")[0] or next((sign for sign in AWAY if sign in text), "")
    return " ".join(said.split()) if said not in AWAY else "the server closed the connection"


def _packaged(name: str) -> Path | None:
    """Returns the file of an extension that a Python package brings for this version of DuckDB."""
    spec = find_spec(f"duckdb_extension_{name}")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(place) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
        if file.is_file():
            return file
    return None


def _load(connection: duckdb.DuckDBPyConnection, name: str, file: Path | None) -> None:
    """Loads an extension: from its package, else as DuckDB has installed it, else from DuckDB's repository."""
    try:
        connection.execute(f"LOAD {literal(str(file))}" if file else f"LOAD {name}")
    except duckdb.Error as error:
        raise StoreError(MISSING_EXTENSION.format(name=name, version=duckdb.__version__)) from error


EXTENSIONS = ("postgres_scanner", "ducklake")
MISSING_EXTENSION = (
    "DuckDB's extension {name} is not installed, and DuckDB's repository can't be reached: pip install"
    " 'redraft[ducklake]', which brings it for DuckDB 1.5.5 (here is {version})"
)
NOT_CONNECTED = "Unable to connect to Postgres at "
STATEMENT = 'Failed to execute query "'
MISMATCH = "does not match existing data path in the catalog"
MISSING = 'Cannot open file "'
AWAY = (
    NOT_CONNECTED,
    'Failed to execute query "ROLLBACK": ',
    'Failed to execute query "COMMIT": ',
    "server closed the connection",
    "terminating connection",
    "no connection to the server",
    "could not receive data from server",
    "could not send data to server",
    "SSL connection has been closed",
)
CONNECTING = {
    "password": "set the variable PGPASSWORD, or write the password into ~/.pgpass",
    "does not exist": "make it, or correct --db",
    "invalid connection option": "correct --db",
}
