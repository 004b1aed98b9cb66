"""Serves each trained model with the user's own command line, such as `vllm serve`."""

import asyncio
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from redraft.flows.servers.model_server import Served, Server, ServerError, ServingTask
from redraft.flows.trainers.program import LAST, Ended, Program, command_words, end_program, fill, lines, start_program
from redraft.store.errors import PartError

PLACES = ("model", "port")
GUARD = "redraft.flows.servers.guard"
POLL_S = 0.3


def command(
    *,
    command: str,
    verifier_command: str | None = None,
    model: str = "{model}",
    health: str = "/health",
    path: str = "/v1",
    patience: float = 1800.0,
) -> Server:
    """Starts a program for each model, and waits until it replies at its health route. When the model is no longer
    needed, ends the program with all its child processes. The program also ends if redraft is killed. `{model}` in the
    command is the folder of the model, or its name if it was not trained here. `{port}` is a free port. The command
    does not run in a shell.

    Args:
        command: The command line, such as "vllm serve {model} --port {port}".
        verifier_command: The command line for a verifier that is a classifier, such as "vllm serve {model} --port
            {port} --runner pooling". A verifier that writes is served by `command`.
        model: The name by which the server knows the model.
        health: The route that replies with status 200 when the model is ready.
        path: The path of the API, which is appended to host and port.
        patience: The time limit in seconds for the server to become ready.
    """
    lines_of = {False: command_words(command, "server 'command'", PLACES)}
    if verifier_command is not None:
        lines_of[True] = command_words(verifier_command, "server 'command'", PLACES)
    fill(model, {"model": ""})
    if not health.startswith("/") or not patience > 0:
        raise PartError(f"health={health!r} of server 'command' is a route such as /health, and patience above 0")

    @asynccontextmanager
    async def server(task: ServingTask) -> AsyncIterator[Served]:
        if task.classifies not in lines_of:
            raise ServerError(f"{task.name} is a classifier: set server.verifier_command, such as {SUCH_AS!r}")
        place, port = str(task.weights or task.name), _free_port()
        given = [fill(word, {"model": place, "port": port}) for word in lines_of[task.classifies]]
        name = Path(given[0]).name
        task.say(f"{name} serves {place}")
        program = await start_program([sys.executable, "-m", GUARD, *given], piped=True)
        last: deque[str] = deque(maxlen=LAST)
        reading = asyncio.create_task(_read(program, last))
        try:
            await _answers(program, f"http://127.0.0.1:{port}{health}", name, last, reading, patience)
            yield Served(fill(model, {"model": place}), f"http://127.0.0.1:{port}{path}")
        finally:
            await end_program(program)
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading

    return server


async def _answers(
    program: Program, url: str, name: str, last: deque[str], reading: asyncio.Task[None], patience: float
) -> None:
    """Waits until a server is ready. Raises ServerError if it exits, or is not ready in time."""
    import aiohttp

    loop = asyncio.get_running_loop()
    end, waits = loop.time() + patience, aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=waits, trust_env=False) as session:
        while loop.time() < end:
            if program.returncode is not None:
                await reading
                ended = Ended(program.returncode, tuple(last))
                raise ServerError(f"the server {name} ended with {ended}: mend server.command, {GOES_ON}")
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with session.get(url) as reply:
                    if reply.status == 200:
                        return
            await asyncio.sleep(POLL_S)
    said = f": {' / '.join(last)[:500]}" if last else ""
    raise ServerError(f"the server {name} did not answer in {patience:g} s{said}: raise server.patience, {GOES_ON}")


async def _read(program: Program, last: deque[str]) -> None:
    async for line in lines(program):
        last.append(line)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


GOES_ON = "and the same command goes on"
SUCH_AS = "vllm serve {model} --port {port} --runner pooling"
