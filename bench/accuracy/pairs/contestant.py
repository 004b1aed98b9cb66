"""Runs one oracle on rows of JSON from standard input: `python contestant.py redraft|math_verify WORKERS < rows`.

It prints the verdicts, the reasons and the seconds as one line of JSON. Its processes are started and have made one
comparison before the time is measured. It imports no other module of this folder, so that the environment of another
build can run it.
"""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

Row = dict[str, str]
Result = tuple[str, str | None, str | None]
"""The verdict, its reason and the extracted answer."""

BATCH = 200
WARM: Row = {"kind": "math", "answer": "x^2+1", "reply": "\\boxed{1+x^2}"}


async def redraft(rows: Sequence[Row], workers: int) -> tuple[list[Result], float]:
    """Returns the verdicts of redraft's oracle, as an agent gets them, and the seconds that they took."""
    from redraft.graders.answers.checker import Checker
    from redraft.graders.answers.extract import extract
    from redraft.graders.answers.verify import plain_ruling, verify
    from redraft.store.problems import Kind

    async with Checker(workers=workers) as checker:

        async def result(row: Row) -> Result:
            kind = Kind(row["kind"])
            answer = extract(row["reply"], kind)
            ruling = plain_ruling(row["answer"], answer, kind, checker)
            ruling = ruling or await verify(row["answer"], answer, kind, checker)
            return str(ruling.verdict), ruling.reason, answer

        await asyncio.gather(*(checker.equal("(x+1)^2", f"x^2+2x+{n}") for n in range(workers)))
        start, found = time.perf_counter(), list[Result]()
        for first in range(0, len(rows), BATCH):
            found += await asyncio.gather(*map(result, rows[first : first + BATCH]))
        return found, time.perf_counter() - start


def math_verify(rows: Sequence[Row], workers: int) -> tuple[list[Result], float]:
    """Returns the verdicts of Math-Verify, and the seconds that they took: `parse` of the reply and of the key between
    dollar signs, then `verify`, with its own limits of five seconds. If it cannot parse a key, the verdict is
    `undecided`."""
    with ProcessPoolExecutor(workers, initializer=_quiet) as pool:
        list(pool.map(_math_verify, [WARM] * 2 * workers))
        start = time.perf_counter()
        found = list(pool.map(_math_verify, rows, chunksize=20))
        return found, time.perf_counter() - start


def _quiet() -> None:
    logging.disable(logging.CRITICAL)
    sys.set_int_max_str_digits(0)


def _math_verify(row: Row) -> Result:
    import math_verify

    gold: list[Any] = math_verify.parse(row["answer"] if "$" in row["answer"] else f"${row['answer']}$")
    given: list[Any] = math_verify.parse(row["reply"])
    extracted = str(given[-1]) if given else None
    if not gold:
        return "undecided", "the key cannot be read", extracted
    return "right" if math_verify.verify(gold, given) else "wrong", None, extracted


def main() -> None:
    name, workers = sys.argv[1], int(sys.argv[2])
    rows = [json.loads(line) for line in sys.stdin]
    found, seconds = asyncio.run(redraft(rows, workers)) if name == "redraft" else math_verify(rows, workers)
    sys.stdout.write(json.dumps({"results": found, "seconds": seconds}) + "\n")


if __name__ == "__main__":
    main()
