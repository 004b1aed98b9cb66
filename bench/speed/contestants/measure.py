"""What every contestant is told and measured by. It needs Python alone: each runs in an environment of its own.

A contestant is a program with one argument, JSON: `url` of the server, `problems`, a file of JSON lines with question,
answer and prompt, `samples` of each, `concurrency`, and a `folder` for what it keeps. It prints its figures as JSON.
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

WARM = 4  # problems before the measured ones, so that imports and first connections are not measured


@dataclass(frozen=True)
class Task:
    """What there is to do."""

    url: str
    problems: list[dict[str, str]]
    samples: int
    concurrency: int
    folder: Path
    logprobs: bool
    together: bool  # all samples of a problem in one call, where the client can do so

    def body(self, prompt: str, seed: int) -> dict[str, Any]:
        """A call as redraft makes it."""
        messages = [{"role": "user", "content": prompt}]
        body = {"model": "mock", "messages": messages, "temperature": 1.0, "max_tokens": 1024, "seed": seed}
        return body | ({"logprobs": True} if self.logprobs else {})


def measured(run: Callable[[Task], Awaitable[None]]) -> None:
    """Runs a few problems, then all of them, in one event loop, and prints what the latter took."""
    told = json.loads(sys.argv[1])
    lines = Path(told.pop("problems")).read_text().splitlines()
    task = Task(**{**told, "problems": [json.loads(line) for line in lines], "folder": Path(told["folder"])})
    with asyncio.Runner() as runner:
        runner.run(_awaited(run, replace(task, problems=task.problems[-WARM:], folder=task.folder / "warm")))
        urllib.request.urlopen(urllib.request.Request(task.url.replace("/v1", "/reset"), method="POST")).close()
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")  # the peak of memory begins anew
        resident, processor, start = _memory("VmRSS"), _processor(), time.perf_counter()
        runner.run(_awaited(run, task))
        seconds = time.perf_counter() - start
    figures = {"seconds": seconds, "processor": _processor() - processor, "memory_kb": _memory("VmHWM") - resident}
    print(json.dumps(figures), flush=True)  # noqa: T201 - whoever started it reads it


async def _awaited(run: Callable[[Task], Awaitable[None]], task: Task) -> None:
    task.folder.mkdir(parents=True, exist_ok=True)
    await run(task)


def _processor() -> float:
    """Seconds of processor time, user and system, of this process and of those that it waited for."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _memory(name: str) -> int:
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith(name))
