"""Opens the store of a stage without blocking the event loop, and deletes a new store if the stage fails at once."""

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
    """Yields the store at a path; if a Store is given, yields that Store. If the `with` block made the store and fails
    before anything is collected, the store is deleted. The parameters and exceptions are those of Store. Raises
    StoreError for the path ":memory:", because everything that the stage collects would be lost."""
    if isinstance(db, Store):
        yield db
        return
    if str(db) == ":memory:":
        raise StoreError("a store in memory would be lost at once: name a file, or give a Store(':memory:')")
    store = await off_loop(Store, db, create=create, waiting=waiting)
    try:
        yield store
    except BaseException:
        with suppress(StoreError, OSError):
            await off_loop(store.remove_if_unused)
        raise
