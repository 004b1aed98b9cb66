"""What a worker uses of a shared budget, in a file that outlives its process.

The file changes with each call, and the system keeps what a killed process has written. So others know after a kill
what was used, and how many calls were in flight.
"""

import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

Amounts = dict[str, float]
"""Amounts by name, such as {"calls": 3, "tokens": 500}."""

WHAT = ("calls", "tokens", "usd")
LAYOUT = struct.Struct(f"<{3 * len(WHAT)}d")
ENDING = ".usage"


class Usage(NamedTuple):
    """What calls used of a budget. `unknown` is the most that those calls may have used which are in flight, or which
    ended without a word about their usage; `prompts` is what the prompts of these calls use at most."""

    used: Mapping[str, float] = {}
    unknown: Mapping[str, float] = {}
    prompts: Mapping[str, float] = {}


class UsageFile:
    """The file of the worker `worker` in the folder of a budget. If it can't be written, it is removed: others then
    count all that the worker has taken as used."""

    def __init__(self, folder: Path, worker: str) -> None:
        self._path = usage_path(folder, worker)
        self._file = -1
        while self._file < 0:
            folder.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):  # the folder was removed meanwhile
                self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o644)
        self.write(Usage())

    def write(self, usage: Usage) -> None:
        """Notes what the worker uses now."""
        if self._file >= 0:
            try:
                os.pwrite(self._file, LAYOUT.pack(*_numbers(usage)), 0)
            except OSError:
                self.remove()

    def remove(self) -> None:
        """Removes the file, and the folders around it that are empty then."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
            self._path.parent.rmdir()
            self._path.parent.parent.rmdir()
        self.close()

    def close(self) -> None:
        """Leaves the file to others."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


def read_usage(folder: Path, worker: str) -> Usage | None:
    """Returns what a worker used; None if nobody knows, as of a worker of an older version."""
    with suppress(FileNotFoundError, struct.error):
        numbers = iter(LAYOUT.unpack(usage_path(folder, worker).read_bytes()))
        return Usage(_amounts(numbers), _amounts(numbers), _amounts(numbers))
    return None


def usage_path(folder: Path, worker: str) -> Path:
    """Returns the path of a worker's file."""
    return folder / f"{worker}{ENDING}"


def _numbers(usage: Usage) -> Iterator[float]:
    return (amounts.get(what, 0.0) for amounts in usage for what in WHAT)


def _amounts(numbers: Iterable[float]) -> Amounts:
    """Returns the next amounts; all but dollars are whole."""
    found = dict(zip(WHAT, numbers, strict=False))
    return {what: number if what == "usd" else int(number) for what, number in found.items()}
