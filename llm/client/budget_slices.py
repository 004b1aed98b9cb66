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
from redraft.store.waiting import off_loop

WATCH_S = 0.5  # seconds between two checks whether other processes lack budget
WAIT_S = 0.2  # seconds until a process that lacks budget asks again


class BudgetShare:
    """What this process has taken of the budget `whole`, in slices. `used` and `reserved` are the amounts of its calls;
    the caller changes these two objects in place."""

    def __init__(self, slices: Slices, whole: Budget, used: Amount, reserved: Amount) -> None:
        self._slices, self._whole = slices, whole
        self._used, self._reserved = used, reserved
        self._granted = Amount()
        self._noted = Amount()  # the part of the used amount that is recorded in the slices
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
                await off_loop(self._give_back)
        self._watching = None

    def _limited(self) -> list[str]:
        return [what for what, most in asdict(replace(self._whole, seconds=None)).items() if most is not None]

    def _lacking(self, more: Amount) -> dict[str, float]:
        """Returns how much more this process needs for a call, by limit; an empty dictionary if its share covers the
        call."""
        lacking = {
            what: getattr(self._used, what)
            + getattr(self._reserved, what)
            + getattr(more, what)
            - getattr(self._granted, what)
            for what in self._limited()
        }
        return (
            {what: max(0, amount) for what, amount in lacking.items()}
            if max(lacking.values(), default=0) > 1e-12
            else {}
        )

    def _take(self, need: Mapping[str, float], least: Mapping[str, float]) -> dict[str, float]:
        self._settle_name()
        state = self._slices.state()
        self.was_used = any(state.used.values()) or bool(state.taken)
        return self._slices.take(need, least)

    def _give_back(self) -> None:
        """Records what was used, and gives back what is neither used nor reserved."""
        if self._settle_name():
            return
        noted = {what: getattr(self._used, what) - getattr(self._noted, what) for what in self._limited()}
        unused = {
            what: getattr(self._granted, what) - getattr(self._used, what) - getattr(self._reserved, what)
            for what in self._limited()
        }
        unused = {what: max(0, amount) for what, amount in unused.items()}
        if any(noted.values()) or any(unused.values()):
            self._slices.give_back(noted, unused)
            self._noted.add(Amount(**noted))  # pyright: ignore[reportArgumentType]
            self._granted.add(Amount(**unused), -1)  # pyright: ignore[reportArgumentType]

    def _settle_name(self) -> bool:
        """Starts a new share if other processes took this one for dead, so that it is now another worker: all that it
        had taken then counts as used. Returns whether this was so."""
        name = self._slices.worker()
        changed = bool(self._worker) and name != self._worker
        if changed:
            self._granted = replace(self._used)
            self._granted.add(self._reserved)
            self._noted = replace(self._granted)
        self._worker = name
        return changed

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
