"""Opens the kind of store that `--db` names: a file, or a folder or a DuckLake that many processes can write."""

from collections.abc import Callable
from pathlib import Path

from redraft.store.ducklake.address import is_ducklake
from redraft.store.lake.folder import is_folder
from redraft.store.tables.database.database import MEMORY, Database
from redraft.store.tables.database.file_database import FileDatabase


def open_database(
    path: str | Path, *, create: bool, waiting: Callable[[str], None] | None, patience: float | None = None
) -> Database:
    """Returns the database at a path: a DuckLake if it begins with "ducklake:", a folder store if it ends with a slash
    or is a folder, otherwise a file. Raises StoreError."""
    if is_ducklake(str(path)):
        from redraft.store.ducklake.ducklake_database import DuckLakeDatabase  # the others do not need it

        return DuckLakeDatabase(str(path), create=create, waiting=waiting)
    if str(path) != MEMORY and is_folder(str(path)):
        from redraft.store.lake.folder_database import FolderDatabase  # a file does not need it

        return FolderDatabase(str(path), create=create, waiting=waiting)
    return FileDatabase(path, create=create, waiting=waiting, patience=patience)
