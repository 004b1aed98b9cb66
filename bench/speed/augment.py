"""What a call of `augment` costs beside a call of `generate`: `python bench/speed/augment.py FILE --limit 500`.

FILE has questions such as GSM8K's training questions. Both stages ask the mock server in a process of its own, and take
turns for some rounds; a line has the processor milliseconds of this process for each call, the least of all rounds.
MetaMath's four methods run, and the numbers of rewrites are printed beside the count of numbers that may be hidden:
there are a rephrasing and a set of answers for each question, and two backward questions for each such number.
"""

import argparse
import asyncio
import json
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from redraft.flows import Silent, augment, generate
from redraft.flows.augmentation.masking import masks
from redraft.store import Problem, Store, read_problems

METHODS = ("rephrase", "fobar", "self_verification", "answers")
SERVER = Path(__file__).parents[1] / "mock_server.py"
SAMPLES = 4
MORE = 8  # questions of generate for one of augment, so that both make about as many calls


async def measured(work: Callable[[], Awaitable[Any]], store: Store) -> tuple[float, int]:
    """Returns the processor seconds of the work, and the number of calls that it made."""
    begun = time.process_time()
    await work()
    spent = time.process_time() - begun
    return spent, store.query("SELECT count(*) FROM calls").rows[0][0]


async def round_of(problems: list[Problem], more: list[Problem], url: str, folder: Path) -> tuple[float, float, Store]:
    """Returns the processor milliseconds a call of `generate` and of `augment`, and the store of the latter."""
    settings: dict[str, Any] = {"model": "m", "api_base": url, "samples": SAMPLES, "progress": Silent()}
    plain, made = Store(folder / "generate.duckdb"), Store(folder / "augment.duckdb")

    job = partial(generate, more, db=plain, strategy="self_consistency", **settings)
    base, calls = await measured(job, plain)
    spent, asked = await measured(lambda: augment(problems, db=made, methods=METHODS, **settings), made)
    return base / calls * 1e3, spent / asked * 1e3, made


async def main(file: str, limit: int, rounds: int) -> None:
    problems = list(read_problems(file, limit=MORE * limit))
    server = await asyncio.create_subprocess_exec(
        sys.executable, SERVER, "--port", "8765", stdout=asyncio.subprocess.DEVNULL
    )
    try:
        url = "http://127.0.0.1:8765/v1"
        await ready(url)
        found: list[tuple[float, float]] = []
        counts: list[tuple[Any, ...]] = []
        for _ in range(rounds):
            with TemporaryDirectory() as folder:
                base, spent, store = await round_of(problems[:limit], problems, url, Path(folder))
                found.append((base, spent))
                counts = store.query("SELECT augmentation, count(*) FROM rewrites GROUP BY ALL ORDER BY ALL").rows
        base, spent = (min(values) for values in zip(*found, strict=True))
        click.echo(f"{base:.2f} ms a call of generate, {spent:.2f} of augment: {spent / base:.2f} times")
        hidden = sum(max(1, len(masks(problem.question))) for problem in problems[:limit])
        click.echo(f"rows of rewrites: {json.dumps(dict(counts))}; {limit} questions, {hidden} hidden numbers")
    finally:
        server.terminate()
        await server.wait()


async def ready(url: str) -> None:
    for _ in range(200):
        try:
            await asyncio.to_thread(urllib.request.urlopen, f"{url}/models", timeout=1)
            return
        except OSError:
            await asyncio.sleep(0.1)
    raise SystemExit("the mock server does not start")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="a file of questions with answers")
    parser.add_argument("--limit", type=int, default=500, help="questions")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each")
    asyncio.run(main(**vars(parser.parse_args())))
