"""Readers of a folder store, and the removal of files that no reader can need.

A reader locks the file `readers/EPOCH` together with others; EPOCH is the number of the last entry of the log that took
segments out, so a reader of this epoch needs none of them. The system unlocks the file when the reader ends, however
it ends. A segment that was taken out by the entry N is removed when nobody holds a file of an epoch before N.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redraft.store.lake.folder import Folder
from redraft.store.lake.log import Log, State


@contextmanager
def reading(folder: Folder, log: Log) -> Iterator[State]:
    """Yields the present state, whose files stay until the end of the `with` block. A reader that may not write the
    folder gets the state without this promise. Raises StoreError and OSError."""
    lock, state = _lock(folder, log)
    try:
        yield state
    finally:
        if lock is not None:
            os.close(lock)


def remove_unneeded(folder: Folder, log: Log) -> int:
    """Removes the files of segments that were taken out, if no reader can need them. Returns how many segments were
    removed. Raises StoreError and OSError."""
    state = log.read()
    oldest = _oldest_reader(folder, state.epoch)
    removed = 0
    for name in state.gone.keys() & set(os.listdir(folder.segments)):
        hidden = folder.segments / f".removed-{name}"
        if state.gone[name] <= oldest:
            with suppress(FileNotFoundError):  # another process removes it
                (folder.segments / name).rename(hidden)
                shutil.rmtree(hidden, ignore_errors=True)
                removed += 1
    return removed


def _lock(folder: Folder, log: Log) -> tuple[int | None, State]:
    """Returns the present state, and the descriptor of the locked file of its epoch; None if the folder is read-only
    here."""
    while True:
        epoch = log.read().epoch
        try:
            lock = _share(folder.readers / str(epoch))
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                return None, log.read()
            raise
        state = log.read()
        if lock is not None and state.epoch == epoch:
            return lock, state
        if lock is not None:
            os.close(lock)


def _share(path: Path) -> int | None:
    """Locks a file together with others and returns its descriptor; None if the file was removed meanwhile."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    if _is_there(descriptor, path):
        return descriptor
    os.close(descriptor)
    return None


def _oldest_reader(folder: Folder, epoch: int) -> int:
    """Returns the epoch of the oldest reader; `epoch` if there is none before it. Files that nobody holds go."""
    for number in sorted(int(path.name) for path in folder.readers.iterdir() if path.name.isdecimal()):
        if number >= epoch:
            break
        path = folder.readers / str(number)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        except BlockingIOError:
            return number
        finally:
            os.close(descriptor)
    return epoch


def _is_there(descriptor: int, path: Path) -> bool:
    """Returns whether the open file is still the one at the path."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False
