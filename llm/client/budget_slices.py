"""This process's share of a run's budget. Several processes share the budget, as do a killed run and the runs that
continue it."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace

from redraft.llm.limits import Budget
from redraft.llm.usage import Amount
from redraft.store.leases.slices import Slices
from redraft.store.leases.usage import WHAT, Usage
from redraft.store.waiting import off_loop

WATCH_S = 0.5  # seconds between two checks whether other processes lack budget
WAIT_S = 0.2  # seconds until a process that lacks budget asks again


class BudgetShare:
    """What this process has taken of the budget `whole`, in slices. `used` and `reserved` are those of its calls; they
    change in place. The usage of a call is unknown while it is in flight, and if it ended without one."""

    def __init__(self, slices: Slices, whole: Budget, used: Amount, reserved: Amount) -> None:
        self._slices, self._whole = slices, whole
        self._used, self._reserved = used, reserved
        self._prompts = Amount()  # the part of `reserved` that is for prompts
        self._lost = Amount()  # the part of `used` that stands for calls with an unknown usage
        self._lost_prompts = Amount()
        self._granted = Amount()
        self._noted = Amount(), Amount(), Amount()  # the part of `_totals` that is not in this worker's file
        self._noted_lost = Amount()
        self._worker = ""
        self._turn = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None
        self.seconds_before = 0.0  # seconds for which the run had worked before this process
        self.was_used = False  # whether any process has used or taken a part of the budget

    @property
    def limit(self) -> Budget:
        """Returns the amounts that this process may use. Only the limits that `whole` has are set."""
        limits = {what: getattr(self._granted, what) for what in self._limited()}
        return replace(Budget(**limits), seconds=self._whole.seconds)

    def begin_call(self, prompt: Amount) -> None:
        """Notes that a call is about to be made, whose prompt uses at most so much. It is reserved already."""
        self._prompts.add(prompt)
        self._record()

    def end_call(self, prompt: Amount, lost: Amount | None) -> None:
        """Notes that a call has ended, after its reservation was settled. `lost` is the reservation if its usage is
        unknown: all of it counts as used in this execution, and the mean of a call in the next one."""
        self._prompts.add(prompt, -1)
        if lost:
            self._lost.add(lost)
            self._lost_prompts.add(prompt)
        self._record()

    async def begin(self) -> None:
        """Records that this process begins, and starts a task that watches whether other processes lack budget."""
        begun = time.monotonic()
        self.seconds_before = await off_loop(self._note_time)
        self.seconds_before -= time.monotonic() - begun
        self._watching = asyncio.create_task(self._watch())

    async def provide(self, need: Amount, least: Amount) -> None:
        """Takes a slice if this process's share does not cover `need`. If the budget does not cover `need` but covers
        `least`, takes the rest of the budget."""
        async with self._turn:
            if self._lacking(need):
                taken = await off_loop(self._take, self._lacking(need), self._lacking(least))
                self._granted.add(Amount(**taken))  # pyright: ignore[reportArgumentType] - whole numbers are whole

    async def wait(self) -> bool:
        """Gives back the budget that this process does not need, and waits for other processes to do the same. Returns
        False if no other process has taken any budget."""
        async with self._turn:
            await off_loop(self._give_back)
            found = await off_loop(self._slices.want)
        if found:
            await asyncio.sleep(WAIT_S)
        return found

    async def close(self) -> None:
        """Gives back what was not used."""
        if self._watching:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
            async with self._turn:
                await off_loop(self._leave)
        self._watching = None

    def _limited(self) -> list[str]:
        return [what for what, most in asdict(replace(self._whole, seconds=None)).items() if most is not None]

    def _lacking(self, more: Amount) -> dict[str, float]:
        """Returns how much more this process needs for a call; nothing if it has enough."""
        total = self._total()
        total.add(more)
        lacking = {what: getattr(total, what) - getattr(self._granted, what) for what in self._limited()}
        return (
            {what: max(0, amount) for what, amount in lacking.items()}
            if max(lacking.values(), default=0) > 1e-12
            else {}
        )

    def _totals(self) -> tuple[Amount, Amount, Amount]:
        """Returns what ended calls used, the most that those of an unknown usage use, and that of their prompts."""
        known, unknown, prompts = replace(self._used), replace(self._lost), replace(self._lost_prompts)
        known.add(self._lost, -1)
        unknown.add(self._reserved)
        prompts.add(self._prompts)
        return known, unknown, prompts

    def _record(self) -> None:
        now = self._totals()
        self._slices.record(Usage(*(_more(total, noted) for total, noted in zip(now, self._noted, strict=True))))

    def _take(self, need: Mapping[str, float], least: Mapping[str, float]) -> dict[str, float]:
        self._settle_name()
        state = self._slices.state()
        self.was_used = any(state.used.values()) or any(state.unknown.values()) or bool(state.taken or state.lost)
        return self._slices.take(need, least)

    def _give_back(self) -> None:
        """Records what was used, and gives back what is neither used nor reserved."""
        if self._settle_name():
            return
        known, lost = self._totals()[0], replace(self._lost)
        unused = _more(self._granted, self._total())
        unused = {what: unused[what] for what in self._limited()}
        changes = _more(known, self._noted[0]), _more(lost, self._noted_lost), unused
        if any(any(change.values()) for change in changes):
            self._slices.give_back(*changes)
            self._granted.add(Amount(**unused), -1)  # pyright: ignore[reportArgumentType]
            self._noted, self._noted_lost = (known, *self._noted[1:]), lost
            self._record()

    def _leave(self) -> None:
        if not self._settle_name():
            self._slices.leave()

    def _settle_name(self) -> bool:
        """Begins anew if this process was taken for dead, and is another worker now: others have noted what it used,
        its calls in flight too. Returns whether it was."""
        name = self._slices.worker()
        changed = bool(self._worker) and name != self._worker
        if changed:
            self._slices.begin_anew()
            self._granted, self._noted = self._total(), self._totals()
            self._noted_lost = replace(self._lost)
        self._worker = name
        return changed

    def _total(self) -> Amount:
        """Returns what is used or reserved."""
        total = replace(self._used)
        total.add(self._reserved)
        return total

    def _note_time(self) -> float:
        return self._slices.note_time() if self._whole.seconds is not None else 0.0

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            with suppress(OSError):  # the folder may be unreachable for a moment
                await off_loop(self._note_time)
                if await off_loop(self._slices.is_wanted):
                    async with self._turn:
                        await off_loop(self._give_back)


def _more(total: Amount, before: Amount) -> dict[str, float]:
    """Returns by how much a total has grown."""
    return {what: max(0, getattr(total, what) - getattr(before, what)) for what in WHAT}
