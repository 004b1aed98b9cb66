"""Known ways out of a sandbox, and ways to stop it: each program of `escapes.txt` meets the error in its heading, or
ends with the value there. None sees the canary's file, none is heard by a listening socket, none takes long."""

import asyncio
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from redraft.graders.programs.sandbox import Sandbox

SONG = "what only the canary knows"
LIMIT_S = 0.2
KILLED_S = LIMIT_S + 3.0  # the sandbox's own grace, after which nothing runs on
LIMITS = {"MemoryError", "RecursionError", "TimeoutError"}
PLACE = re.compile(r"\{(file|folder|port|parentheses|brackets|lambdas)(!r)?\}")
ESCAPES = [
    pytest.param(*part.split("\n", 1), id=f"{number}-{' '.join(part.split()[1:6])}"[:60])
    for number, part in enumerate(Path(__file__).with_name("escapes.txt").read_text().split("=== ")[1:], start=1)
]


@dataclass(frozen=True)
class Cage:
    """Where the programs are run, and what they try to reach."""

    sandbox: Sandbox
    canary: Path
    listener: socket.socket

    def filled(self, program: str) -> str:
        """The program with its places filled; `!r` puts a text in quotes."""
        places = {
            "file": str(self.canary),
            "folder": str(self.canary.parent),
            "port": self.listener.getsockname()[1],
            "parentheses": "(" * 5000 + ")" * 5000,
            "brackets": "[" * 2000 + "]" * 2000,
            "lambdas": "lambda: " * 3000 + "0",
        }
        return PLACE.sub(lambda match: (repr if match[2] else str)(places[match[1]]), program)

    def heard(self) -> bool:
        """Whether anybody connected."""
        try:
            self.listener.accept()
        except BlockingIOError:
            return False
        return True


@pytest.fixture(scope="module")
def cage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cage]:
    canary = tmp_path_factory.mktemp("cage") / "canary.txt"
    canary.write_text(SONG)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        sandbox = Sandbox(workers=1)
        asyncio.run(sandbox.run("0"))
        yield Cage(sandbox, canary, listener)
        asyncio.run(sandbox.close())


def test_there_are_a_hundred() -> None:
    assert len(ESCAPES) >= 100


def test_the_canary_can_be_seen_and_heard_from_outside(cage: Cage) -> None:
    """Otherwise the tests below would say nothing."""
    assert cage.canary.read_text() == SONG
    socket.create_connection(cage.listener.getsockname()).close()
    assert cage.heard()


@pytest.mark.parametrize(("expected", "program"), ESCAPES)
async def test_no_program_gets_out_or_stays(cage: Cage, expected: str, program: str) -> None:
    begun = time.monotonic()
    outcome = await cage.sandbox.run(cage.filled(program), limit_s=LIMIT_S, memory_mb=32)
    assert time.monotonic() - begun < KILLED_S + 1.0
    came = outcome.error.partition(":")[0] if outcome.error else f"value {outcome.value!r}"
    assert came == expected or {came, expected} <= LIMITS  # which of them is met first depends on the machine
    assert SONG not in f"{outcome}"
    assert not cage.heard()
    assert [(file.name, file.read_text()) for file in cage.canary.parent.iterdir()] == [("canary.txt", SONG)]


async def test_the_sandbox_still_works_after_all_of_them(cage: Cage) -> None:
    assert (await cage.sandbox.run("6 * 7")).value == 42
