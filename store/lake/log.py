"""The log of a folder store: numbered entries that say which segments the store has.

An entry is a file `log/NUMBER.json`, which is created only if no file has that name. So if several processes add the
next entry at the same time, one succeeds, and the others read its entry and try again. Every 64 entries, a checkpoint
stores the whole state, and older entries are deleted.

A process that was suspended while others added hundreds of entries could find its next number free, because the entry
with that number was deleted. So an entry counts only if the entry before it still exists, and a state only if it has
the largest number in the folder.
"""

import threading
from contextlib import suppress
from pathlib import Path

import msgspec

from redraft.store.errors import StoreError
from redraft.store.lake.folder import Folder, put_if_absent, write_whole

CHECKPOINT = 64  # entries
KEPT = 2 * CHECKPOINT  # entries before the last checkpoint that are kept, for processes that are reading them
DIGITS = 16
CURE = "restore the folder from a backup"


class Segment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A segment: its name, which is the name of its folder, the number of the schema that it was written with, and the
    number of rows in each of its tables. `size` is in bytes. `merged` has the names of the segments whose rows it
    contains, and which it replaces."""

    name: str
    schema: int
    rows: dict[str, int]
    size: int
    merged: tuple[str, ...] = ()


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry: the segments that it adds, and the names of the segments that it removes. A segment that is removed
    before it was added never becomes part of the store. If segments of the store are removed, the added segments take
    the position of the first of them."""

    add: tuple[Segment, ...] = ()
    drop: tuple[str, ...] = ()


class State(msgspec.Struct, frozen=True):
    """The content of the store after the entry `number`. `live` has the segments in order. `gone` maps the name of each
    removed segment to the number of the entry that removed it."""

    number: int = 0
    live: dict[str, Segment] = {}
    gone: dict[str, int] = {}

    @property
    def epoch(self) -> int:
        """Returns the number of the last entry that removed segments; 0 if there is none."""
        return max(self.gone.values(), default=0)

    def tables(self, table: str) -> list[Segment]:
        """Returns the segments that have rows of a table, in order."""
        return [segment for segment in self.live.values() if table in segment.rows]


class Log:
    """The log of a folder store, and the state that this process has read. Threads may share it."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._state = State()

    def read(self) -> State:
        """Returns the present state. Raises StoreError if an entry is damaged, and OSError."""
        with self._lock:
            return self._read()

    def put(self, entry: Entry, state: State) -> bool:
        """Adds an entry after `state`, and returns whether it was added. If another entry was added first, returns
        False; the caller must read the new state and decide whether the entry is still needed. Raises StoreError and
        OSError."""
        with self._lock:
            if self._read().number != state.number:
                return False
            number = state.number + 1
            if not put_if_absent(self._entry(number), msgspec.json.encode(entry)):
                return False
            if state.number and not (self._entry(state.number).exists() or self._checkpoint(state.number).exists()):
                self._entry(number).unlink(missing_ok=True)
                return False
            self._state = _after(state, number, entry)
            if number % CHECKPOINT == 0:
                self._write_checkpoint()
            return True

    def _read(self) -> State:
        while (newest := self._newest()) != self._state.number:
            state = self._state
            try:
                while state.number < newest:
                    state = _after(state, state.number + 1, self._read_entry(state.number + 1))
            except FileNotFoundError:  # the entry was deleted, because there is a checkpoint
                state = self._read_checkpoint()
            self._state = state
        return self._state

    def _newest(self) -> int:
        """Returns the largest number of an entry or a checkpoint. Raises StoreError if the log's folder is missing."""
        try:
            names = [path.name.partition(".")[0] for path in self._folder.log.iterdir()]
        except FileNotFoundError:
            raise StoreError(f"{self._folder.log} is missing: {CURE}") from None
        return max((int(name) for name in names if name.isdecimal()), default=0)

    def _read_entry(self, number: int) -> Entry:
        path = self._entry(number)
        try:
            return msgspec.json.decode(path.read_bytes(), type=Entry)
        except msgspec.DecodeError as error:
            raise StoreError(f"{path} is damaged ({error}): {CURE}") from error

    def _read_checkpoint(self) -> State:
        """Returns the state of the newest checkpoint, or the empty state if there is no checkpoint."""
        for path in sorted(self._folder.log.glob("[0-9]*.checkpoint.json"), reverse=True):
            try:
                return msgspec.json.decode(path.read_bytes(), type=State)
            except FileNotFoundError:  # another process has written a newer one, and deleted this one
                continue
            except msgspec.DecodeError as error:
                raise StoreError(f"{path} is damaged ({error}): {CURE}") from error
        if self._entry(1).exists():
            return State()
        raise StoreError(f"{self._folder.log} lacks entries and has no checkpoint: {CURE}")

    def _write_checkpoint(self) -> None:
        """Writes a checkpoint, and deletes the entries that it makes unnecessary, oldest first. The checkpoint leaves
        out removed segments whose files were deleted. If the disk is full, nothing is written, and the next checkpoint
        comes later."""
        number = self._state.number
        gone = {name: when for name, when in self._state.gone.items() if (self._folder.segments / name).exists()}
        state = State(number, self._state.live, gone)
        with suppress(OSError):
            write_whole(self._checkpoint(number), msgspec.json.encode(state))
            for path in sorted(self._folder.log.glob("[0-9]*.json")):
                if int(path.name.partition(".")[0]) < number - KEPT:
                    path.unlink(missing_ok=True)

    def _entry(self, number: int) -> Path:
        return self._folder.log / f"{number:0{DIGITS}}.json"

    def _checkpoint(self, number: int) -> Path:
        return self._folder.log / f"{number:0{DIGITS}}.checkpoint.json"


def _after(state: State, number: int, entry: Entry) -> State:
    """Returns the state after an entry with number `number`."""
    dropped = set(entry.drop)
    added = {segment.name: segment for segment in entry.add}
    live: dict[str, Segment] = {}
    for name, segment in state.live.items():
        if name in dropped:
            live |= added
            added = {}
        else:
            live[name] = segment
    return State(number, live | added, state.gone | dict.fromkeys(entry.drop, number))
