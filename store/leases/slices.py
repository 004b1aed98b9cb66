"""Slices of a budget. Several workers share one budget, as do a killed run and the runs that continue it.

The state is a file with a number. A change makes the file with the next number, unless another worker was faster. So no
change is lost, and no lock is needed.

While a worker is there, all that it has taken is gone, and calls of an unknown usage count at their most. When it has
left or is dead, such calls and those whose answer never came count at the mean of the answered calls, and never at more
than they could use.
"""

import math
import os
import secrets
import shutil
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from redraft.store.leases.leases import Leases
from redraft.store.leases.store_files import put_if_absent
from redraft.store.leases.usage import Amounts, Usage, UsageFile, read_usage, usage_path

BUDGET = ".budget"
"""The ending of the folder of a budget."""

PARTS = 16
"""A worker takes at least one part in `PARTS` of the whole budget at once, so that it seldom has to ask."""


class State(msgspec.Struct):
    """What is noted as used of the budget (`used`, `unknown` and `prompts` as in Usage), what each worker has taken
    beside it and not given back, the seconds for which a worker was at work, and when that was last noted, by the clock
    of the file system."""

    used: Amounts = {}
    unknown: Amounts = {}  # of workers that are gone
    prompts: Amounts = {}
    taken: dict[str, Amounts] = {}
    lost: dict[str, Amounts] = {}  # the most that calls of an unknown usage used, of each worker that is there
    seconds: float = 0.0
    noted_at: int = 0
    wanting: list[str] = []  # the workers that wait for others to give something back
    last: dict[str, str] = {}  # a mark of each worker's last change

    def spent(self, what: str, more: Mapping[str, float] | None = None) -> float:
        """Returns how much counts as used. The mean of a call rests on `more`, too, which is not noted yet."""
        most = self.unknown.get(what, 0)
        if not most:
            return self.used.get(what, 0)
        known = {name: self.used.get(name, 0) + (more or {}).get(name, 0) for name in (what, "calls")}
        calls = known["calls"]
        mean = known[what] / calls * self.unknown.get("calls", 0) if calls else self.prompts.get(what, 0)
        lost = min(most, mean)
        return self.used.get(what, 0) + (lost if what == "usd" else math.ceil(lost))

    def settle(self, worker: str, usage: Usage | None) -> None:
        """Notes that a worker is gone, and what it used. If nobody knows, all that it had taken counts as used."""
        taken, lost = self.taken.pop(worker, {}), self.lost.pop(worker, {})
        if usage is None:
            _add(taken, lost)
            usage = Usage(taken)
        _add(self.used, usage.used)
        _add(self.unknown, usage.unknown)
        _add(self.prompts, usage.prompts)


class Slices:
    """The budget of one recipe and replicate, of which the worker with these `leases` takes slices. `whole` has the
    limits of the budget. Raises OSError."""

    def __init__(self, folder: Path, whole: Mapping[str, float], leases: Leases) -> None:
        self._folder, self._whole, self._leases = folder, dict(whole), leases
        self._at_work = False  # whether this worker has noted the time before
        self._own: UsageFile | None = None
        self._usage = Usage()

    def worker(self) -> str:
        """Returns the name of the worker."""
        return self._leases.worker

    def state(self) -> State:
        """Returns the present state, in which dead workers are gone."""
        return settled_state(self._folder, self._leases.living())

    def record(self, usage: Usage) -> None:
        """Says what this worker used that is not noted, for others if it is killed. An event loop may call it: it takes
        microseconds."""
        self._usage = usage
        if self._own:
            self._own.write(usage)

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

        self._name_file()
        self._change(change)
        return taken

    def give_back(self, used: Mapping[str, float], lost: Mapping[str, float], unused: Mapping[str, float]) -> None:
        """Notes what this worker used, and the most that calls of an unknown usage used; and gives back a part of what
        it has taken."""

        def change(state: State) -> bool:
            mine = state.taken.get(self.worker())
            if mine is None:
                return False
            for amounts in (used, lost, unused):
                _add(mine, {what: amount for what, amount in amounts.items() if what in mine}, -1)
            _add(state.used, used)
            if any(lost.values()):
                _add(state.lost.setdefault(self.worker(), {}), lost)
            if not any(amount > 1e-9 for amount in mine.values()):
                del state.taken[self.worker()]
            return True

        self._change(change)

    def leave(self) -> None:
        """Notes what this worker used, and gives back the rest."""

        def change(state: State) -> bool:
            if self.worker() not in state.taken and self.worker() not in state.lost:
                return False
            state.settle(self.worker(), self._usage)
            return True

        self._change(change)
        if self._own:
            self._own.remove()
        self._usage, self._own = Usage(), None

    def begin_anew(self) -> None:
        """Begins anew as another worker: others note what this one used."""
        if self._own:
            self._own.close()
        self._usage, self._own = Usage(), None

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
        """Returns whether another worker waits for something."""
        return any(name != self.worker() for name in newest_state(self._folder).wanting)

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
        held = (amounts.get(what, 0) for amounts in (*state.taken.values(), *state.lost.values()))
        return state.spent(what, self._usage.used) + sum(held)

    def _name_file(self) -> None:
        """Begins a file of this worker's usage, which must be there before the first slice is taken."""
        if self._own is None:
            self._own = UsageFile(self._folder, self.worker())
            self._own.write(self._usage)

    def _change(self, change: Callable[[State], bool]) -> None:
        """Applies a change to the newest state, once, unless it returns False. The change has a mark: a file of a
        process that slept is made too late, and does not count, although nobody had a file of this number."""
        mark, dead = secrets.token_hex(8), set[str]()
        while True:
            number, state = _newest(self._folder)
            if state.last.get(self.worker()) == mark:
                self._remove_older(number, dead)
                return
            living = {*self._leases.living(), self.worker()}
            dead = _settle_dead(self._folder, state, living)
            state.last = {worker: mark for worker, mark in state.last.items() if worker in living}
            if not change(state):
                return
            state.last[self.worker()] = mark
            put_if_absent(self._folder / str(number + 1), msgspec.json.encode(state))

    def _remove_older(self, newest: int, dead: Collection[str]) -> None:
        for number in _numbers(self._folder):
            if number < newest:
                (self._folder / str(number)).unlink(missing_ok=True)
        for worker in dead:
            usage_path(self._folder, worker).unlink(missing_ok=True)


def remove_budgets(leases: Path) -> None:
    """Removes the budgets in a folder of leases, and the folder if it is empty then."""
    for folder in leases.glob(f"*{BUDGET}"):
        shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        leases.rmdir()


def newest_state(folder: Path) -> State:
    """Returns the state of the budget in a folder, as the last change left it."""
    return _newest(folder)[1]


def settled_state(folder: Path, living: Collection[str]) -> State:
    """Returns the state of the budget in a folder, in which only the `living` workers have taken anything."""
    state = newest_state(folder)
    _settle_dead(folder, state, living)
    return state


def _settle_dead(folder: Path, state: State, living: Collection[str]) -> set[str]:
    """Notes in a state what dead workers used, and returns their names."""
    dead = {worker for worker in (*state.taken, *state.lost) if worker not in living}
    for worker in dead:
        state.settle(worker, read_usage(folder, worker))
    return dead


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
