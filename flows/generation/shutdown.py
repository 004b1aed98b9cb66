"""The end of a run that was stopped: it does not wait long for a store that another process has open."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from redraft.store.tables.store import Store

LEAVING_S = 3.0


@asynccontextmanager
async def leaving(status: str, store: Store, say: Callable[[str], None]) -> AsyncIterator[None]:
    """Gives up what is done in it after LEAVING_S seconds if the run was interrupted: the journal has the same."""
    try:
        async with asyncio.timeout(LEAVING_S if status == "interrupted" else None):
            yield
    except TimeoutError:
        if status != "interrupted":
            raise
        say(f"{store.path} is in use: what is finished waits in the journal, and the same command goes on from there")
