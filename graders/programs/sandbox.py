"""A sandbox for model-written programs: they reach no file, no socket and nothing of this process, and can't hang it.

>>> import asyncio
>>> from redraft.graders.programs.sandbox import run
>>> asyncio.run(run("sum(range(n))", {"n": 5})).value
10

Its Python is Monty's, a part of the language: no `yield`, no `del`, few modules.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Self

from redraft.graders.processes.pool import ProcessPool
from redraft.graders.processes.process import Process, ProcessError, ProcessNotStarted
from redraft.graders.programs.capabilities import lacks


class SandboxError(Exception):
    """The sandbox can't run anything; the message says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a program. `value` is the value of its last expression as JSON (a tuple is a list, an object its
    repr). `error` is the exception that ended it, in one line, or None. `failed` has each test that did not hold, with
    the reason. `unreadable` says why the tests are no Python, in which case nothing was run. `lacking` names what the
    sandbox lacks, if the outcome may come of that: it proves nothing then."""

    value: Any = None
    output: str = ""
    error: str | None = None
    failed: tuple[tuple[str, str], ...] = ()
    unreadable: str | None = None
    lacking: str | None = None


class Sandbox:
    """Runs programs in at most `workers` processes, which start when first needed and end with `close`, with the last
    reference to the sandbox, or with the program, however it ends."""

    def __init__(self, workers: int = 2) -> None:
        self._pool = ProcessPool(
            partial(Process, "redraft.graders.programs.interpreter_process", name="sandbox"), workers, "sandbox"
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
        """Runs `code` with `inputs` (JSON data) as its variables, and then the statements of `tests` after it.

        `limit_s` is the most seconds of processor time for the code and for each test, `memory_mb` the most megabytes
        for all of it.
        To exceed a limit, or to end the process that it runs in, is an error of the program. Raises SandboxError if the
        sandbox can't run anything.
        """
        if len(code) + len(tests) > LONGEST:
            return Outcome(error=f"MemoryError: a program of more than {LONGEST} characters")
        request = {"code": code, "inputs": dict(inputs), "tests": tests, "memory_mb": memory_mb}
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
        await self._pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the workers that run."""
        return self._pool.pids


async def run(
    code: str,
    inputs: Mapping[str, Any] = {},
    *,
    tests: str = "",
    limit_s: float = 5.0,
    memory_mb: int = 256,
) -> Outcome:
    """Runs a program, as `Sandbox.run` does, in one sandbox that this whole process shares."""
    return await _shared().run(code, inputs, tests=tests, limit_s=limit_s, memory_mb=memory_mb)


@cache
def _shared() -> Sandbox:
    return Sandbox()


LONGEST = 1 << 20  # characters
