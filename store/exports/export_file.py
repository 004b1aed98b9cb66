"""The file or folder that an export writes. It must be no part of a store and no database. If it exists, the user must
allow that the export overwrites it. It appears when it is complete."""

import errno
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from redraft.store.errors import StoreError


def check_export_file(store: str, file: Path, *, overwrite: bool) -> None:
    """Raises StoreError if writing `file` would destroy the store at the path `store` (its file, its .wal, its
    journals) or another database; and, without `overwrite`, if `file` exists and is not empty."""
    if store != ":memory:" and _belongs_to(Path(store), file):
        raise StoreError(f"{file} belongs to the store {store}: name another file")
    _check_parent(file)
    if file.exists() and not file.is_file():
        raise StoreError(f"{file} is no regular file: name another file")
    if _is_database(file):
        raise StoreError(f"{file} is a DuckDB database: name another file")
    if not overwrite and file.exists() and file.stat().st_size:  # an empty file has nothing to lose
        raise StoreError(f"{file} exists: name another, or replace it with --overwrite")


def check_export_folder(store: str, folder: Path, *, overwrite: bool) -> None:
    """Raises StoreError if replacing `folder` would destroy the store at the path `store`; if `folder` is a file, or is
    or holds the folder that the process works in; and, unless it is empty, if no export made it, if it has other files
    than the export wrote, or without `overwrite`. A folder that a killed export had moved away comes back first."""
    if folder.resolve() in (Path.cwd(), *Path.cwd().parents):
        raise StoreError(f"{folder} holds the folder that you work in: name another folder, such as rows/")
    _check_parent(folder)
    with suppress(OSError):
        _restore(folder)
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder} is a file: name a folder")
    if store != ":memory:" and (folder.resolve() in Path(store).resolve().parents or _belongs_to(Path(store), folder)):
        raise StoreError(f"{folder} holds the store {store}: name another folder")
    if not folder.exists() or not any(folder.iterdir()):
        return
    card = folder / CARD
    text = card.read_text("utf-8", "replace") if card.is_file() else ""
    if MARK not in text:
        raise StoreError(f"{folder} is no folder that an export wrote (no {CARD} says so): name another folder")
    if added := _added(folder, text):
        more = f" and {len(added) - 1:,} more" if len(added) > 1 else ""
        raise StoreError(
            f"{folder} has {added[0]}{more}, which no export wrote: move that away, or name another folder"
        )
    if not overwrite:
        raise StoreError(f"{folder} exists: name another, or replace it with --overwrite")


def _check_parent(target: Path) -> None:
    if not (parent := target.absolute().parent).exists():
        raise StoreError(f"no folder {parent if target.is_absolute() else target.parent}: make it, or name another")


def marked(beside: Iterable[str]) -> str:
    """Returns the line of a card by which a folder is known as an export's. `beside` names the files of the folder that
    are neither its card nor its rows."""
    return f"{MARK} {json.dumps(sorted(beside))} -->"


def _added(folder: Path, card: str) -> list[str]:
    """Returns the files of an export's folder that the export did not write, by the card's text."""
    [line, *_] = card.partition(MARK)[2].splitlines() or [""]
    try:
        beside = json.loads(line.removesuffix("-->"))
    except ValueError:
        beside = []
    names = (
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()
    )
    return sorted(name for name in names if name not in (CARD, *beside) and not ROWS.fullmatch(name))


@contextmanager
def working_folder(target: Path) -> Iterator[Path]:
    """Yields a new folder beside `target`, for the parts of what becomes `target`. At the end it is removed. What
    killed processes left of earlier ones is removed too. Raises OSError."""
    remove_left(target)
    new = new_path(target)
    new.mkdir()
    descriptor = os.open(new, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # the system unlocks it when this process ends, however it ends
        yield new
    finally:
        os.close(descriptor)
        shutil.rmtree(new, ignore_errors=True)


@contextmanager
def placed(new: Path, target: Path) -> Iterator[None]:
    """Moves the file or the folder `new` to the place of `target`, which may exist. If the `with` block raises, what
    stood there before stands there again. If the process is killed between the two moves of a folder, the next
    `check_export_folder` moves the folder before back. Raises OSError."""
    before = _before(target)
    _restore(target)
    if target.is_dir():
        target.rename(before)
    elif target.exists():
        with suppress(OSError):  # a file system without links
            os.link(target, before)
    try:
        new.replace(target)
    except OSError:
        _restore(target)
        raise
    try:
        yield
    except BaseException:
        _remove(target)
        _restore(target)
        raise
    with suppress(OSError):
        _remove(before)


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """Yields the path of a new file in the folder of `file`. At the end the new file replaces `file`; if something was
    raised, it is removed. What killed processes left of earlier new files is removed too. Raises OSError."""
    with working_file(file) as new:
        yield new
        new.replace(file)


@contextmanager
def working_file(target: Path) -> Iterator[Path]:
    """Yields a new file beside `target`, for what becomes `target`. At the end it is removed if it is still there. What
    killed processes left of earlier ones is removed too. Raises OSError."""
    remove_left(target)
    new = new_path(target)
    descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # the system unlocks it when this process ends, however it ends
        yield new
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        os.close(descriptor)


def new_path(file: Path) -> Path:
    """Returns the path of the new file that this process writes for `file`."""
    return file.with_name(f".{file.name}.{os.getpid()}.new")


def cure(error: OSError) -> str:
    """Returns what a user can do about a file that can't be written."""
    return "free some space, or name a file elsewhere" if error.errno in FULL else "name another file"


CARD = "README.md"
MARK = "<!-- redraft export"
"""A folder that an export wrote has this mark in its card. No other folder is ever replaced."""
ROWS = re.compile(r"data/(train|validation)-\d{5}-of-\d{5}\.parquet")
"""The files of a folder's rows."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The errors of a full disk, of a used-up quota, and of a file that may not grow."""


def remove_left(file: Path) -> None:
    """Removes the new files and working folders of `file` that no process is writing any more."""
    for left in file.parent.glob(f".{escape(file.name)}.*.new"):
        with suppress(OSError):
            descriptor = os.open(left, os.O_RDONLY if left.is_dir() else os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            finally:
                os.close(descriptor)


def _before(target: Path) -> Path:
    """Returns where a file or a folder stands while another takes its place."""
    return target.with_name(f".{target.name}.before")


def _restore(target: Path) -> None:
    """Moves back what was to be replaced, if nothing took its place; else removes it. Raises OSError."""
    before = _before(target)
    if target.exists():
        _remove(before)
    elif before.exists():
        before.rename(target)


def _remove(path: Path) -> None:
    """Removes a file or a folder, if it is there. Raises OSError."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _belongs_to(store: Path, file: Path) -> bool:
    """Returns whether a file is the store's database, its log or one of its journals, or is in the store's folder."""
    own, other = store.resolve(), file.resolve()
    if own.is_dir() and own in other.parents:
        return True
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
