"""The temporary files of processes that read a store, for data that does not fit into memory.

Several processes may read one store at the same time, and DuckDB's default folder, `STORE.tmp`, is the same for all of
them. They would overwrite each other's temporary files.
"""

import glob
import os
import shutil
import socket
from pathlib import Path


def temporary_folder(path: str, name: str) -> str:
    """Returns the path of the folder for temporary files of one connection to the store at `path`. DuckDB makes the
    folder when it needs it, and deletes it when the connection is closed."""
    return f"{_beginning(path)}{os.getpid()}-{name}"


def remove_leftovers(path: str) -> None:
    """Deletes the temporary folders of killed processes on this machine. Folders that can't be deleted are kept."""
    beginning = Path(_beginning(path))
    for folder in beginning.parent.glob(f"{glob.escape(beginning.name)}*"):
        number = folder.name.removeprefix(beginning.name).partition("-")[0]
        if number.isdecimal() and not is_alive(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


def _beginning(path: str) -> str:
    return f"{os.path.abspath(path)}.tmp-{socket.gethostname()}-"


def is_alive(number: int) -> bool:
    """Returns whether a process of this machine is alive. `number` is its process id."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # a process of another user
        return True
    return True
