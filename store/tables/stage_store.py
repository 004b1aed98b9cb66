"""The store of a stage: opened off the event loop, and removed again if a stage that made it fails at once."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from redraft.store.errors import StoreError
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop


@asynccontextmanager
async def opened(
    db: str | Path | Store, *, create: bool = True, waiting: Callable[[str], None] | None = None
) -> AsyncIterator[Store]:
    """The store at a path; a Store is yielded as it is. If the block fails before anything was collected, the file that
    was made for it is removed again. The parameters, and the exceptions raised, are those of Store."""
    if isinstance(db, Store):
        yield db
        return
    store = await off_loop(Store, db, create=create, waiting=waiting)
    try:
        yield store
    except BaseException:
        with suppress(StoreError, OSError):
            await off_loop(store.remove_if_unused)
        raise
