"""A program for the tests: one worker, `generate` on a model behind an OpenAI-compatible server. Its argument is JSON:
the arguments of `generate`; and with "lease_s", "machine" and "clock" a short lease, another machine than this one, and
a clock that is so many seconds off."""

import asyncio
import json
import sys
import time
from typing import Any

from redraft.flows.display.progress import Lines
from redraft.flows.generate import generate
from redraft.llm.limits import Budget
from redraft.store.leases import membership


def pretend(lease_s: float, machine: str, clock: float) -> None:
    """Changes what this process believes about leases, its machine and the time."""
    membership.LEASE_S = lease_s
    if machine:
        membership.machine = lambda: machine
    if clock:
        now, now_ns = time.time, time.time_ns
        time.time = lambda: now() + clock
        time.time_ns = lambda: now_ns() + int(clock * 1e9)


async def main(budget: dict[str, Any], **given: Any) -> None:
    await generate("builtin:levels=1", model="tiny", budget=Budget(**budget), progress=Lines(), **given)


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    pretend(told.pop("lease_s", 60.0), told.pop("machine", ""), told.pop("clock", 0.0))
    asyncio.run(main(told.pop("budget", {}), **told))
