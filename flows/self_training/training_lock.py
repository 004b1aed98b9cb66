"""A lock that allows only one training at a time in the folder of a round."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

POLL_S = 0.2


@asynccontextmanager
async def training_lock(folder: Path, say: Callable[[str], None]) -> AsyncIterator[int]:
    """Waits until no other command, and no program that a killed command started, trains in a folder. Yields the file
    descriptor of the lock. A program that inherits the descriptor holds the lock until it ends, even if this process is
    killed. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        waits = False
        while not _taken(descriptor):
            if not waits:
                say(f"waiting for the end of another training in {folder}")
            waits = True
            await asyncio.sleep(POLL_S)
        yield descriptor
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
