"""The input and the measurement of every contestant. Needs only Python, because each contestant runs in its own
environment.

A contestant is a program with one argument, a JSON object: the `url` of the server, `problems` (a file of JSON lines
with question, answer and prompt), the number of `samples` of each, the `concurrency`, and a `folder` for its files. It
prints its measurements as JSON.
"""

import asyncio
import gc
import json
import resource
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

WARM = 4  # problems before the measured ones, for imports and connections


@dataclass(frozen=True)
class Task:
    """The input of a contestant."""

    url: str
    problems: list[dict[str, str]]
    samples: int
    concurrency: int
    folder: Path
    logprobs: bool
    together: bool  # True: all samples of a problem in one call, if the client supports it

    def body(self, prompt: str, seed: int) -> dict[str, Any]:
        """Returns the body of a call in the form that redraft sends."""
        messages = [{"role": "user", "content": prompt}]
        body = {"model": "mock", "messages": messages, "temperature": 1.0, "max_tokens": 1024, "seed": seed}
        return body | ({"logprobs": True} if self.logprobs else {})


def measured(run: Callable[[Task], Awaitable[None]]) -> None:
    """Runs a few problems, then all of them, in one event loop. Prints the measurements of the second run."""
    told = json.loads(sys.argv[1])
    lines = Path(told.pop("problems")).read_text().splitlines()
    task = Task(**{**told, "problems": [json.loads(line) for line in lines], "folder": Path(told["folder"])})
    with asyncio.Runner() as runner:
        runner.run(_awaited(run, replace(task, problems=task.problems[-WARM:], folder=task.folder / "warm")))
        urllib.request.urlopen(urllib.request.Request(task.url.replace("/v1", "/reset"), method="POST")).close()
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak memory
        resident, processor, start = _memory("VmRSS"), _processor(), time.perf_counter()
        runner.run(_awaited(run, task))
        seconds = time.perf_counter() - start
    figures = {"seconds": seconds, "processor": _processor() - processor, "memory_kb": _memory("VmHWM") - resident}
    print(json.dumps(figures), flush=True)  # noqa: T201 - whoever started it reads it


async def _awaited(run: Callable[[Task], Awaitable[None]], task: Task) -> None:
    task.folder.mkdir(parents=True, exist_ok=True)
    await run(task)


def _processor() -> float:
    """Returns the processor seconds, user and system, of this process and of the child processes that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _memory(name: str) -> int:
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith(name))
