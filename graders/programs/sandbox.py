"""A sandbox for model-written programs. They can't access files, sockets or this process, and can't block it.

>>> import asyncio
>>> from redraft.graders.programs.sandbox import run
>>> asyncio.run(run("sum(range(n))", {"n": 5})).value
10

The sandbox uses Monty, an interpreter for a part of Python: it has no `yield`, no `del` and only some modules. CPython
may run the programs that Monty can't run, if the system can confine CPython.
"""

import os
from collections.abc import Mapping
from functools import cache, partial
from typing import Any, Literal, Self

from redraft.graders.processes.pool import ProcessPool
from redraft.graders.processes.process import Process, ProcessError, ProcessNotStarted
from redraft.graders.programs.bubblewrap import unavailable
from redraft.graders.programs.capabilities import lacks
from redraft.graders.programs.cpython import ConfinedPython
from redraft.graders.programs.result import Outcome, SandboxError

SandboxKind = Literal["monty", "cpython"]
"""The kind of a sandbox: only Monty, or also CPython for programs that Monty can't run."""


class Sandbox:
    """Runs programs in at most `workers` processes. The processes start when they are first needed, and end
    after `close`, when no reference to the sandbox is left, or when the process that uses the sandbox ends, even if it
    is killed.

    `kind` is "monty" or "cpython". With "cpython", CPython also runs the programs that exceed a limit in Monty, or
    whose outcome is uncertain because Monty lacks something; bubblewrap confines CPython. Raises SandboxError if this
    system cannot confine CPython.
    """

    def __init__(self, workers: int = 2, kind: SandboxKind = "monty") -> None:
        self._confined = ConfinedPython() if kind == "cpython" else None
        if self._confined and (reason := unavailable()):
            raise SandboxError(f"there is no sandbox 'cpython' here: {reason}, or choose the sandbox 'monty'")
        self._pool = ProcessPool(
            partial(Process, "redraft.graders.programs.monty_process", name="sandbox"), workers, "sandbox"
        )

    async def run(
        self,
        code: str,
        inputs: Mapping[str, Any] = {},
        *,
        tests: str = "",
        limit_s: float = 5.0,
        memory_mb: int = 256,
    ) -> Outcome:
        """Runs `code` with `inputs` (JSON data) as its variables, and then the statements of `tests`. Returns the
        outcome.

        `limit_s` limits the processor time, in seconds, of the code and of each test. `memory_mb` limits the memory, in
        megabytes, of the whole run. If a program exceeds a limit or ends its process, that is an error of the program.
        Raises SandboxError if the sandbox can't run anything.
        """
        if len(code) + len(tests) > LONGEST:
            return Outcome(error=f"MemoryError: a program of more than {LONGEST} characters")
        request = {"code": code, "inputs": dict(inputs), "tests": tests, "memory_mb": memory_mb}
        outcome = await self._in_monty(request, limit_s)
        if self._confined and (outcome.lacking or _past_limit(outcome)):
            return await self._pool.run(partial(self._confined.run, request, limit_s))
        return outcome

    async def _in_monty(self, request: Mapping[str, Any], limit_s: float) -> Outcome:
        try:
            reply = await self._pool.run(partial(self._pool.ask, request, limit_s))
        except TimeoutError:
            return Outcome(error="TimeoutError: the sandbox was too slow", lacking="an answer in time")
        except (ProcessNotStarted, OSError) as error:
            raise SandboxError(f"{error}: see that pydantic-monty 1.4 is installed beside redraft") from error
        except ProcessError:
            error = "MemoryError: the interpreter died of it"
            return Outcome(error=error, lacking=lacks(error))
        failed = tuple((test, reason) for test, reason in reply["failed"])
        return Outcome(reply["value"], reply["output"], reply["error"], failed, reply["unreadable"], reply["lacking"])

    async def close(self) -> None:
        """Ends every process."""
        if self._confined:
            self._confined.close()
        await self._pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """Returns the ids of the running worker processes."""
        return self._pool.pids


def _past_limit(outcome: Outcome) -> bool:
    """Returns whether a program exceeded Monty's time or memory. It may still be within the limits in CPython."""
    errors = [outcome.error or "", *(reason for _, reason in outcome.failed)]
    return any(error.startswith(("TimeoutError", "MemoryError")) for error in errors)


async def run(
    code: str,
    inputs: Mapping[str, Any] = {},
    *,
    tests: str = "",
    limit_s: float = 5.0,
    memory_mb: int = 256,
) -> Outcome:
    """Runs a program, as `Sandbox.run` does, in one sandbox that the whole process shares. Returns the outcome."""
    return await shared().run(code, inputs, tests=tests, limit_s=limit_s, memory_mb=memory_mb)


@cache
def shared() -> Sandbox:
    """Returns the sandbox that the whole process shares. A forked process makes its own."""
    return Sandbox()


os.register_at_fork(after_in_child=shared.cache_clear)


LONGEST = 1 << 20  # characters
