"""Programs of many styles, each with tests that hold in CPython: none is called wrong. Mistakes are never called right.

A file of `corpus/` has cases: `=== title`, the program, `---`, its tests.
"""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from redraft.graders.programs.sandbox import Sandbox
from redraft.graders.programs.unit_tests import ruling
from redraft.store.trajectory import Verdict

CORPUS = Path(__file__).with_name("corpus")
RIGHT = ("algorithms.txt", "classes.txt", "lists.txt", "numbers.txt", "strings.txt")
LEAST = {"algorithms.txt": 55, "classes.txt": 22, "lists.txt": 53, "numbers.txt": 51, "strings.txt": 61}
UNDECIDED_MISTAKES = {
    "answers, that exit",
    "hasattr, of a method that is missing",
    "unique, in the order of a set",
    "unique, the first member of a set",
}


def cases(name: str) -> list[tuple[str, str, str]]:
    parts = (part.split("\n", 1) for part in (CORPUS / name).read_text().split("=== ")[1:])
    return [(title, *body.split("\n---\n")) for title, body in parts]  # pyright: ignore[reportReturnType]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox(workers=1)
    yield sandbox
    asyncio.run(sandbox.close())


def test_the_corpus_is_large() -> None:
    assert sum(len(cases(name)) for name in RIGHT) >= 300
    assert len(cases("mistakes.txt")) >= 60


@pytest.mark.parametrize("name", RIGHT)
def test_all_tests_hold_in_cpython(name: str, tmp_path: Path) -> None:
    """The programs are the corpus's own and harmless; a package that is not installed is passed over."""
    program = tmp_path / "all.py"
    program.write_text(RUN + f"run({cases(name)!r})\n")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", RIGHT)
async def test_no_right_program_is_wrong(sandbox: Sandbox, name: str) -> None:
    rulings = {title: ruling(await sandbox.run(code, tests=tests)) for title, code, tests in cases(name)}
    assert {title: found.reason for title, found in rulings.items() if found.verdict is Verdict.WRONG} == {}
    assert Counter(found.verdict for found in rulings.values())[Verdict.RIGHT] >= LEAST[name]


async def test_no_mistake_is_right_and_few_are_undecided(sandbox: Sandbox) -> None:
    outcomes = await asyncio.gather(
        *(sandbox.run(code, tests=tests, limit_s=0.5) for _, code, tests in cases("mistakes.txt"))
    )
    verdicts = {
        title: ruling(outcome).verdict for (title, _, _), outcome in zip(cases("mistakes.txt"), outcomes, strict=True)
    }
    assert {title for title, verdict in verdicts.items() if verdict is Verdict.RIGHT} == set()
    assert {title for title, verdict in verdicts.items() if verdict is Verdict.UNDECIDED} == UNDECIDED_MISTAKES


RUN = """
import contextlib, io

def run(cases):
    for title, code, tests in cases:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(code + "\\n" + tests, title, "exec"), {"__name__": "program"})
        except ModuleNotFoundError as error:
            if error.name != "numpy":
                raise

"""
