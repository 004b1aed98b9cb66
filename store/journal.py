"""The journal: every answered call, kept at once and before anyone uses it, so that a killed run never pays twice.

One file a recipe, beside the store, one line a call, only ever appended to. What `record` has returned for survives
the process being killed at any instant. A finished unit goes into the store, and only then leaves the journal.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from redraft.store.encode import call_from_json, call_to_json, exact
from redraft.store.errors import JournalBusy, StoreError
from redraft.store.records import Call
from redraft.store.units import Choices, Prompt, call_key

COMPACT_AT = 16 * 2**20  # bytes: a file smaller than this is never rewritten

Place = tuple[str, str, int, str]  # purpose, place, sample, prompt_hash


class Journal:
    """The journal at `path`; None keeps it in memory only. For use by one thread.

    A last line that a killed process left unfinished is cut off. Raises JournalBusy where another process holds it, and
    StoreError where it can't be read or written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._answers: dict[str, dict[Place, Mapping[str, Any]]] = {}
        self._made: dict[str, dict[str, Call]] = {}  # each unit's calls by their ids, the store's too
        self._pending: dict[str, list[tuple[Call, Choices]]] = {}
        self._prompts: dict[str, dict[str, Prompt]] = {}  # of each unit's pending calls, by their hashes
        self._bytes: dict[str, int] = {}  # of each unit's pending lines
        self._size = 0
        self._file = -1
        if path is not None:
            try:
                path.parent.mkdir(exist_ok=True)
                self._file = _open(path)
                self._load(path)
                self._append({"pid": os.getpid()})
            except OSError as error:
                self._release()
                raise _trouble(path, error) from error
            except StoreError:
                self._release()
                raise

    def answer(self, unit: str, purpose: str, place: str, sample: int, prompt_hash: str) -> Mapping[str, Any] | None:
        """The choice that this very request was answered with before, or None."""
        return self._answers.get(unit, {}).get((purpose, place, sample, prompt_hash))

    def record(self, call: Call, choices: Choices, prompt: Prompt | None = None) -> None:
        """Keeps a call and its choices, in sample order, and what was sent; a failed call has no choices. Raises
        StoreError (a full disk), in which case nothing of it is kept."""
        if call.prompt_hash in self._prompts.get(call.unit, ()):
            prompt = None
        written = self._write_line(_line(call, choices, prompt))
        self._keep(call, choices, written, prompt)

    def preload(self, call: Call, choices: Choices) -> None:
        """Makes a call that the store has already answerable here; it is no longer among `calls`."""
        self._index(call, choices)
        pending = self._pending.get(call.unit, [])
        pending[:] = [entry for entry in pending if call_key(entry[0]) != call_key(call)]

    def calls(self, unit: str) -> list[tuple[Call, Choices]]:
        """The unit's calls that are not yet in the store, in the order they were answered."""
        return list(self._pending.get(unit, ()))

    def prompts(self, unit: str) -> dict[str, Prompt]:
        """What was sent in the unit's calls that are not yet in the store, by its hash."""
        return dict(self._prompts.get(unit, {}))

    def made(self, unit: str) -> list[Call]:
        """Every call that is known of the unit, failed ones and those in the store included."""
        return list(self._made.get(unit, {}).values())

    def units(self) -> list[str]:
        """The units that have calls which are not yet in the store."""
        return [unit for unit, calls in self._pending.items() if calls]

    def forget(self, units: Iterable[str]) -> None:
        """These units are published: their memory is freed now, their lines go when the file is next rewritten."""
        gone = [unit for unit in units if unit in self._answers or unit in self._pending]
        dropped = [unit for unit in gone if self._bytes.pop(unit, 0)]
        for unit in gone:
            self._drop(unit)
        if dropped:
            self._append({"forget": dropped})
        if self._size > COMPACT_AT and sum(self._bytes.values()) < self._size / 2:
            self._compact()

    def close(self) -> None:
        """Lets the file go, and deletes it when nothing unpublished is left in it."""
        if self._file < 0 or self._path is None:
            return
        if not self.units():
            self._path.unlink(missing_ok=True)
        self._release()

    def _release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _keep(self, call: Call, choices: Choices, size: int, prompt: Prompt | None) -> None:
        self._index(call, choices)
        if prompt is not None:
            self._prompts.setdefault(call.unit, {})[call.prompt_hash] = prompt
        self._pending.setdefault(call.unit, []).append((call, choices))
        self._bytes[call.unit] = self._bytes.get(call.unit, 0) + size

    def _index(self, call: Call, choices: Choices) -> None:
        self._made.setdefault(call.unit, {})[call.call_id] = call
        places = self._answers.setdefault(call.unit, {})
        for sample, choice in enumerate(choices, start=call.first):
            places[call.purpose, call.place, sample, call.prompt_hash] = choice

    def _drop(self, unit: str) -> None:
        self._answers.pop(unit, None)
        self._made.pop(unit, None)
        self._prompts.pop(unit, None)
        self._pending.pop(unit, None)

    def _load(self, path: Path) -> None:
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.ftruncate(self._file, whole)
        self._size = whole
        for number, line in enumerate(data[:whole].splitlines(), start=1):
            try:
                self._replay(json.loads(line), len(line) + 1)
            except (ValueError, TypeError, KeyError) as error:
                raise StoreError(
                    f"{path}, line {number}: not a line of a journal ({error}): delete that line"
                ) from error

    def _replay(self, entry: dict[str, Any], size: int) -> None:
        if "call" in entry:
            self._keep(call_from_json(entry["call"]), entry["choices"], size, entry.get("prompt"))
        for unit in entry.get("forget", ()):
            self._drop(unit)
            self._bytes.pop(unit, None)

    def _append(self, entry: Mapping[str, Any]) -> int:
        return self._write_line(exact(entry).encode() + b"\n")

    def _write_line(self, line: bytes) -> int:
        """Writes one line, whole or not at all, and returns its size in bytes."""
        if self._path is None:
            return len(line)
        try:
            _write(self._file, line)
        except OSError as error:
            os.ftruncate(self._file, self._size)
            raise _trouble(self._path, error) from error
        self._size += len(line)
        return len(line)

    def _compact(self) -> None:
        """Rewrites the file with what is still pending. Where there is no room for it, the old file stays."""
        assert self._path is not None
        lines = {unit: self._lines(unit) for unit in self._pending}
        new = self._path.with_suffix(".new")
        file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            _write(file, b"".join([exact({"pid": os.getpid()}).encode() + b"\n", *lines.values()]))
            os.fsync(file)
            os.replace(new, self._path)
        except OSError:
            new.unlink(missing_ok=True)
            os.close(file)
            return
        os.close(self._file)
        self._file, self._size = file, os.fstat(file).st_size
        self._bytes = {unit: len(text) for unit, text in lines.items()}

    def _lines(self, unit: str) -> bytes:
        """All that is pending of a unit."""
        prompts = self.prompts(unit)
        return b"".join(
            _line(call, choices, prompts.pop(call.prompt_hash, None)) for call, choices in self._pending[unit]
        )


def held(path: Path) -> bool:
    """Whether a process holds the journal at `path`."""
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


def _line(call: Call, choices: Choices, prompt: Prompt | None) -> bytes:
    entry: dict[str, Any] = {"call": call_to_json(call), "choices": list(choices)}
    if prompt is not None:
        entry["prompt"] = dict(prompt)
    return exact(entry).encode() + b"\n"


def _open(path: Path) -> int:
    """The locked file at `path`. It may have been replaced or deleted between opening and locking: then again."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.exists(path) and os.path.samestat(os.fstat(file), os.stat(path)):
                return file
        except BlockingIOError:
            os.close(file)
            raise JournalBusy(
                f"{path} is held by another run of the same recipe{_holder(path)}: wait until it has ended, or end it"
            ) from None
        os.close(file)


def _holder(path: Path) -> str:
    pids = [line for line in path.read_bytes().splitlines() if line.startswith(b'{"pid":')]
    return f" (process {json.loads(pids[-1])['pid']})" if pids else ""


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _trouble(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path} can't be written: {error.strerror}: free some space or give yourself the right to write it, then run"
        " the same command again; what was written is safe"
    )
