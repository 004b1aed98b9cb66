"""Measures the speed of writing with the embedded model, and of tuning it: `python bench/speed/embedded.py`.

Writing: tokens per second of processor time, including the reading of prompts, with 1, 16, 64 and 256 concurrent rows
(four samples per problem). Tuning: tokens of the rows, without padding, per second of processor time; needs PyTorch.
Each measurement is a separate process on one processor thread. The table has the best of --repeats runs, because other
programs can only make a run slower, and a hash of the texts.

With `--against BIN`, the folder of another build's programs (such as `other/.venv/bin`), both builds run in turn, and
the table has their ratio.
"""

import argparse
import asyncio
import hashlib
import itertools
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from redraft.llm.model import Message, Request
from redraft.llm.providers.embedded.model import embedded
from redraft.llm.providers.embedded.training.corpus import conversations
from redraft.llm.providers.embedded.training.examples import Example
from redraft.llm.providers.embedded.training.settings import FinetuneSettings
from redraft.store.sources.wordproblems import problems

T = TypeVar("T")
SAMPLES = 4
LEVELS = (1, 2, 3, 4, 5)


def write(rows: int, number: int) -> dict[str, float | str]:
    """Returns the measurements of writing the solutions of `number` problems. `rows` samples are written
    concurrently."""
    model, samples = embedded(), min(SAMPLES, rows)
    asked = [problem.question for problem in itertools.islice(problems(seed=11), number)]

    async def ask(questions: Sequence[str]) -> list[tuple[int, str]]:
        limit = asyncio.Semaphore(rows // samples)

        async def one(i: int, question: str) -> tuple[int, str]:
            seeds = tuple(int(seed) for seed in np.random.default_rng(i).integers(0, 2**31, samples))
            request = Request((Message("user", f"solve\n{question}"),), n=samples, seeds=seeds, max_tokens=200)
            async with limit:
                choices = (await model.complete(request)).choices
            return sum(choice.tokens for choice in choices), "".join(choice.text for choice in choices)

        return await asyncio.gather(*(one(i, question) for i, question in enumerate(questions)))

    asyncio.run(ask(asked[: max(1, rows // samples)]))  # allocates the memory and warms the processor's caches
    seconds, found = timed(lambda: asyncio.run(ask(asked)))
    texts = hashlib.sha256("\0".join(text for _, text in found).encode()).hexdigest()[:8]
    return {"tokens": sum(tokens for tokens, _ in found), "seconds": seconds, "texts": texts}


def tune(number: int) -> dict[str, float | str]:
    """Returns the measurements of one epoch of tuning on `number` rows like those of the original training."""
    from redraft.llm.providers.embedded.training.finetune import finetune

    drawn = itertools.islice(conversations(random.Random(0), LEVELS), number)
    lessons = [Example(conversation.texts) for conversation in drawn]
    vocabulary = embedded().vocabulary
    tokens = sum(len(vocabulary.encode(text)) + 2 for lesson in lessons for text in lesson.texts)  # start and end token
    with tempfile.TemporaryDirectory() as out:
        settings = FinetuneSettings(replay=0.0)
        finetune(lessons[:64], Path(out), settings=settings)
        seconds, result = timed(lambda: finetune(lessons, Path(out), settings=settings))
    return {"tokens": tokens, "seconds": seconds, "texts": f"loss {result.last_loss:.3f}"}


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Returns the processor seconds of a call, and its result."""
    begun = time.process_time()
    result = work()
    return time.process_time() - begun, result


def measure(programs: Path, one: str) -> dict[str, float | str] | None:
    """Returns the measurements of a build, or None if it lacks PyTorch."""
    found = subprocess.run([programs / "python", __file__, "--one", one], capture_output=True, text=True)
    if found.returncode and "torch" in found.stderr:
        return None
    if found.returncode:
        raise SystemExit(found.stderr)
    return json.loads(found.stdout)


def show(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)  # noqa: T201 - a table for the reader


def main(options: argparse.Namespace) -> None:
    builds = [Path(sys.executable).parent, *([options.against] if options.against else [])]
    show(
        "what",
        "tokens a processor second",
        "texts",
        *(["other build", "its texts", "ratio"] if options.against else []),
    )
    for one in options.only:
        found = [[measure(programs, one) for programs in builds] for _ in range(options.repeats)]
        cells, best = [], []
        for runs in zip(*found, strict=True):
            made = [run for run in runs if run]
            best.append(max((float(run["tokens"]) / float(run["seconds"]) for run in made), default=0.0))
            cells += [f"{best[-1]:,.0f}", str(made[0]["texts"])] if made else ["no PyTorch", ""]
        ratio = [f"{best[0] / best[1]:.2f}" if all(best) else ""] if options.against else []
        show(f"{one} rows" if one.isdigit() else one, *cells, *ratio)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, metavar="BIN", help="the folder of another build's programs")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=["1", "16", "64", "256", "tune"], help="numbers of rows, or tune")
    parser.add_argument("--one", help="only measures this build, and prints a line of JSON")
    options = parser.parse_args()
    if options.one:
        rows = int(options.one) if options.one.isdigit() else 0
        result = write(rows, 24 if rows == 1 else 128) if rows else tune(800)
        print(json.dumps(result))  # noqa: T201
    else:
        main(options)
