"""Files that several processes, on several machines, may create at once.

This needs two operations that every shared folder supports: creating a file only if it does not exist, and reading when
a file was last touched. The time of a touch comes from the clock of the file system, so the clocks of the machines do
not matter.
"""

import errno
import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path

WITHOUT_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


def put_if_absent(path: Path, data: bytes) -> bool:
    """Creates the file with the content `data` if it does not exist, and returns whether it was created. Readers see
    the whole content or no file, except on a file system without hard links. Creates the folder if it is missing."""
    while True:
        new = path.with_name(f".{secrets.token_hex(8)}.new")
        with suppress(FileNotFoundError):  # the folder is missing, or it was removed meanwhile
            try:
                new.write_bytes(data)
                os.link(new, path)
                return True
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno not in WITHOUT_LINKS:
                    raise
                return _put_directly(path, data)
            finally:
                new.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)


def _put_directly(path: Path, data: bytes) -> bool:
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return False
    with os.fdopen(file, "wb") as stream:
        stream.write(data)
    return True


def replace(path: Path, data: bytes) -> None:
    """Replaces the content of an existing file atomically. Raises FileNotFoundError if its folder was deleted."""
    new = path.with_name(f".{secrets.token_hex(8)}.new")
    new.write_bytes(data)
    os.replace(new, path)


def touch(path: Path) -> int:
    """Touches a file and returns the time of the file system's clock in nanoseconds. Raises FileNotFoundError."""
    os.utime(path)
    return os.stat(path).st_mtime_ns


def present_time(folder: Path) -> int:
    """Returns the time of the clock of a folder's file system, in nanoseconds. Raises OSError."""
    probe = folder / f".{secrets.token_hex(8)}.new"
    probe.touch()
    try:
        return os.stat(probe).st_mtime_ns
    finally:
        probe.unlink(missing_ok=True)


def touched_at(path: Path) -> int | None:
    """Returns when a file was last touched, by the clock of the file system, in nanoseconds; None if the file is
    missing. The file is opened, because otherwise a network file system may answer from a cache."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return os.fstat(file).st_mtime_ns
    finally:
        os.close(file)


def make_locked(path: Path, data: bytes) -> int:
    """Creates a file that is locked from the moment it exists, and returns its descriptor. The lock ends when the
    process ends."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{secrets.token_hex(8)}.new")
        with suppress(FileNotFoundError):  # the folder was removed meanwhile
            file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                os.write(file, data)
                os.replace(new, path)
                return file
            except BaseException:
                os.close(file)
                raise
