"""The journal: every answered call, kept at once and before anyone uses it, so that a killed run never pays twice.

One file a run, beside the store, one line a call, only ever appended to. What `record` has returned for survives the
process being killed at any instant. A finished unit goes into the store, and only then leaves the journal. A run takes
over what runs that have ended left of its units; runs of one recipe that share no unit are at work side by side.
"""

import fcntl
import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from redraft.store.calls import Call, Choices, Prompt, call_key
from redraft.store.errors import StoreError
from redraft.store.journal_files import Claim, Entry, check, files, line, locked, made, pending, taken, write
from redraft.store.json_records import call_to_json

COMPACT_AT = 16 * 2**20  # bytes: a file smaller than this is never rewritten

Place = tuple[str, str, int, str]  # purpose, place, sample, prompt_hash


class Journal:
    """The journal of a recipe's run; `path` is where it lies if no other run of the recipe is at work, None keeps it in
    memory only. For use by one thread at a time.

    It claims every unit of the recipe, or with `claim=False` nothing until `claim` is called. Raises JournalBusy if
    another run has claimed one of them, and StoreError if it can't be read or written.
    """

    def __init__(self, path: Path | None, *, claim: bool = True) -> None:
        self._alone = path  # where it lies if no other run of the recipe is at work
        self._path = path
        self._answers: dict[str, dict[Place, Mapping[str, Any]]] = {}
        self._made: dict[str, dict[str, Call]] = {}  # each unit's calls by their ids, the store's too
        self._pending: dict[str, list[tuple[Call, Choices]]] = {}
        self._prompts: dict[str, dict[str, Prompt]] = {}  # of each unit's pending calls, by their hashes
        self._bytes: dict[str, int] = {}  # of each unit's pending lines
        self._size = 0
        self._file = -1
        self._claimed = Claim(os.getpid())
        if claim:
            self.claim()

    def claim(self, units: Collection[str] | None = None, also: Iterable[str] = ()) -> None:
        """Takes units (None: all) for this run, with what earlier runs have left of them, and of those in `also`, which
        this run asks nothing for. Raises JournalBusy if another run has claimed one of `units`."""
        if self._alone is None:
            return
        fresh = self._file < 0
        try:
            with locked(self._alone.parent):
                self._take(self._alone, None if units is None else set(units), set(also))
        except BaseException as error:
            if fresh:
                self._release()
            if isinstance(error, OSError):
                raise _trouble(self._alone, error) from error
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
        try:
            if not self.units():
                with suppress(OSError), locked(self._path.parent):
                    self._path.unlink(missing_ok=True)
        finally:
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

    def _take(self, alone: Path, units: set[str] | None, also: set[str]) -> None:
        """Claims units while the folder is locked. A file whose units are all this run's becomes its own; out of others
        its units are copied before they are struck out there: what a kill leaves in two files is one call."""
        own, left = self._path if self._file >= 0 else None, dict[Path, int]()
        try:
            for path in files(alone):
                if path == own:
                    continue
                with suppress(FileNotFoundError):  # its run ends just now
                    file = taken(path)
                    if file is None:
                        check(path, units)
                    else:
                        left[path] = file
            found = {path: pending(path, file) for path, file in left.items()}
            ours = None if units is None else units | also
            mine = {path: set(there) if ours is None else ours.intersection(there) for path, there in found.items()}
            if self._file < 0:
                self._open(alone, left, found, mine)
            if self._claimed.units is not None:
                self._claimed.units = None if units is None else self._claimed.units.union(units, *mine.values())
            self._write_line(self._claimed.line())
            for path in left:
                self._move(path, left[path], found[path], mine[path])
        finally:
            for file in left.values():
                os.close(file)

    def _open(
        self,
        alone: Path,
        left: dict[Path, int],
        found: Mapping[Path, Mapping[str, list[Entry]]],
        mine: Mapping[Path, set[str]],
    ) -> None:
        """Opens this run's file: one of those that are `left`, if all in it is this run's, or a new one."""
        self._path = next((path for path in left if mine[path] == found[path].keys()), None)
        if self._path is None:
            self._path, self._file = made(alone)
            return
        self._file = left.pop(self._path)
        self._size = os.fstat(self._file).st_size
        for entry in (entry for entries in found[self._path].values() for entry in entries):
            self._keep(entry.call, entry.choices, entry.size, entry.prompt)

    def _move(self, path: Path, file: int, found: Mapping[str, list[Entry]], mine: set[str]) -> None:
        """Moves this run's units here from a file that is nobody's."""
        for unit in mine:
            known = {call_key(call) for call, _ in self.calls(unit)}
            for entry in found[unit]:
                if call_key(entry.call) not in known:
                    self.record(entry.call, entry.choices, entry.prompt)
        if mine == found.keys():
            path.unlink()
        elif mine:
            write(file, line({"forget": sorted(mine)}))

    def _append(self, entry: Mapping[str, Any]) -> int:
        return self._write_line(line(entry))

    def _write_line(self, text: bytes) -> int:
        """Writes one line, whole or not at all, and returns its size in bytes."""
        if self._path is None:
            return len(text)
        try:
            write(self._file, text)
        except OSError as error:
            os.ftruncate(self._file, self._size)
            raise _trouble(self._path, error) from error
        self._size += len(text)
        return len(text)

    def _compact(self) -> None:
        """Rewrites the file with what is still pending. Where there is no room for it, the old file stays."""
        assert self._path is not None
        lines = {unit: self._lines(unit) for unit in self._pending}
        new = self._path.with_suffix(".new")
        file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            write(file, b"".join([self._claimed.line(), *lines.values()]))
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


def _line(call: Call, choices: Choices, prompt: Prompt | None) -> bytes:
    entry: dict[str, Any] = {"call": call_to_json(call), "choices": list(choices)}
    if prompt is not None:
        entry["prompt"] = dict(prompt)
    return line(entry)


def _trouble(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path} can't be written: {error.strerror}: free some space or give yourself the right to write it, then run"
        " the same command again; what was written is safe"
    )
