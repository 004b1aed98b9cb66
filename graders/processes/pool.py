"""A pool of processes that can be killed. All event loops and threads share the pool, and it blocks no event loop."""

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from redraft.graders.processes.process import Process, ProcessError

T = TypeVar("T")


class ProcessPool:
    """At most `most` processes of one kind. `start` makes a process when it is first needed.

    The processes end with `close`, with the last reference to this object, or when the program ends, however it ends. A
    forked process leaves them to its parent and starts its own. `name` is the name of the pool's owner in messages.
    """

    def __init__(self, start: Callable[[], Process], most: int, name: str) -> None:
        self._start, self._most, self._name = start, most, name
        self._closed = False
        self._alive: set[Process] = set()
        self._begin()
        _POOLS.add(self)

    def _begin(self) -> None:
        """Resets the pool to have no processes and no threads. After a fork, the existing ones belong to the parent."""
        self._threads = ThreadPoolExecutor(self._most, thread_name_prefix=self._name)
        self._lock = threading.Lock()
        self._idle: list[Process] = []
        self._alive.clear()
        self._finalizer = weakref.finalize(self, _stop, self._alive, self._threads)

    async def run(self, action: Callable[[], T]) -> T:
        """Runs `action` in a thread of the pool, and returns its result. The action may call `ask`. Raises RuntimeError
        after `close`."""
        if self._closed:
            raise RuntimeError(f"this {self._name} is closed; make another one")
        return await asyncio.get_running_loop().run_in_executor(self._threads, action)

    def ask(self, request: Mapping[str, Any], limit_s: float, attempts: int = 2) -> dict[str, Any]:
        """Returns the reply of a process to a request. This blocks, so it must be called inside `run`. If the process
        ends without a reply, a new process gets the request. Kills the process and raises TimeoutError after `limit_s`
        seconds of processor time. Raises ProcessError or OSError if no process answers."""
        process = self._borrow()
        try:
            reply = process.ask(request, limit_s)
        except TimeoutError:
            self._discard(process)
            raise
        except ProcessError:
            self._discard(process)
            if attempts > 1 and not self._closed:
                return self.ask(request, limit_s, attempts - 1)
            raise
        with self._lock:
            self._idle.append(process)
        return reply

    async def close(self) -> None:
        """Ends every process, including busy ones. A caller that waits for a reply gets ProcessError."""
        self._closed = True
        await asyncio.to_thread(self._finalizer)

    @property
    def pids(self) -> tuple[int, ...]:
        """Returns the ids of the running processes."""
        return tuple(process.pid for process in tuple(self._alive))

    def _borrow(self) -> Process:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        process = self._start()
        with self._lock:
            self._alive.add(process)
        if self._closed:
            self._discard(process)
            raise ProcessError(f"the {self._name} was closed")
        return process

    def _discard(self, process: Process) -> None:
        process.stop()
        with self._lock:
            self._alive.discard(process)

    def after_fork(self) -> None:
        """Forgets the parent's processes without ending them. Called in the child process after a fork."""
        self._finalizer.detach()
        self._begin()


def _stop(processes: set[Process], threads: ThreadPoolExecutor) -> None:
    for process in tuple(processes):
        process.stop()
    processes.clear()
    threads.shutdown(wait=False, cancel_futures=True)


def _after_fork() -> None:
    for pool in tuple(_POOLS):
        pool.after_fork()


_POOLS: "weakref.WeakSet[ProcessPool]" = weakref.WeakSet()
os.register_at_fork(after_in_child=_after_fork)
