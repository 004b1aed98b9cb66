"""Opening the store for a stage: off the event loop, and so that a stage which fails leaves no empty database."""

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
    """The store at a path; a Store is handed on as it is. If the work with it fails before anything was collected, the
    file that was made for it is removed again. The parameters, and what it raises, are those of Store."""
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
