"""Checks the path of a file or folder that an export writes, and puts the result there once it is complete. The path
must not belong to a store or a database. An existing file or folder is replaced only if the user allows it."""

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
    """Raises StoreError if `file` belongs to the store at the path `store` (its database, its .wal file or its
    journals), or is another database. Without `overwrite`, also raises StoreError if `file` exists and is not empty."""
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
    """Raises StoreError if an export must not replace `folder`: it is a file, it holds the store at the path `store`,
    or it is or contains the working directory. If the folder is not empty, also raises StoreError if no export wrote
    it, if it has other files than the export wrote, or if `overwrite` is false. If a killed export had moved the old
    folder away, the old folder is moved back first."""
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
    """Returns the line of an export's README.md that marks its folder as an export. `beside` lists the files of the
    folder other than README.md and the Parquet files."""
    return f"{MARK} {json.dumps(sorted(beside))} -->"


def _added(folder: Path, card: str) -> list[str]:
    """Returns the paths of files in an export's folder that the export did not write. `card` is the text of the
    folder's README.md."""
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
    """Yields a new folder beside `target`, where the parts of `target` can be written. The folder is deleted at the
    end. Folders that killed processes left are deleted first. Raises OSError."""
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
    """Moves the file or the folder `new` to the path `target`, which may exist. If the `with` block raises, the old
    file or folder is moved back to `target`. If the process is killed between the two moves of a folder, the next
    `check_export_folder` moves the old folder back. Raises OSError."""
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
    """Yields the path of a new file in the folder of `file`. At the end the new file replaces `file`; if the `with`
    block raises, the new file is deleted. New files that killed processes left are deleted first. Raises OSError."""
    with working_file(file) as new:
        yield new
        new.replace(file)


@contextmanager
def working_file(target: Path) -> Iterator[Path]:
    """Yields the path of a new file beside `target`, where the content of `target` can be written. At the end the new
    file is deleted if it was not moved. New files that killed processes left are deleted first. Raises OSError."""
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
    """Returns the path of the temporary file that this process writes for `file`."""
    return file.with_name(f".{file.name}.{os.getpid()}.new")


def cure(error: OSError) -> str:
    """Returns advice for an error message about a file that can't be written."""
    return "free some space, or name a file elsewhere" if error.errno in FULL else "name another file"


CARD = "README.md"
MARK = "<!-- redraft export"
"""An export writes this mark into the README.md of its folder. A folder without it is replaced only if it is empty."""
ROWS = re.compile(r"data/(train|validation)-\d{5}-of-\d{5}\.parquet")
"""Matches the paths of the Parquet files in an export's folder."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The error numbers of a full disk, an exhausted quota, and a file above the size limit."""


def remove_left(file: Path) -> None:
    """Deletes the temporary files and folders of `file` that no process is writing any more."""
    for left in file.parent.glob(f".{escape(file.name)}.*.new"):
        with suppress(OSError):
            descriptor = os.open(left, os.O_RDONLY if left.is_dir() else os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            finally:
                os.close(descriptor)


def _before(target: Path) -> Path:
    """Returns the path that the old file or folder has while a new one replaces it."""
    return target.with_name(f".{target.name}.before")


def _restore(target: Path) -> None:
    """Moves the old file or folder back to `target` if nothing is at `target`; otherwise deletes the old one. Raises
    OSError."""
    before = _before(target)
    if target.exists():
        _remove(before)
    elif before.exists():
        before.rename(target)


def _remove(path: Path) -> None:
    """Deletes the file or folder at `path`, if it exists. Raises OSError."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _belongs_to(store: Path, file: Path) -> bool:
    """Returns whether `file` is the database of the store, its .wal file or one of its journals, or lies in the store's
    folder."""
    own, other = store.resolve(), file.resolve()
    if own.is_dir() and own in other.parents:
        return True
    if other in (own, Path(f"{own}.wal")) or Path(f"{own}.journal") in (other, *other.parents):
        return True
    return other.exists() and own.exists() and other.samefile(own)


def _is_database(file: Path) -> bool:
    """Returns whether a file exists and is a DuckDB database, which has the magic bytes `DUCK` at offset 8."""
    if not file.is_file():
        return False
    try:
        with file.open("rb") as stream:
            return stream.read(12)[8:] == b"DUCK"
    except OSError:
        return False
