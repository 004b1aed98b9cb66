"""The files of journals: each run at work has one, locks it, and writes into it which units it has claimed.

A run of a recipe that begins looks at the files of the recipe's other runs. A locked file says which units are claimed.
From a file that no process has locked, the run takes over the calls of its own units. All of this happens under one
lock of the folder, so that two runs which begin at once see each other.
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
from redraft.store.json_records import call_from_json, call_to_json, exact
from redraft.store.waiting import pause

LOCK = "lock"  # the name of a file in the folder of journals


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keeps other runs from opening and deleting journals in the folder meanwhile. Makes the folder if it is missing,
    and removes it if nothing is left in it. Raises OSError."""
    file = _lock_folder(folder)
    try:
        yield
    finally:
        with suppress(OSError):
            if os.listdir(folder) == [LOCK]:
                os.unlink(folder / LOCK)
                os.rmdir(folder)
        os.close(file)


def run_files(path: Path) -> list[Path]:
    """The files of a recipe's runs; `path` is the file that the first of them made."""
    others = sorted(path.parent.glob(f"{path.stem}.*{path.suffix}"))
    return [file for file in (path, *others) if file.exists()]


def lock_if_free(path: Path) -> int | None:
    """The file at `path`, opened and locked; None if a process has locked it. Raises FileNotFoundError."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_APPEND)
        try:
            if not _try_lock(file):
                os.close(file)
                return None
            if _is_file_at(file, path):
                return file
        except OSError:
            os.close(file)
            raise
        os.close(file)


def create(path: Path) -> tuple[Path, int]:
    """A new file, locked, and its path: `path` itself if no file has it, else one beside it."""
    while True:
        free = path if not path.exists() else path.with_suffix(f".{secrets.token_hex(4)}{path.suffix}")
        with suppress(FileExistsError):
            file = os.open(free, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
            fcntl.flock(file, fcntl.LOCK_EX)
            return free, file


def is_locked(path: Path) -> bool:
    """Whether a process has locked the file at `path`."""
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
    """The units that a run has claimed (None: all), and the process that it runs in."""

    pid: int | None = None
    units: set[str] | None = field(default_factory=set)

    def line(self) -> bytes:
        """The claim as a line of the run's file."""
        units = {} if self.units is None else {"units": sorted(self.units)}
        return json_line({"pid": self.pid, **units})

    def count_shared(self, units: Collection[str] | None) -> int | None:
        """How many of these units are claimed; None if the claim, or `units`, is all units."""
        if self.units is None or units is None:
            return None
        return len(self.units.intersection(units))

    @property
    def process(self) -> str:
        """The process in words, such as " (process 12)"; empty if it is unknown."""
        if self.pid is None:
            return ""
        return " (in this process)" if self.pid == os.getpid() else f" (process {self.pid})"


def read_claim(path: Path) -> Claim:
    """The claim of the run that has the file. A run of an older build, which names no units, claims all of them."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:  # the run has ended meanwhile
        return Claim()
    entry = next((json.loads(text) for text in reversed(lines) if text.startswith(b'{"pid":')), {})
    units = entry.get("units")
    return Claim(entry.get("pid"), None if units is None else set(units))


def check_claim(path: Path, units: Collection[str] | None) -> None:
    """Raises JournalBusy if the run that has the file at `path` has claimed any of these units."""
    claim = read_claim(path)
    shared = claim.count_shared(units)
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
    """A call of a journal with its choices, its prompt if the line has one, and the size of the line in bytes."""

    call: Call
    choices: Choices
    prompt: Prompt | None
    size: int


def read_pending(path: Path, file: int) -> dict[str, list[Entry]]:
    """The calls of each unpublished unit. Cuts off a last line that a killed process left unfinished. Raises StoreError
    if a line is not one of a journal."""
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
                pending = Entry(call, entry["choices"], entry.get("prompt"), len(text) + 1)
                found.setdefault(call.unit, []).append(pending)
            for unit in entry.get("forget", ()):
                found.pop(unit, None)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreError(f"{path}, line {number}: not a line of a journal ({error}): delete that line") from error
    return found


def has_answer(path: Path) -> bool:
    """Whether the file at `path` has an answered call."""
    with suppress(FileNotFoundError), path.open("rb") as lines:
        return any(text.startswith(b'{"call":') and json.loads(text)["choices"] for text in lines if text[-1:] == b"\n")
    return False


def remove_unanswered(folder: Path) -> bool:
    """Deletes a folder of journals, and returns True, if no run in it is at work or has an answered call; else returns
    False."""
    if not folder.exists():
        return True
    with lock_folder(folder):
        journals = [folder / name for name in os.listdir(folder) if name != LOCK]
        if any(file.suffix != ".jsonl" or is_locked(file) or has_answer(file) for file in journals):
            return False
        for file in journals:
            file.unlink()
    return True


def json_line(entry: Mapping[str, Any]) -> bytes:
    """An entry as a line of a journal."""
    return exact(entry).encode() + b"\n"


def call_line(call: Call, choices: Choices, prompt: Prompt | None) -> bytes:
    """A call with its choices and its prompt as a line of a journal."""
    entry: dict[str, Any] = {"call": call_to_json(call), "choices": list(choices)}
    if prompt is not None:
        entry["prompt"] = dict(prompt)
    return json_line(entry)


def write(file: int, data: bytes) -> None:
    """Writes all the bytes, in several writes if the system takes only a part."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _lock_folder(folder: Path) -> int:
    while True:
        with suppress(FileExistsError):  # Path.mkdir(exist_ok=True) raises it if the folder goes meanwhile
            os.mkdir(folder)
        try:
            file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:  # the folder was removed meanwhile
            continue
        try:
            if _try_lock(file) and _is_file_at(file, folder / LOCK):
                return file
            pause(0.01)
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_file_at(file: int, path: Path) -> bool:
    """Whether an open file is still the file at `path`, which may have been replaced or deleted before the lock."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file), os.stat(path))
    return False
