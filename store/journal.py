"""The journal: a file to which each answered call is written before its text is used, so that a killed run never pays
twice.

A run has one file, in a folder beside the store. Each call is one line, and lines are only appended. Once `record` has
returned, a call is safe, even if the process is killed. A finished unit is written to the store, and only then removed
from the journal. If an earlier run has ended and left units in its file, a new run takes them over. Runs of one recipe
can work at the same time if they share no unit.
"""

import fcntl
import os
import threading
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from redraft.store.calls import Call, Choices, Prompt, call_key
from redraft.store.errors import StoreError
from redraft.store.journal_calls import JournalCalls
from redraft.store.journal_files import (
    Claim,
    Entry,
    call_line,
    check_claim,
    create,
    json_line,
    lock_folder,
    lock_if_free,
    read_pending,
    run_files,
    worker_file,
    worker_of,
    write,
)

COMPACT_AT = 16 * 2**20  # bytes; a smaller file is not rewritten while its run is working
LET_GO_AT = 2**16  # bytes; a file with more published lines is rewritten when a run begins


class Journal:
    """The journal of one run of a recipe. `path` is the file to use if no other run of the recipe uses it; None keeps
    the journal in memory only. Only one thread at a time may use a journal, except that `take` may run in a second
    thread.

    The journal claims every unit of the recipe; with `claim=False` it claims none until `claim` is called. Raises
    JournalBusy if another run has claimed one of these units, and StoreError if the file can't be read or written.
    """

    def __init__(self, path: Path | None, *, claim: bool = True) -> None:
        self._first_path = path  # the path to use if no other run of the recipe uses it
        self._path = path
        self._calls = JournalCalls()
        self._size = 0  # size of the file in bytes
        self._file = -1
        self._claim = Claim(os.getpid())
        self._lock = threading.RLock()  # for the attributes that `take` also changes
        if claim:
            self.claim()

    def claim(self, units: Collection[str] | None = None, also: Iterable[str] = ()) -> None:
        """Claims `units` (None: all) for this run, and takes over their calls from earlier runs. It also takes over the
        calls of the units in `also`, for which this run makes no calls itself. Raises JournalBusy if another run has
        claimed one of `units`."""
        if self._first_path is None:
            return
        first_claim = self._file < 0
        try:
            with lock_folder(self._first_path.parent):
                self._take(self._first_path, None if units is None else set(units), set(also))
                self.let_go()
        except BaseException as error:
            if first_claim:
                self._release()
            if isinstance(error, OSError):
                raise _write_error(self._first_path, error) from error
            raise

    def take(self, units: Collection[str], worker: str, living: Collection[str]) -> list[str]:
        """Takes over the calls of `units`, which this run has leased under the name `worker`. The calls are those of
        earlier runs, and of workers that are not in `living`. Returns the units whose calls were taken over. Raises
        JournalBusy if a run without leases has claimed one of the units, and StoreError if a file can't be read or
        written."""
        if self._first_path is None:
            return []
        try:
            with lock_folder(self._first_path.parent):
                return self._take_leased(self._first_path, set(units), worker, living)
        except OSError as error:
            raise _write_error(self._first_path, error) from error

    def has_others(self) -> bool:
        """Returns whether other runs of the recipe have files, from which `take` could take calls."""
        return self._first_path is not None and any(path != self._path for path in run_files(self._first_path))

    def abandon(self) -> None:
        """Closes this run's file and forgets its calls. The file is kept for the workers that take the calls over. A
        worker that has lost its leases calls this, and later starts again with `take`, under a new name."""
        with self._lock:
            self._release()
            self._path, self._calls, self._size = None, JournalCalls(), 0

    def answer(self, unit: str, purpose: str, place: str, sample: int, prompt_hash: str) -> Mapping[str, Any] | None:
        """Returns the choice that answered the same request before, or None."""
        return self._calls.answer(unit, (purpose, place, sample, prompt_hash))

    def record(self, call: Call, choices: Choices, prompt: Prompt | None = None) -> None:
        """Writes a call, its choices in the order of the samples, and its prompt. `choices` is empty for a failed call.
        If the call can't be written, because the disk is full for example, raises StoreError and records no part of the
        call."""
        with self._lock:
            if self._calls.has_prompt(call):
                prompt = None
            size = self._write_line(call_line(call, choices, prompt))
            self._calls.add(call, choices, size, prompt)

    def preload(self, call: Call, choices: Choices) -> None:
        """Adds the answers of a call that is already in the store. `calls` then no longer returns the call."""
        with self._lock:
            self._calls.add_stored(call, choices)

    def calls(self, unit: str) -> list[tuple[Call, Choices]]:
        """Returns the unit's calls that are not yet in the store, in the order in which they were answered."""
        return self._calls.pending(unit)

    def prompts(self, unit: str) -> dict[str, Prompt]:
        """Returns the prompts of the unit's calls that are not yet in the store, by prompt hash."""
        return self._calls.prompts(unit)

    def known_calls(self, unit: str) -> list[Call]:
        """Returns every known call of the unit, including failed calls and stored calls."""
        return self._calls.known(unit)

    def units(self) -> list[str]:
        """Returns the units that have calls that are not yet in the store."""
        return self._calls.pending_units()

    def forget(self, units: Iterable[str]) -> None:
        """Removes published units from memory at once, and from the file when it is next rewritten."""
        with self._lock:
            removed = [unit for unit in units if unit in self._calls and self._calls.remove(unit)]
            if removed:
                self._write_line(json_line({"forget": removed}))
            if self._size > COMPACT_AT and sum(self._calls.sizes.values()) < self._size / 2:
                self._compact()

    def let_go(self) -> None:
        """Rewrites the file without its published lines if these have more than `LET_GO_AT` bytes, so that the store
        can use the disk space."""
        with self._lock:
            if self._file >= 0 and self._size - self._calls.pending_size() > LET_GO_AT:
                self._compact()

    def close(self) -> None:
        """Closes the file, and deletes it if all its calls were published."""
        if self._file < 0 or self._path is None:
            return
        try:
            if not self.units():
                with suppress(OSError), lock_folder(self._path.parent):
                    self._path.unlink(missing_ok=True)
        finally:
            self._release()

    def _release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _take(self, first_path: Path, units: set[str] | None, also: set[str]) -> None:
        """Claims units while the folder is locked. A file is free if no process has locked it. If all units of a free
        file belong to this run, the run continues that file. Otherwise the run copies its units from the free file, and
        only then marks them there as forgotten. If the process is killed in between, a call may be in two files; it
        then counts once."""
        own, free = self._path if self._file >= 0 else None, dict[Path, int]()
        try:
            for path in run_files(first_path):
                if path == own:
                    continue
                with suppress(FileNotFoundError):  # its run ended just now
                    file = lock_if_free(path)
                    if file is None:
                        check_claim(path, units)
                    else:
                        free[path] = file
            entries = {path: read_pending(path, file) for path, file in free.items()}
            wanted = None if units is None else units | also
            mine = {
                path: set(there) if wanted is None else wanted.intersection(there) for path, there in entries.items()
            }
            if self._file < 0:
                self._open(first_path, free, entries, mine)
            if self._claim.units is not None:
                self._claim.units = None if units is None else self._claim.units.union(units, *mine.values())
            self._write_line(self._claim.line())
            for path in free:
                self._move(path, free[path], entries[path], mine[path])
        finally:
            for file in free.values():
                os.close(file)

    def _take_leased(self, first_path: Path, units: set[str], worker: str, living: Collection[str]) -> list[str]:
        """Takes over leased units while the folder is locked. A suspended worker still locks its file: its calls are
        copied, and the worker notices later that it has lost them."""
        with self._lock:
            if self._file < 0:
                self._path, self._file = create(worker_file(first_path, worker))
                self._calls = JournalCalls()
                self._claim.units = None  # for older versions, which know no leases
                self._write_line(self._claim.line())
        taken: list[str] = []
        for path in run_files(first_path):
            owner = worker_of(path)
            if path == self._path or owner in living:
                continue
            with suppress(FileNotFoundError):  # its run ended just now
                file = lock_if_free(path)
                if file is None and owner is None:
                    check_claim(path, units)
                    continue
                try:
                    entries = read_pending(path, file)
                    mine = units.intersection(entries)
                    with self._lock:
                        self._copy(entries, mine)
                    if file is not None:
                        _drop(path, file, entries, mine)
                    taken += mine
                finally:
                    if file is not None:
                        os.close(file)
        return taken

    def _open(
        self,
        first_path: Path,
        free: dict[Path, int],
        entries: Mapping[Path, Mapping[str, list[Entry]]],
        mine: Mapping[Path, set[str]],
    ) -> None:
        """Opens this run's file: a free file whose units all belong to this run, or else a new file."""
        self._path = next((path for path in free if mine[path] == entries[path].keys()), None)
        if self._path is None:
            self._path, self._file = create(first_path)
            return
        self._file = free.pop(self._path)
        self._size = os.fstat(self._file).st_size
        for entry in (entry for unit in entries[self._path].values() for entry in unit):
            self._calls.add(entry.call, entry.choices, entry.size, entry.prompt)

    def _move(self, path: Path, file: int, entries: Mapping[str, list[Entry]], mine: set[str]) -> None:
        """Moves this run's units from a free file to this run's file."""
        self._copy(entries, mine)
        _drop(path, file, entries, mine)

    def _copy(self, entries: Mapping[str, list[Entry]], mine: set[str]) -> None:
        """Adds the calls of this run's units from another file, except the calls that this run already has."""
        for unit in mine:
            known = {call_key(call) for call, _ in self.calls(unit)}
            for entry in entries[unit]:
                if call_key(entry.call) not in known:
                    self.record(entry.call, entry.choices, entry.prompt)

    def _write_line(self, text: bytes) -> int:
        """Writes one line completely or not at all, and returns its size in bytes."""
        if self._path is None:
            return len(text)
        try:
            write(self._file, text)
        except OSError as error:
            os.ftruncate(self._file, self._size)
            raise _write_error(self._path, error, self._size) from error
        self._size += len(text)
        return len(text)

    def _compact(self) -> None:
        """Rewrites the file with only the pending calls. If the disk has no space for the new file, the old file is
        kept."""
        assert self._path is not None
        if not self.units():  # no call can be lost, and no disk space for a second file is needed
            os.ftruncate(self._file, 0)
            self._size, self._calls.sizes = 0, {}
            self._write_line(self._claim.line())
            return
        new = self._path.with_suffix(".new")
        file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
        fcntl.flock(file, fcntl.LOCK_EX)
        lines = self._calls.lines()
        try:
            write(file, b"".join([self._claim.line(), *lines.values()]))
            os.fsync(file)
            os.replace(new, self._path)
        except OSError:
            new.unlink(missing_ok=True)
            os.close(file)
            return
        os.close(self._file)
        self._file, self._size = file, os.fstat(file).st_size
        self._calls.sizes = {unit: len(text) for unit, text in lines.items()}


def _drop(path: Path, file: int, entries: Mapping[str, list[Entry]], mine: set[str]) -> None:
    """Marks units as forgotten in a free file, and deletes the file if it has no other units."""
    if mine == entries.keys():
        path.unlink()
    elif mine:
        write(file, json_line({"forget": sorted(mine)}))


def _write_error(path: Path, error: OSError, size: int = 0) -> StoreError:
    held = f" (the journal has {size / 2**20:.1f} MB)" if size > LET_GO_AT else ""
    return StoreError(
        f"{path} can't be written: {error.strerror}{held}: free some space or give yourself the right to write it,"
        " then run the same command again; what was written is safe"
    )
