"""Files that several processes, on several machines, may make at once.

Everything rests on two things that each shared folder can do: make a file unless it exists, and tell when a file was
last touched. The time of a touch comes from the clock of the file system, so the clocks of the machines do not matter.
"""

import errno
import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path

WITHOUT_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


def put_if_absent(path: Path, data: bytes) -> bool:
    """Makes the file with these bytes, unless it exists; returns whether it was made. Nobody sees a part of the bytes,
    except on a file system without hard links. Makes the folder if it is missing."""
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
    """Gives an existing file other bytes, at once. Raises FileNotFoundError if its folder was removed."""
    new = path.with_name(f".{secrets.token_hex(8)}.new")
    new.write_bytes(data)
    os.replace(new, path)


def touch(path: Path) -> int:
    """Touches a file, and returns the present time by the clock of the file system, in nanoseconds. Raises
    FileNotFoundError."""
    os.utime(path)
    return os.stat(path).st_mtime_ns


def present_time(folder: Path) -> int:
    """Returns the present time by the clock of the file system of a folder, in nanoseconds. Raises OSError."""
    probe = folder / f".{secrets.token_hex(8)}.new"
    probe.touch()
    try:
        return os.stat(probe).st_mtime_ns
    finally:
        probe.unlink(missing_ok=True)


def touched_at(path: Path) -> int | None:
    """Returns when a file was last touched, by the clock of the file system, in nanoseconds; None if it is missing. The
    file is opened, because a network file system answers from a cache otherwise."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return os.fstat(file).st_mtime_ns
    finally:
        os.close(file)


def make_locked(path: Path, data: bytes) -> int:
    """Makes a file that is locked from the first instant, and returns its descriptor. The lock ends with the
    process."""
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
