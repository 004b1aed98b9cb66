"""Slices of a budget. Several workers share one budget, as do a killed run and the runs that continue it.

The state is a file whose name is a number. A change creates the file with the next number, unless another worker has
created it first; then the change is repeated on that state. So no change is lost, and no lock is needed.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from redraft.store.leases.leases import Leases
from redraft.store.leases.store_files import put_if_absent

Amounts = dict[str, float]
"""Amounts by name, such as {"calls": 3, "tokens": 500}."""

PARTS = 16
"""A worker takes at least one part in `PARTS` of the whole budget at once, so that it seldom has to ask."""


class State(msgspec.Struct):
    """The state of a budget: the amounts that were used, the amounts that each worker has taken and not given back, the
    seconds during which at least one worker was working, and `noted_at`: the file system's time, in nanoseconds, when
    `seconds` was last updated."""

    used: Amounts = {}
    taken: dict[str, Amounts] = {}
    seconds: float = 0.0
    noted_at: int = 0
    wanting: list[str] = []  # the workers that wait for others to give something back
    last: dict[str, str] = {}  # a mark of each worker's last change


class Slices:
    """The budget of one recipe and replicate. The worker with these `leases` takes slices of it. The slices of a dead
    worker count as used. `whole` has the limits of the budget. Raises OSError."""

    def __init__(self, folder: Path, whole: Mapping[str, float], leases: Leases) -> None:
        self._folder, self._whole, self._leases = folder, dict(whole), leases
        self._at_work = False  # whether this worker has recorded the time before

    def worker(self) -> str:
        """Returns the name of the worker."""
        return self._leases.worker

    def state(self) -> State:
        """Returns the current state."""
        return newest_state(self._folder)

    def take(self, need: Mapping[str, float], least: Mapping[str, float]) -> Amounts:
        """Takes a slice of the budget that covers `need`. If the rest of the budget is smaller but covers `least`,
        takes the rest. Returns the amounts that were taken, or an empty dictionary if the rest does not cover `least`.
        """
        taken: Amounts = {}

        def change(state: State) -> bool:
            taken.clear()
            left = {what: most - self._gone(state, what) for what, most in self._whole.items()}
            if any(left[what] < least.get(what, 0) for what in left):
                return False
            for what, most in self._whole.items():
                taken[what] = min(left[what], max(need.get(what, 0), _part(most)))
            mine = state.taken.setdefault(self.worker(), {})
            _add(mine, taken)
            state.wanting = [name for name in state.wanting if name != self.worker()]
            return True

        self._change(change)
        return taken

    def give_back(self, used: Mapping[str, float], unused: Mapping[str, float]) -> None:
        """Records amounts that this worker has taken: `used` was used, and `unused` is given back."""

        def change(state: State) -> bool:
            mine = state.taken.setdefault(self.worker(), {})
            _add(mine, used, -1)
            _add(mine, unused, -1)
            _add(state.used, used)
            if not any(amount > 1e-9 for amount in mine.values()):
                del state.taken[self.worker()]
            return True

        self._change(change)

    def want(self) -> bool:
        """Asks the other workers to give back what they do not need. Returns whether any of them has taken any."""
        found = False

        def change(state: State) -> bool:
            nonlocal found
            found = any(name != self.worker() and any(mine.values()) for name, mine in state.taken.items())
            if not found or self.worker() in state.wanting:
                return False
            state.wanting.append(self.worker())
            return True

        self._change(change)
        return found

    def is_wanted(self) -> bool:
        """Returns whether another worker waits for others to give something back."""
        return any(name != self.worker() for name in self.state().wanting)

    def note_time(self) -> float:
        """Records that this worker is working. Returns the seconds during which at least one worker was working."""
        now, found = self._leases.now(), 0.0

        def change(state: State) -> bool:
            nonlocal found
            found = state.seconds
            if now is None:
                return False
            if state.noted_at and (self._at_work or self._leases.living() - {self.worker()}):
                state.seconds += max(0, now - state.noted_at) / 1e9
            state.noted_at, found = now, state.seconds
            return True

        self._change(change)
        self._at_work = True
        return found

    def remove(self) -> None:
        """Deletes the state, so the next run has the whole budget."""
        shutil.rmtree(self._folder, ignore_errors=True)
        with suppress(OSError):  # other leases are there
            self._folder.parent.rmdir()

    def _gone(self, state: State, what: str) -> float:
        return state.used.get(what, 0) + sum(mine.get(what, 0) for mine in state.taken.values())

    def _change(self, change: Callable[[State], bool]) -> None:
        """Applies `change` to the newest state exactly once, or not at all if it returns False. The change has a mark
        in `state.last`, by which this loop sees whether the change is part of the newest state: a process that was
        suspended may create its file too late, when newer files exist."""
        mark = secrets.token_hex(8)
        while True:
            number, state = _newest(self._folder)
            if state.last.get(self.worker()) == mark:
                self._remove_older(number)
                return
            living = {*self._leases.living(), self.worker()}
            for dead in state.taken.keys() - living:
                _add(state.used, state.taken.pop(dead))
            state.last = {worker: mark for worker, mark in state.last.items() if worker in living}
            if not change(state):
                return
            state.last[self.worker()] = mark
            put_if_absent(self._folder / str(number + 1), msgspec.json.encode(state))

    def _remove_older(self, newest: int) -> None:
        for number in _numbers(self._folder):
            if number < newest:
                (self._folder / str(number)).unlink(missing_ok=True)


def newest_state(folder: Path) -> State:
    """Returns the state of the budget in a folder."""
    return _newest(folder)[1]


def _newest(folder: Path) -> tuple[int, State]:
    while True:
        number = max(_numbers(folder), default=0)
        if not number:
            return 0, State()
        with suppress(FileNotFoundError, msgspec.MsgspecError):  # a newer state replaced it, or it is being written
            return number, msgspec.json.decode((folder / str(number)).read_bytes(), type=State)


def _numbers(folder: Path) -> list[int]:
    with suppress(FileNotFoundError):
        return [int(name) for name in os.listdir(folder) if name.isdecimal()]
    return []


def _part(most: float) -> float:
    return max(1, int(most / PARTS)) if isinstance(most, int) else most / PARTS


def _add(total: Amounts, more: Mapping[str, float], sign: int = 1) -> None:
    for what, amount in more.items():
        total[what] = total.get(what, 0) + sign * amount
