"""What the tests of flows share: the command line as a process, a scripted word-problem model, a Prefect server."""

import asyncio
import json
import os
import pty
import re
import select
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from redraft.llm.model import Request
from redraft.llm.scripted import Scripted
from redraft.store.problems import Problem

Redraft = Callable[..., subprocess.CompletedProcess[str]]
Commands = Callable[[Sequence[str], Mapping[str, str]], Awaitable[tuple[int, str, str]]]


def clean(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This environment without anything that would set options."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("REDRAFT_", "PREFECT_"))}
    return {**kept, "COLUMNS": "100", **(extra or {})}


@pytest.fixture
def redraft(tmp_path: Path) -> Redraft:
    """`redraft("query", "FROM runs")` in an empty folder, as a real process."""

    def run(
        *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "redraft.flows.cli.main", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=clean(env), capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


@pytest.fixture
def mistake(redraft: Redraft) -> Callable[..., str]:
    """Runs a command that must fail with exit code 2 and one line, and returns that line. That it waited for the store,
    which another process was just writing, is no part of it."""

    def run(*arguments: str, env: Mapping[str, str] | None = None) -> str:
        done = redraft(*arguments, env=env)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        lines = [line for line in done.stderr.strip().splitlines() if not line.startswith("waits its turn")]
        assert len(lines) == 1, done.stderr
        return lines[0]

    return run


@pytest.fixture
def typed(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """`typed(["label"], [("]: ", "r\\n")])`: a command at a terminal of its own, at which each text is typed when what
    stands before it has been shown. The exit code, and what the terminal shows."""

    def run(arguments: Sequence[str], script: Sequence[tuple[str, str]], seconds: float = 120) -> tuple[int, str]:
        command = [sys.executable, "-m", "redraft.flows.cli.main", *arguments]
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(tmp_path)
            os.execve(command[0], command, clean({"TERM": "dumb", "NO_COLOR": "1"}))
        shown, mark, left = "", 0, list(script)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    shown += os.read(terminal, 65536).decode().replace("\r\n", "\n")
                except OSError:  # how Linux tells that nobody has the other end any more
                    break
            while left and (place := shown.find(left[0][0], mark)) >= 0:
                mark = place + len(left[0][0])
                os.write(terminal, left.pop(0)[1].encode())
        else:
            os.kill(pid, 9)
        os.close(terminal)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert left == [], shown
        return code, shown

    return run


@pytest.fixture
async def commands(tmp_path: Path) -> AsyncIterator[Commands]:
    """`await commands(["query", "FROM runs"], {"OPENAI_API_KEY": "none"})` in the test's folder: the exit code, and
    what is written to standard output and error. One process runs them all, and writes nothing else. An empty variable
    is taken out of the environment."""
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(
        sys.executable, Path(__file__).with_name("cli_run.py"), cwd=tmp_path, env=clean(), stdin=pipe, stdout=pipe,
        stderr=pipe, limit=2**24,
    )  # fmt: skip
    assert program.stdin
    assert program.stdout

    async def run(arguments: Sequence[str], env: Mapping[str, str]) -> tuple[int, str, str]:
        assert program.stdin
        assert program.stdout
        program.stdin.write(json.dumps([arguments, env]).encode() + b"\n")
        code, out, err = json.loads(await program.stdout.readline())
        return code, out, err

    yield run
    program.stdin.close()
    assert await program.communicate() == (b"", b"")
    assert program.returncode == 0


@pytest.fixture
def sums() -> Callable[..., list[Problem]]:
    """What is 1 + 1? What is 2 + 2? ..."""

    def make(count: int, *, known: bool = True) -> list[Problem]:
        numbers = range(1, count + 1)
        return [Problem(f"What is {i} + {i}?", str(2 * i) if known else None, source="sums") for i in numbers]

    return make


@pytest.fixture
def adder() -> Callable[..., Scripted]:
    """A model that adds: `right(number, sample, turn)` says whether it does so rightly, `turn` being 1, 2 ..., and
    may raise ModelError. Samples of one call are numbered from 0."""

    def make(right: Callable[[int, int, int], bool]) -> Scripted:
        def script(request: Request, index: int) -> str:
            number = int(re.findall(r"What is (\d+)", request.messages[0].content)[0])
            total = 2 * number + (0 if right(number, index, len(request.messages) // 2 + 1) else 1)
            return f"I add.\n\nThe answer is \\boxed{{{total}}}"

        return Scripted(script, name="adder")

    return make


class PrefectServer:
    """A Prefect server at a port of its own, which can be killed and started again. What it logs is in `server.log` in
    its `home`; `env` leads to it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.env = {
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": f"http://127.0.0.1:{self._port}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_API_HOST": "127.0.0.1",
            "PREFECT_LOGGING_TO_API_ENABLED": "false",
            # What is due is seen within seconds.
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "3",
            "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "2",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
        }

    def start(self) -> None:
        """Returns when the server answers."""
        command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(self._port), "--no-ui"]
        with (self.home / "server.log").open("a") as log:
            self._process = subprocess.Popen(command, env=clean(self.env), stdout=log, stderr=log)
        _wait(f"{self.env['PREFECT_API_URL']}/health", self._process, self.home / "server.log")

    def stop(self, *, at_once: bool = False) -> None:
        """Ends the server as an operator does, or kills it."""
        if at_once:
            self._process.kill()
        self._process.terminate()
        self._process.wait(30)


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A real Prefect server of this test session's own."""
    server = PrefectServer(tmp_path_factory.mktemp("prefect"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def prefect_server(prefect: PrefectServer) -> Mapping[str, str]:
    """The environment that leads to this test session's Prefect server."""
    return prefect.env


@pytest.fixture(scope="session")
def prefect_api(prefect_server: Mapping[str, str]) -> Callable[..., Any]:
    """`prefect_api("deployments/filter", {...})`: the answer of the server's own API."""

    def ask(path: str, body: Any = None, method: str = "POST") -> Any:
        data = None if method == "GET" else json.dumps({} if body is None else body).encode()
        url, headers = f"{prefect_server['PREFECT_API_URL']}/{path}", {"content-type": "application/json"}
        request = urllib.request.Request(url, data, headers, method=method)
        for _ in range(30):
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    text = answer.read()
                    return json.loads(text) if text else None
            except urllib.error.HTTPError as error:  # 503: SQLite was locked for too long, and a client may ask again
                if error.code != 503:
                    raise
                time.sleep(1)
        raise AssertionError(f"the Prefect server is too busy for {path}")

    return ask


def _wait(url: str, server: subprocess.Popen[bytes], log: Path, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(f"the Prefect server did not start: {log.read_text()[-2000:]}")
