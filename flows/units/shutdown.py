"""Limits the time for which an interrupted run waits for a store that another process has open."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from redraft.store.tables.store import Store

SHUTDOWN_S = 3.0


@asynccontextmanager
async def short_shutdown(status: str, store: Store, say: Callable[[str], None]) -> AsyncIterator[None]:
    """If the run was interrupted, cancels the body of the `with` block after SHUTDOWN_S seconds. No data is lost,
    because the journal has the same data."""
    try:
        async with asyncio.timeout(SHUTDOWN_S if status == "interrupted" else None):
            yield
    except TimeoutError:
        if status != "interrupted":
            raise
        say(f"{store.path} is in use: what is finished waits in the journal, and the same command goes on from there")
