"""Measures the prefix cache hits of several servers of one model: `python bench/speed/replicas.py`.

Trees of problems are searched with one server and with several. Each is a mock server that remembers the prefixes of
its prompts. The table shows the share of the prompts' tokens that was in a cache, the calls of the busiest server
relative to the mean, and its maximum number of concurrent calls. To compare builds, start it with another build's
Python.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redraft.flows.generate import generate

MOCK = Path(__file__).parents[1] / "mock_server.py"


@contextmanager
def servers(count: int, latency_ms: float) -> Iterator[list[str]]:
    """Starts mock servers, each in a process, and yields their addresses."""
    command = [sys.executable, str(MOCK), "--caches", "true", "--latency-ms", str(latency_ms), "--jitter", "0.5"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        yield [process.stdout.readline().strip() for process in processes if process.stdout]
    finally:
        for process in processes:
            process.terminate()


def log(url: str) -> dict[str, Any]:
    """Returns the totals of a server's log."""
    with urllib.request.urlopen(url.replace("/v1", "/log?summary=1")) as answer:
        return json.load(answer)


async def run(urls: Sequence[str], strategy: str, problems: int, concurrency: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        summary = await generate(
            "builtin:split=heldout",
            limit=problems,
            db=Path(folder) / "store.duckdb",
            model="mock",
            api_base=",".join(urls),
            strategy=strategy,
            grader="likelihood",
            concurrency=concurrency,
        )
        assert summary.problems == problems, summary
    return [log(url) for url in urls]


def show(*cells: object) -> None:
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)  # noqa: T201 - a table for the reader


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--strategies", nargs="+", default=["beam", "mcts"])
    parser.add_argument("--problems", type=int, default=100)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--latency-ms", type=float, default=50)
    given = parser.parse_args()
    show("strategy", "servers", "calls", "tokens in a cache", "busiest / mean", "most in flight")
    for strategy in given.strategies:
        for count in given.servers:
            with servers(count, given.latency_ms) as urls:
                logs = asyncio.run(run(urls, strategy, given.problems, given.concurrency))
            keys = ("requests", "prompt_tokens", "cached_tokens")
            calls, tokens, cached = (sum(one[key] for one in logs) for key in keys)
            busiest = max(one["requests"] for one in logs) / calls * count
            most = max(one["most_in_flight"] for one in logs)
            show(strategy, count, calls, f"{cached / tokens:.1%}", f"{busiest:.2f}", most)
