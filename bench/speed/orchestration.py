"""Measures the overhead of Prefect per run and per shard, with its server running: `python
bench/speed/orchestration.py`.

The stage `generate` solves shards of problems, called directly. The flow `generate` solves the same shards as tasks, on
a Prefect server that this program starts. Warm-up rounds, which are not counted, do the work. Afterwards every shard
finds its work done, so the stage takes little time and the difference is visible. Runs of one shard and of many shards
alternate. The overhead of a run is the time of the flow with one shard minus the time of the stage. The overhead of a
shard is the additional time of each further shard, minus that of the stage. Seconds and processor seconds of this
process are medians; the processor seconds of Prefect's server are means over all flow runs.
"""

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from redraft.store.problems import Problem

MOCK = Path(__file__).parents[1] / "mock_server.py"
FIRST = 2  # warm-up rounds: imports, first connections
Cost = tuple[float, float]
"""Wall seconds and processor seconds."""


@contextmanager
def prefect_server(home: Path) -> Iterator[int]:
    """Runs Prefect's server as a process, and sets its address in the environment. Yields its process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ |= {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port), "--no-ui"]
    with (home / "server.log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            while not answers(f"{os.environ['PREFECT_API_URL']}/health"):
                time.sleep(0.3)
            yield process.pid
        finally:
            process.terminate()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


@contextmanager
def mock_server() -> Iterator[str]:
    with subprocess.Popen([sys.executable, str(MOCK)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def processor(pid: int) -> float:
    """Returns the processor seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def cost(run: Callable[[], Awaitable[object]]) -> Cost:
    start, before = time.perf_counter(), time.process_time()
    await run()
    return time.perf_counter() - start, time.process_time() - before


async def measure(shards: int, size: int, rounds: int, folder: Path, server: int) -> None:
    from redraft.flows import scheduled
    from redraft.flows.generate import generate

    scheduled.SHARD = size
    asked = [Problem(f"What is {n} + {n}?", str(2 * n), source="bench") for n in range(shards * size)]
    files = {1: folder / "one.jsonl", shards: folder / "many.jsonl"}
    for count, file in files.items():
        lines = [f'{{"question": "{one.question}", "answer": "{one.answer}"}}\n' for one in asked[: count * size]]
        file.write_text("".join(lines))
    with mock_server() as url:
        named = {"model": "mock", "api_base": url, "strategy": "best_of_n", "samples": 1, "replicate": "bench"}

        async def stage(count: int, db: Path) -> None:
            for start in range(0, count * size, size):
                await generate(asked[start : start + size], db=db, **named)

        async def flow(count: int, db: Path) -> None:
            state = await scheduled.generate(str(files[count]), db=str(db), **named, return_state=True)
            assert state.is_completed(), state.message

        taken: dict[tuple[str, int], list[Cost]] = {}
        spent = 0.0
        for number in range(rounds + FIRST):
            if number == FIRST:
                taken, spent = {}, processor(server)
            for count in files:
                for run in (stage, flow):
                    db = folder / f"{run.__name__}-{count}.duckdb"
                    taken.setdefault((run.__name__, count), []).append(await cost(lambda r=run, c=count, d=db: r(c, d)))
        show(taken, shards, (processor(server) - spent) / (rounds * len(files)))


def show(taken: Mapping[tuple[str, int], Sequence[Cost]], shards: int, server: float) -> None:
    """Prints the medians by program and number of shards, and the overheads computed from them."""
    medians = {key: [statistics.median(part) for part in zip(*costs, strict=True)] for key, costs in taken.items()}
    for (name, count), (seconds, used) in medians.items():
        line(f"{name}, shards: {count}", f"{seconds:.2f} s", f"{used:.2f} processor s")
    one, many = (
        [flow - stage for flow, stage in zip(medians["flow", n], medians["stage", n], strict=True)] for n in (1, shards)
    )
    line("a run", f"{one[0]:.2f} s (at most 2)", f"{one[1]:.2f} processor s")
    each = [1000 * (more - less) / (shards - 1) for more, less in zip(many, one, strict=True)]
    line("a shard", f"{each[0]:.0f} ms (at most 20)", f"{each[1]:.0f} processor ms")
    line("Prefect's server, a flow run", "", f"{server:.2f} processor s")


def line(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)  # noqa: T201 - a table for the reader


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, default=40)
    parser.add_argument("--size", type=int, default=10, help="problems of a shard")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "prefect"
        home.mkdir()
        with prefect_server(home) as server:
            asyncio.run(measure(given.shards, given.size, given.rounds, Path(place), server))
