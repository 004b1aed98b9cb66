"""Serves the pages of a store to this machine until Ctrl-C."""

import asyncio
import errno
import secrets
import socket
from collections.abc import Callable
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path

from redraft.store.errors import RedraftError
from redraft.store.tables.store import Store

HOST = "127.0.0.1"
PORT = 8137
NEEDED = ("starlette", "uvicorn", "jinja2", "latex2mathml")
PATIENCE_S = 20.0


class ViewError(RedraftError):
    """Raised if the pages cannot be shown or written."""


def check_packages() -> None:
    """Raises ViewError if a package of the extra is missing."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ViewError(f"no {', '.join(missing)} here, which pages need: pip install 'redraft[view]'")


async def view(
    db: str | Path | Store, *, by: str, port: int = PORT, ready: Callable[[str], None] = lambda address: None
) -> None:
    """Serves the pages of a store on 127.0.0.1 until the task is cancelled. `by` is the person whose labels are stored.
    With `port` 0, a free port is taken. When the server is ready, `ready` is called with the address, which includes
    the access token. The store is open only while a page is read. Raises ViewError if the port is in use or a package
    is missing, and StoreError if there is no store."""
    check_packages()
    import uvicorn

    from redraft.flows.viewer.app import application

    store = db if isinstance(db, Store) else await asyncio.to_thread(Store, db, create=False, patience=PATIENCE_S)
    with _listen(port) as listener:
        number, token = listener.getsockname()[1], secrets.token_urlsafe(24)
        app = application(store, by, token, number)
        config = uvicorn.Config(app, lifespan="off", log_level="error", access_log=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        server.capture_signals = nullcontext  # type: ignore[method-assign] - the command line stops by cancelling
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not (server.started or serving.done()):  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        ready(f"http://{HOST}:{number}/?token={token}")
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True
            await serving


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EACCES:
            raise ViewError(f"port {port} is not for every user: choose one from 1024 with --port") from None
        raise ViewError(f"port {port} is busy: choose another with --port, or --port 0 for any free one") from None
    return listener
