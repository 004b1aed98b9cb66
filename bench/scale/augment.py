"""Measures MetaMath's four kinds of rewrite over a whole dataset: `python bench/scale/augment.py FILE`.

FILE has questions with answers, such as GSM8K's 7,473 training questions. A server of the OpenAI protocol runs in this
process, and writes rewrites and answers by rule. `redraft.flows.augment` runs in another process with 64 concurrent
calls. It runs three times: twice without interruption, and once with ten kills, after each of which it is restarted.
The program fails unless

- the three stores have the same rewrites, problems, samples and answers,
- the killed run made at most 64 calls per kill more than the uninterrupted run,
- there is a backward question for each number of the reference count (`bench/hidden_numbers.py`), word by word, and a
  rephrasing and a set of answers for each question.

Each time, `generate` is measured in the same way, on the same number of questions: processor milliseconds per call.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

BENCH = Path(__file__).parents[1]
sys.path.insert(0, str(BENCH))

from hidden_numbers import backward_questions, has_x  # noqa: E402
from mock_server import OpenAIServer  # noqa: E402

METHODS = ("rephrase", "fobar", "self_verification", "answers")
WIDTH = 64  # concurrent calls
SAMPLES = 4
TABLES = {
    "rewrites": "parent_id, augmentation, number, question, answer, refused, answers, agreed",
    "problems": "problem_id, question, answer, parent_id, augmentation, split",
    "samples": "problem_id, sample, answer, correct",
    "steps": "step_id, text",
}


def write(messages: Sequence[dict[str, Any]], seed: int, sample: int) -> str:
    """Returns the rewrite or statement that the prompt asks for. An answer is right with a probability of one
    eighth."""
    text = str(messages[-1]["content"])
    if text.startswith("Rephrase"):
        return "Here is the question:\nTell me: " + text.split("\n\n", 1)[1]
    if text.endswith("Statement:"):
        asked, answer = text.split("\nQuestion: ")[-1].split("\n")[:2]
        return f"What is asked for ({asked.strip('?')}) is {answer.removeprefix('Answer: ')}."
    return f"I think so.\n\\boxed{{{(seed + 31 * sample) % 8 + 1}}}"


async def stage(name: str, file: str, limit: int, url: str, db: str) -> None:
    """Runs a stage in the child process, and prints its processor seconds and its number of calls."""
    from redraft.flows import Silent, augment, generate
    from redraft.store import Store, read_problems

    problems = list(read_problems(file, limit=limit))
    settings: dict[str, Any] = {
        "model": "m", "api_base": url, "samples": SAMPLES, "progress": Silent(), "concurrency": WIDTH,
    }  # fmt: skip
    begun = time.process_time()
    if name == "augment":
        await augment(problems, db=db, methods=METHODS, **settings)
    else:
        await generate(problems, db=db, strategy="self_consistency", **settings)
    spent = time.process_time() - begun
    with Store(db) as store:
        calls = store.query("SELECT count(*) FROM calls").rows[0][0]
    click.echo(json.dumps({"processor_s": spent, "calls": calls}))


class Bench:
    """The server, and the processes that call it."""

    def __init__(self, server: OpenAIServer, file: str, limit: int, folder: Path) -> None:
        self.server, self.file, self.limit, self.folder = server, file, limit, folder

    async def start(self, name: str, db: str) -> asyncio.subprocess.Process:
        place = [self.file, "--limit", str(self.limit), "--stage", name, self.server.url, str(self.folder / db)]
        return await asyncio.create_subprocess_exec(sys.executable, __file__, *place, stdout=asyncio.subprocess.PIPE)

    async def whole(self, name: str, db: str) -> tuple[float, int]:
        """Runs a stage to its end. Returns the processor milliseconds per call, and the number of requests to the
        server."""
        self.server.requests.clear()
        process = await self.start(name, db)
        out, _ = await process.communicate()
        if process.returncode:
            raise SystemExit(f"{name} failed")
        found = json.loads(out.splitlines()[-1])
        return found["processor_s"] / found["calls"] * 1e3, len(self.server.requests)

    async def killed(self, db: str, kills: int, calls: int) -> int:
        """Runs `augment` with kills at random times. Returns the number of requests to the server."""
        self.server.requests.clear()
        rng = random.Random(1)
        for place in sorted(rng.randrange(WIDTH, calls) for _ in range(kills)):
            process = await self.start("augment", db)
            while len(self.server.requests) < place and process.returncode is None:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)
            if process.returncode is None:
                process.kill()
            await process.communicate()
        process = await self.start("augment", db)
        await process.communicate()
        if process.returncode:
            raise SystemExit("the last run failed")
        return len(self.server.requests)

    def rows(self, db: str) -> dict[str, list[tuple[Any, ...]]]:
        from redraft.store import Store

        with Store(self.folder / db, create=False) as store:
            return {t: store.query(f"SELECT {columns} FROM {t} ORDER BY ALL").rows for t, columns in TABLES.items()}


def check_counts(file: str, limit: int, rewrites: Sequence[tuple[Any, ...]]) -> tuple[int, int]:
    """Compares the rewrites with the reference count. Returns the numbers of questions and of hidden numbers."""
    from redraft.store import read_problems

    problems = {problem.problem_id: problem for problem in read_problems(file, limit=limit)}
    expected: Counter[tuple[str, str, str]] = Counter()
    unhidden = 0
    for name, problem in problems.items():
        made = [] if has_x(problem.question) else backward_questions(problem.question, problem.answer or "")
        expected.update((name, question, number) for question, number in made)
        unhidden += not made
    found = Counter((parent, question, number) for parent, kind, _, question, number, *_ in rewrites if kind == "fobar")
    nothing = sum(count for (_, question, _), count in found.items() if question is None)
    kinds = Counter(kind for _, kind, *_ in rewrites)
    hidden, questions = expected.total(), len(problems)
    assert nothing == unhidden, (nothing, unhidden)
    assert Counter({key: count for key, count in found.items() if key[1] is not None}) == expected
    backward = hidden + unhidden
    assert kinds == {
        "rephrase": questions, "answers": questions, "fobar": backward, "self_verification": backward
    }, kinds  # fmt: skip
    return questions, hidden


async def main(file: str, limit: int, kills: int) -> None:
    server = await OpenAIServer(write).start()
    try:
        with TemporaryDirectory() as folder:
            bench = Bench(server, file, limit, Path(folder))
            base, _ = await bench.whole("generate", "generate.duckdb")
            click.echo(f"generate: {base:.2f} processor ms a call")
            spent, calls = await bench.whole("augment", "whole.duckdb")
            click.echo(f"augment: {spent:.2f} processor ms a call, {spent / base:.2f} times; {calls:,} calls")
            first = bench.rows("whole.duckdb")
            questions, hidden = check_counts(file, limit, first["rewrites"])
            click.echo(f"{questions:,} questions, {hidden:,} hidden numbers: as the reference count has them")
            counts = Counter((kind, refused is None) for _, kind, _, _, _, refused, *_ in first["rewrites"])
            click.echo(", ".join(f"{kind}: {counts[kind, True]:,} accepted" for kind in METHODS))
            again, _ = await bench.whole("augment", "again.duckdb")
            assert bench.rows("again.duckdb") == first
            click.echo(f"a second run: the same rows; {again:.2f} ms a call")
            asked = await bench.killed("killed.duckdb", kills, calls)
            assert bench.rows("killed.duckdb") == first
            assert calls <= asked <= calls + kills * WIDTH, (asked, calls)
            click.echo(f"killed {kills} times: the same rows; {asked - calls:,} calls asked twice")
    finally:
        await server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="a file of questions with answers")
    parser.add_argument("--limit", type=int, default=1_000_000, help="questions")
    parser.add_argument("--kills", type=int, default=10, help="how often the third run is killed")
    parser.add_argument("--stage", nargs=3, metavar=("NAME", "URL", "DB"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stage:
        asyncio.run(stage(given.stage[0], given.file, given.limit, *given.stage[1:]))
    else:
        asyncio.run(main(given.file, given.limit, given.kills))
