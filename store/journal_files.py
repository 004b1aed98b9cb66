"""The files of journals: one a run that is at work, locked by it, in which it says which units it has claimed.

A run of a recipe that begins looks at the files of the recipe's other runs. A file that a process holds tells which
units are taken; what a file that nobody holds has of the run's own units is the run's to go on from. All of it happens
under one lock of the folder, so that two runs which begin at once see each other.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redraft.store.calls import Call, Choices, Prompt
from redraft.store.errors import JournalBusy, StoreError
from redraft.store.json_records import call_from_json, exact
from redraft.store.waiting import pause

LOCK = "lock"  # a file of the folder of journals


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other runs from opening and deleting journals in the folder meanwhile. Makes the folder if it is missing,
    and removes it if nothing is left in it. Raises OSError."""
    file = _locked(folder)
    try:
        yield
    finally:
        with suppress(OSError):
            if os.listdir(folder) == [LOCK]:
                os.unlink(folder / LOCK)
                os.rmdir(folder)
        os.close(file)


def files(path: Path) -> list[Path]:
    """The files of a recipe's runs; `path` is that of a run that is alone."""
    beside = sorted(path.parent.glob(f"{path.stem}.*{path.suffix}"))
    return [file for file in (path, *beside) if file.exists()]


def taken(path: Path) -> int | None:
    """The file at `path`, opened and locked; None if a process holds it. Raises FileNotFoundError if there is none."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_APPEND)
        try:
            if not _lock(file):
                os.close(file)
                return None
            if _is_at(file, path):
                return file
        except OSError:
            os.close(file)
            raise
        os.close(file)


def made(path: Path) -> tuple[Path, int]:
    """A new file beside those that there are, locked, and its path: `path` itself if that is free."""
    while True:
        free = path if not path.exists() else path.with_suffix(f".{secrets.token_hex(4)}{path.suffix}")
        with suppress(FileExistsError):
            file = os.open(free, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
            fcntl.flock(file, fcntl.LOCK_EX)
            return free, file


def held(path: Path) -> bool:
    """Whether a process holds the file at `path`."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


@dataclass(slots=True)
class Claim:
    """The units that a run has taken, None for all, and the process that it runs in."""

    pid: int | None = None
    units: set[str] | None = field(default_factory=set)

    def line(self) -> bytes:
        """The claim as a line of the run's file."""
        units = {} if self.units is None else {"units": sorted(self.units)}
        return line({"pid": self.pid, **units})

    def shares(self, units: Collection[str] | None) -> int | None:
        """How many of these units are taken; None for all of them."""
        if self.units is None or units is None:
            return None
        return len(self.units.intersection(units))

    @property
    def process(self) -> str:
        """The process, in words."""
        if self.pid is None:
            return ""
        return " (in this process)" if self.pid == os.getpid() else f" (process {self.pid})"


def claim_of(path: Path) -> Claim:
    """What the run that holds the file has claimed. A run of an older build, which names no units, claims every one."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:  # the run has ended meanwhile
        return Claim()
    entry = next((json.loads(text) for text in reversed(lines) if text.startswith(b'{"pid":')), {})
    units = entry.get("units")
    return Claim(entry.get("pid"), None if units is None else set(units))


def check(path: Path, units: Collection[str] | None) -> None:
    """Raises JournalBusy if the run that holds the file at `path` has claimed any of these units."""
    claim = claim_of(path)
    shared = claim.shares(units)
    if shared == 0:
        return
    if units is None or shared is None:
        raise JournalBusy(
            f"{path} is held by another run of the same recipe{claim.process}: wait until it has ended, or end it"
        )
    raise JournalBusy(
        f"another run of the same recipe{claim.process} is at work on {shared:,} of these {len(units):,} problems: wait"
        " until it has ended, or end it"
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """A call of a journal with its choices, what was sent if that stands with it, and its size in bytes."""

    call: Call
    choices: Choices
    prompt: Prompt | None
    size: int


def pending(path: Path, file: int) -> dict[str, list[Entry]]:
    """What the file has of each unit that is not published. Cuts off a last line that a killed process left unfinished.
    Raises StoreError for a line that is none of a journal."""
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        os.ftruncate(file, whole)
    found: dict[str, list[Entry]] = {}
    for number, text in enumerate(data[:whole].splitlines(), start=1):
        try:
            entry = json.loads(text)
            if "call" in entry:
                call = call_from_json(entry["call"])
                kept = Entry(call, entry["choices"], entry.get("prompt"), len(text) + 1)
                found.setdefault(call.unit, []).append(kept)
            for unit in entry.get("forget", ()):
                found.pop(unit, None)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreError(f"{path}, line {number}: not a line of a journal ({error}): delete that line") from error
    return found


def answered(path: Path) -> bool:
    """Whether the file at `path` has an answer in it."""
    with suppress(FileNotFoundError), path.open("rb") as lines:
        return any(text.startswith(b'{"call":') and json.loads(text)["choices"] for text in lines if text[-1:] == b"\n")
    return False


def cleared(folder: Path) -> bool:
    """Deletes a folder of journals in which no run has an answer and none is at work; False if it can't be."""
    if not folder.exists():
        return True
    with locked(folder):
        journals = [folder / name for name in os.listdir(folder) if name != LOCK]
        if any(file.suffix != ".jsonl" or held(file) or answered(file) for file in journals):
            return False
        for file in journals:
            file.unlink()
    return True


def line(entry: Mapping[str, Any]) -> bytes:
    """An entry as a line."""
    return exact(entry).encode() + b"\n"


def write(file: int, data: bytes) -> None:
    """Writes all of it."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _locked(folder: Path) -> int:
    while True:
        folder.mkdir(exist_ok=True)
        try:
            file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:  # the folder was removed meanwhile
            continue
        try:
            if _lock(file) and _is_at(file, folder / LOCK):
                return file
            pause(0.01)
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(file: int, path: Path) -> bool:
    """Whether an open file is still the one at `path`: it may have been replaced or deleted before it was locked."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file), os.stat(path))
    return False
