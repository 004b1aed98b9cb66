"""Where a process that reads a store keeps what does not fit into memory.

Several processes may read one store at once, and DuckDB's own place, `STORE.tmp`, is the same for all of them: they
would overwrite each other's temporary files.
"""

import glob
import os
import shutil
import socket
from pathlib import Path


def temporary_folder(path: str, name: str) -> str:
    """Returns the folder for temporary files of one connection to the store at `path`. DuckDB makes it when it needs
    it, and removes it when the connection ends."""
    return f"{_beginning(path)}{os.getpid()}-{name}"


def remove_leftovers(path: str) -> None:
    """Removes the folders that processes of this machine left when they were killed. What can't be removed stays."""
    beginning = Path(_beginning(path))
    for folder in beginning.parent.glob(f"{glob.escape(beginning.name)}*"):
        number = folder.name.removeprefix(beginning.name).partition("-")[0]
        if number.isdecimal() and not is_alive(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


def _beginning(path: str) -> str:
    return f"{os.path.abspath(path)}.tmp-{socket.gethostname()}-"


def is_alive(number: int) -> bool:
    """Returns whether a process of this machine is alive."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # a process of another user
        return True
    return True
