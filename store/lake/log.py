"""The log of a folder store: numbered entries that say which segments the store has.

An entry is a file `log/NUMBER.json`, which is put if no file of that name is there. So of several processes that put
the next entry one succeeds; the others read its entry and try again. Every 64 entries a checkpoint has the whole
state, and older entries are removed.

A process that sleeps while others put hundreds of entries could find its next number free, because the entry with that
number was removed. So an entry counts only if the entry before it is still there, and a state only if it has the
greatest number in the folder.
"""

import threading
from contextlib import suppress
from pathlib import Path

import msgspec

from redraft.store.errors import StoreError
from redraft.store.lake.folder import Folder, put_if_absent, write_whole

CHECKPOINT = 64  # entries
KEPT = 2 * CHECKPOINT  # entries that stay behind the last checkpoint, for processes that read them just now
DIGITS = 16
CURE = "bring the folder back from a copy of yours"


class Segment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A segment: its name, which is that of its folder, the schema that it was written with, and the rows of each of
    its tables. `size` is in bytes. `merged` names the segments whose rows it has; it takes their place, or none."""

    name: str
    schema: int
    rows: dict[str, int]
    size: int
    merged: tuple[str, ...] = ()


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one entry adds, and the names of segments that it takes out. A segment that is taken out before it was ever
    added never becomes part of the store. If segments of the store are taken out, what is added takes the place of the
    first of them."""

    add: tuple[Segment, ...] = ()
    drop: tuple[str, ...] = ()


class State(msgspec.Struct, frozen=True):
    """What the store has after the entry `number`: its segments in order; and the segments that were taken out, each
    with the number of the entry that did."""

    number: int = 0
    live: dict[str, Segment] = {}
    gone: dict[str, int] = {}

    @property
    def epoch(self) -> int:
        """The number of the last entry that took segments out; 0 if there is none."""
        return max(self.gone.values(), default=0)

    def tables(self, table: str) -> list[Segment]:
        """Returns the segments that have rows of a table, in order."""
        return [segment for segment in self.live.values() if table in segment.rows]


class Log:
    """The log of a folder store, as far as this process has read it. Threads may share it."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._state = State()

    def read(self) -> State:
        """Returns the present state. Raises StoreError if an entry is damaged, and OSError."""
        with self._lock:
            return self._read()

    def put(self, entry: Entry, state: State) -> bool:
        """Adds an entry after `state`, and returns whether it is in the log. If another entry was first, nothing is
        added: read the state, and see whether the entry is still wanted. Raises StoreError and OSError."""
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
            except FileNotFoundError:  # it was removed, since there is a checkpoint
                state = self._read_checkpoint()
            self._state = state
        return self._state

    def _newest(self) -> int:
        """Returns the greatest number of an entry or a checkpoint. Raises StoreError if the log's folder is missing."""
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
        """Returns the state of the newest checkpoint; the first state if there is none."""
        for path in sorted(self._folder.log.glob("[0-9]*.checkpoint.json"), reverse=True):
            try:
                return msgspec.json.decode(path.read_bytes(), type=State)
            except FileNotFoundError:  # another process has written a newer one, and removed this one
                continue
            except msgspec.DecodeError as error:
                raise StoreError(f"{path} is damaged ({error}): {CURE}") from error
        if self._entry(1).exists():
            return State()
        raise StoreError(f"{self._folder.log} lacks entries and has no checkpoint: {CURE}")

    def _write_checkpoint(self) -> None:
        """Writes a checkpoint, and removes what it makes unneeded, the oldest first. Segments that were taken out and
        have been removed are forgotten. If the disk is full, the next checkpoint comes later."""
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
    """Returns the state after an entry."""
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
