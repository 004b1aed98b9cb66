"""The folder of a store that many processes write: its layout, and how files are written atomically.

redraft.json    the marker, with the number of the layout
log/            numbered entries: which segments the store has (`log.py`)
segments/       one folder for each segment, with a Parquet file for each table (`segments.py`)
readers/        files that readers lock, so that no file is removed that they may still need
journal/        the journals of recipes
leases/         which worker has which shard of a run
"""

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from redraft.store.errors import StoreError

MARKER = "redraft.json"
LAYOUT = 1
"""The version of the layout. A redraft that knows only smaller versions must not change the folder."""
FOLDERS = ("log", "segments", "readers", "journal", "leases")


@dataclass(frozen=True, slots=True)
class Folder:
    """The paths in a folder store."""

    path: Path

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def segments(self) -> Path:
        return self.path / "segments"

    @property
    def readers(self) -> Path:
        return self.path / "readers"

    @property
    def journal(self) -> Path:
        return self.path / "journal"

    @property
    def leases(self) -> Path:
        return self.path / "leases"


def is_folder(path: str) -> bool:
    """Returns whether a path names a folder store: it ends with a slash, or is an existing folder."""
    return path.endswith(("/", os.sep)) or os.path.isdir(path)


def open_folder(path: str, *, create: bool) -> tuple[Folder, bool]:
    """Returns a pair: the folder store at a path, and whether it was made by this call. It is made if `create` is true
    and the path does not exist or is an empty folder. Raises StoreError if the folder is not a store, if a newer
    redraft made it, or if it can't be made."""
    folder = Folder(Path(path))
    made = False
    try:
        if not _is_there(folder.path):
            if not create:
                raise StoreError(
                    f"no store in {path}: run `redraft generate` or `redraft import` first, or name one with --db"
                )
            made = _make(folder.path)
        _check(folder.path)
    except (OSError, ValueError) as error:  # ValueError: a zero byte, or a lone surrogate
        why = error.strerror if isinstance(error, OSError) else "its name is no text"
        raise StoreError(f"{path!r} can't be opened ({why}): name another folder with --db") from error
    return folder, made


def _is_there(path: Path) -> bool:
    if not path.exists():
        return False
    if not path.is_dir():
        raise StoreError(f"{path} is a file: name it without a slash at the end")
    return any(path.iterdir())


def _check(path: Path) -> None:
    try:
        text = (path / MARKER).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StoreError(f"{path} is a folder, but no store of redraft's: name another, or an empty one") from None
    try:
        layout = int(json.loads(text)["layout"])
    except (ValueError, KeyError, TypeError):
        raise StoreError(f"{path / MARKER} is damaged: restore the folder from a backup") from None
    if layout > LAYOUT:
        raise StoreError(
            f"{path} was written by a newer redraft (layout {layout}; this one knows {LAYOUT}): upgrade redraft, or"
            " name another with --db"
        )


def _make(path: Path) -> bool:
    """Makes the folder under a temporary name and renames it. Returns False if another process made it first."""
    if not path.absolute().parent.is_dir():
        raise StoreError(f"{path}: there is no folder {str(path.parent)!r}: make it, or name another with --db")
    new = path.absolute().with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.new")
    try:
        new.mkdir()
        for name in FOLDERS:
            (new / name).mkdir()
        write_whole(new / MARKER, json.dumps({"store": "redraft", "layout": LAYOUT}).encode())
        try:
            os.rename(new, path)  # replaces an empty folder, and no other
        except OSError:
            if (path / MARKER).exists():
                return False
            raise
        sync(path.absolute().parent)
        return True
    finally:
        shutil.rmtree(new, ignore_errors=True)


def use(folder: Folder) -> int | None:
    """Keeps others from removing the folder until the returned descriptor is closed. Returns None if the folder was
    removed meanwhile. On a file system without locks nobody can remove it. Raises OSError."""
    marker = folder.path / MARKER
    with suppress(FileNotFoundError):
        file = os.open(marker, os.O_RDONLY)
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_SH)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file), os.stat(marker)):
                return file
        os.close(file)
    return None


@contextmanager
def alone(use: int) -> Iterator[bool]:
    """Yields whether no other process uses the folder. If so, none can begin to inside the `with` block."""
    try:
        fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        with suppress(OSError):
            fcntl.flock(use, fcntl.LOCK_SH)


def remove(folder: Folder) -> None:
    """Removes the folder, all at once for others."""
    hidden = folder.path.absolute().with_name(f".{folder.path.name}.{os.getpid()}-{secrets.token_hex(4)}.removed")
    os.rename(folder.path, hidden)
    shutil.rmtree(hidden, ignore_errors=True)


def sync(path: Path) -> None:
    """Writes a file, or the entries of a folder, from the system's cache to the disk, and returns when that is done.
    Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file atomically: it appears only when it is complete, and replaces a file with the same name. Raises
    OSError."""
    with _temporary(path, data) as new:
        os.replace(new, path)
    sync(path.parent)


def put_if_absent(path: Path, data: bytes) -> bool:
    """Writes a file atomically if there is none with its name. Returns whether it was written. If several processes try
    at the same time, one succeeds. Raises OSError."""
    with _temporary(path, data) as new:
        try:
            os.link(new, path)
        except FileExistsError:
            return False
    sync(path.parent)
    return True


@contextmanager
def _temporary(path: Path, data: bytes) -> Iterator[Path]:
    new = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with new.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield new
    finally:
        with suppress(OSError):
            new.unlink()
