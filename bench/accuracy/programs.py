"""Prints the verdict of each sandbox on the programs of tests/graders/programs/corpus:

    python bench/accuracy/programs.py

It prints the numbers of right, undecided and wrong programs for each sandbox that the system has, and the median time
of a program in milliseconds. Every program of the corpus is right in CPython, except those of `mistakes.txt`.
"""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from redraft.graders.programs.bubblewrap import unavailable
from redraft.graders.programs.sandbox import Sandbox, SandboxKind
from redraft.graders.programs.unit_tests import ruling
from redraft.store.trajectory import Verdict

CORPUS = Path(__file__).parents[2] / "tests" / "graders" / "programs" / "corpus"


def programs(name: str) -> Iterator[tuple[str, str, str]]:
    """Yields the title, the program and the tests of each case in a file. A case is `=== title`, the program, `---`,
    its tests."""
    for part in (CORPUS / name).read_text().split("=== ")[1:]:
        title, body = part.split("\n", 1)
        code, tests = body.split("\n---\n")
        yield title, code, tests


async def measure(sandbox: Sandbox, name: str, told: bool) -> tuple[Counter[Verdict], float]:
    """Returns the count of each verdict on the programs of a file, and the median time of a program in milliseconds."""
    verdicts, times = Counter[Verdict](), list[float]()
    for title, code, tests in programs(name):
        begun = time.perf_counter()
        found = ruling(await sandbox.run(code, tests=tests))
        times.append(time.perf_counter() - begun)
        verdicts[found.verdict] += 1
        if told and found.verdict is not (Verdict.WRONG if name == "mistakes.txt" else Verdict.RIGHT):
            click.echo(f"{title}: {found.verdict.value}, {found.reason}")
    return verdicts, sorted(times)[len(times) // 2] * 1000


async def main(told: bool) -> None:
    kinds: tuple[SandboxKind, ...] = ("monty",) if (reason := unavailable()) else ("monty", "cpython")
    for kind in kinds:
        click.echo(f"{kind:16}{'right':>8}{'undecided':>11}{'wrong':>8}{'ms':>8}")
        async with Sandbox(workers=1, kind=kind) as sandbox:
            await sandbox.run("0")
            for file in sorted(CORPUS.glob("*.txt")):
                verdicts, ms = await measure(sandbox, file.name, told)
                right, undecided, wrong = (verdicts[one] for one in (Verdict.RIGHT, Verdict.UNDECIDED, Verdict.WRONG))
                click.echo(f"{file.name:16}{right:>8}{undecided:>11}{wrong:>8}{ms:>8.2f}")
    if reason:
        click.echo(f"no sandbox 'cpython': {reason}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--told", action="store_true", help="names each program whose verdict is another one")
    asyncio.run(main(parser.parse_args().told))
