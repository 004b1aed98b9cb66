"""The files of journals. Each run has one file, locks it while it works, and writes into it which units it has claimed.

When a run begins, it reads the files of the recipe's other runs. If a file is locked, its run is working, and the file
says which units that run has claimed. If a file is not locked, its run has ended, and the new run takes over the calls
of its own units from the file. Meanwhile the new run locks the folder, so that two runs can't begin at once.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Required

import msgspec
from typing_extensions import TypedDict

from redraft.store.calls import Call, Choices, Prompt
from redraft.store.errors import JournalBusy, StoreError, plural
from redraft.store.json_records import call_from_json, call_to_json, exact
from redraft.store.waiting import pause

LOCK = "lock"  # the name of a file in the folder of journals


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Locks the folder of journals: no other run can open or delete a journal inside the `with` block. Makes the folder
    if it is missing, and deletes it if it is empty at the end. Raises OSError."""
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
    """Returns the existing files of a recipe's runs. `path` is the file of the recipe's first run."""
    others = sorted(path.parent.glob(f"{path.stem}.*{path.suffix}"))
    return [file for file in (path, *others) if file.exists()]


def worker_file(path: Path, worker: str) -> Path:
    """Returns the path of a worker's file, beside the file of the recipe's first run."""
    return path.with_suffix(f".{worker}{path.suffix}")


def worker_of(path: Path) -> str | None:
    """Returns the name of the worker that wrote the file at `path`, or None if the file is of a run without leases."""
    _, _, name = path.stem.partition(".")
    return name if name.startswith("w") else None


def lock_if_free(path: Path) -> int | None:
    """Opens and locks the file at `path`, and returns its descriptor. Returns None if another process has locked the
    file. Raises FileNotFoundError."""
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
    """Makes and locks a new file, and returns its path and descriptor. If `path` exists, the new file gets another name
    in the same folder."""
    while True:
        free = path if not path.exists() else path.with_suffix(f".{secrets.token_hex(4)}{path.suffix}")
        with suppress(FileExistsError):
            file = os.open(free, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
            fcntl.flock(file, fcntl.LOCK_EX)
            return free, file


def is_locked(path: Path) -> bool:
    """Returns whether a process has locked the file at `path`."""
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
    """The units that a run has claimed, or None if it has claimed all; and the id of the run's process."""

    pid: int | None = None
    units: set[str] | None = field(default_factory=set)

    def line(self) -> bytes:
        """Returns the claim encoded as a line of the run's file."""
        units = {} if self.units is None else {"units": sorted(self.units)}
        return json_line({"pid": self.pid, **units})

    def count_shared(self, units: Collection[str] | None) -> int | None:
        """Returns how many of `units` are claimed. Returns None if that can't be counted: the claim has all units, or
        `units` is None (all)."""
        if self.units is None or units is None:
            return None
        return len(self.units.intersection(units))

    @property
    def process(self) -> str:
        """Returns a text for messages, such as " (process 12)"; empty if the process is unknown."""
        if self.pid is None:
            return ""
        return " (in this process)" if self.pid == os.getpid() else f" (process {self.pid})"


def read_claim(path: Path) -> Claim:
    """Returns the claim that a run has written to its file. A file of an older version lists no units; its claim then
    has all units."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:  # the run has ended meanwhile
        return Claim()
    text = next((text for text in reversed(lines) if text.startswith(b'{"pid":')), b"{}")
    with suppress(*BROKEN):
        entry = json.loads(text)
        units = entry.get("units")
        return Claim(int(entry["pid"]) if "pid" in entry else None, None if units is None else set(units))
    return Claim(units=None)  # the line is broken, so the claim counts as a claim of all units


def check_claim(path: Path, units: Collection[str] | None) -> None:
    """Raises JournalBusy if the run that wrote the file at `path` has claimed any of `units`."""
    claim = read_claim(path)
    shared = claim.count_shared(units)
    if shared == 0:
        return
    if units is None or shared is None:
        raise JournalBusy(
            f"{path} is held by another run of the same recipe{claim.process}: wait until it has ended, or end it"
        )
    raise JournalBusy(
        f"another run of the same recipe{claim.process} is at work on {shared:,} of these"
        f" {plural(len(units), 'problem')}: wait until it has ended, or end it"
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a journal: a call with its choices, its prompt if the line has a prompt, and the line's size in
    bytes."""

    call: Call
    choices: Choices
    prompt: Prompt | None
    size: int


def read_pending(path: Path, file: int | None) -> dict[str, list[Entry]]:
    """Returns the calls of each unpublished unit. A killed process can leave the last line unfinished: it is truncated
    if `file` is the descriptor of the locked file, and ignored if `file` is None. Raises StoreError if a line is not a
    line of a journal, and FileNotFoundError."""
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data) and file is not None:
        os.ftruncate(file, whole)
    found: dict[str, list[Entry]] = {}
    for number, text in enumerate(data[:whole].splitlines(), start=1):
        try:
            entry = json.loads(text)
            if "call" in entry:
                call = call_from_json(entry["call"])
                line = msgspec.convert(entry, _Line)  # only its types are checked
                pending = Entry(call, entry["choices"], line.get("prompt"), len(text) + 1)
                found.setdefault(call.unit, []).append(pending)
            for unit in entry.get("forget", ()):
                found.pop(unit, None)
        except BROKEN as error:
            raise StoreError(f"{path}, line {number}, is no line of a journal: delete that line") from error
    return found


BROKEN = (ValueError, TypeError, KeyError, AttributeError, RecursionError, msgspec.ValidationError)
"""The exceptions that reading a broken line may raise."""


class _Sample(TypedDict, total=False):
    """The fields of a choice that redraft reads from a journal. `llm/choice_json.py` writes them."""

    text: str
    finish: str
    tokens: int
    logprobs: list[float] | None
    offsets: list[int] | None
    thinking: str
    call_id: str


class _Line(TypedDict, total=False):
    """The types of the fields in a line that has a call."""

    choices: Required[list[_Sample]]
    prompt: dict[str, Any]


def has_answer(path: Path) -> bool:
    """Returns whether the file at `path` has an answered call."""
    with suppress(FileNotFoundError), path.open("rb") as lines:
        return any(text.startswith(b'{"call":') and _answered(text) for text in lines if text[-1:] == b"\n")
    return False


def _answered(text: bytes) -> bool:
    """Returns whether a line has an answered call. A broken line counts as answered, because it may have one."""
    with suppress(*BROKEN):
        return bool(json.loads(text)["choices"])
    return True


def remove_unanswered(folder: Path) -> bool:
    """Deletes a folder of journals if none of its runs is working and none has an answered call. Returns whether the
    folder was deleted."""
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
    """Returns an entry encoded as a line of a journal."""
    return exact(entry).encode() + b"\n"


def call_line(call: Call, choices: Choices, prompt: Prompt | None) -> bytes:
    """Returns a call with its choices and its prompt, encoded as a line of a journal."""
    entry: dict[str, Any] = {"call": call_to_json(call), "choices": list(choices)}
    if prompt is not None:
        entry["prompt"] = dict(prompt)
    return json_line(entry)


def write(file: int, data: bytes) -> None:
    """Writes all bytes of `data`, in several system calls if one accepts only a part."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _lock_folder(folder: Path) -> int:
    while True:
        with suppress(FileExistsError):  # Path.mkdir(exist_ok=True) raises it if the folder is removed meanwhile
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
    """Returns whether an open file is still the file at `path`. Another run may have replaced or deleted the file
    before this run locked it."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file), os.stat(path))
    return False
