"""The readers of a folder store, and the deletion of files that no reader can need.

A reader holds a shared lock on the file `readers/EPOCH`. EPOCH is the number of the last log entry that removed
segments, so a reader of this epoch needs none of the removed ones. The system releases the lock when the reader ends,
however it ends. A segment that was removed by the entry N is deleted when nobody locks a file of an epoch before N.
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
    """Yields the present state. Its files are not deleted before the end of the `with` block. If the process may not
    write to the folder, this is not guaranteed. Raises StoreError and OSError."""
    lock, state = _lock(folder, log)
    try:
        yield state
    finally:
        if lock is not None:
            os.close(lock)


def remove_unneeded(folder: Folder, log: Log) -> int:
    """Deletes the files of removed segments that no reader can need. Returns the number of deleted segments. Raises
    StoreError and OSError."""
    state = log.read()
    oldest = _oldest_reader(folder, state.epoch)
    removed = 0
    for name in state.gone.keys() & set(os.listdir(folder.segments)):
        hidden = folder.segments / f".removed-{name}"
        if state.gone[name] <= oldest:
            with suppress(FileNotFoundError):  # another process deletes it
                (folder.segments / name).rename(hidden)
                shutil.rmtree(hidden, ignore_errors=True)
                removed += 1
    return removed


def _lock(folder: Folder, log: Log) -> tuple[int | None, State]:
    """Returns a pair: the descriptor of the locked file of the present epoch, and the present state. The descriptor is
    None if this process may not write to the folder."""
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
    """Takes a shared lock on a file and returns its descriptor; None if the file was deleted meanwhile."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    if _is_there(descriptor, path):
        return descriptor
    os.close(descriptor)
    return None


def _oldest_reader(folder: Folder, epoch: int) -> int:
    """Returns the epoch of the oldest reader, or `epoch` if there is no older one. Deletes the files of older epochs
    that nobody locks."""
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
    """Returns whether the open file is still the file at the path."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False
