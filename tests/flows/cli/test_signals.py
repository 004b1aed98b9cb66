"""Ctrl-C: once in order and soon, twice at once, and the same command goes on afterwards."""

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.cli.signals import GRACE_S, STOPPED

STUBBORN = """
import asyncio, sys, time
from redraft.flows.cli.signals import run
async def work():
    sys.stdout.write("ready\\n"); sys.stdout.flush()
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.to_thread(time.sleep, 60)  # as a store that somebody else holds
run(work())
"""


AFTERWARDS = """
import asyncio, sys, time
from redraft.flows.cli.signals import run
run(asyncio.sleep(0))
try:
    sys.stdout.write("ready\\n"); sys.stdout.flush()
    time.sleep(60)
except KeyboardInterrupt:
    sys.stdout.write("stopped\\n"); sys.stdout.flush()
    sys.exit(7)
"""


@pytest.fixture
def stubborn() -> Any:
    program = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True)
    assert program.stdout
    assert program.stdout.readline() == "ready\n"
    yield program
    program.kill()
    program.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_does_not_end_by_itself_is_ended(stubborn: Any, number: signal.Signals) -> None:
    start = time.monotonic()
    stubborn.send_signal(number)
    assert stubborn.wait(30) == STOPPED
    assert time.monotonic() - start >= GRACE_S


def test_a_second_signal_does_not_wait(stubborn: Any) -> None:
    start = time.monotonic()
    stubborn.send_signal(signal.SIGINT)
    time.sleep(0.1)
    stubborn.send_signal(signal.SIGINT)
    assert stubborn.wait(30) == STOPPED
    assert time.monotonic() - start < GRACE_S


def test_what_comes_after_the_work_is_stopped_as_any_program() -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", AFTERWARDS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert program.stdout
    assert program.stdout.readline() == "ready\n"
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=30)
    assert (program.returncode, out, err) == (7, "stopped\n", "")


BEFORE = """
import sys, time
import redraft.flows.generate
from redraft.flows.cli import main as cli
from redraft.flows.cli import signals as interrupt
def slow(*_, **__):
    sys.stdout.write("ready\\n"); sys.stdout.flush()
    time.sleep(60)
sys.modules["redraft.flows.generate"].{where} = slow
cli.main(["generate", "--limit", "1"])
"""


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("generate", ["redraft: stopped"]),  # before the work
        ("problems", ["stopped"]),  # in the work, which holds the loop
    ],
)
def test_a_run_that_is_stopped_before_its_first_problem_says_a_line(
    where: str, says: list[str], tmp_path: Path
) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", BEFORE.format(where=where)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert program.stdout
    assert program.stdout.readline() == "ready\n"
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=60)
    assert (program.returncode, err.splitlines()) == (STOPPED, says)


@pytest.mark.parametrize("signals", [1, 2])
async def test_a_stopped_run_goes_on_without_asking_again(
    signals: int, tmp_path: Path, openai_protocol: Any, redraft: Any
) -> None:
    server = await openai_protocol.OpenAIServer(lambda messages, seed, index: f"The answer is {seed % 3}").start()
    server.latency_ms = 30.0
    job = (
        "generate", "builtin:levels=1", "--model", "tiny", "--api-base", server.url, "--strategy", "best_of_n",
        "--samples", "2", "--limit", "60", "--concurrency", "4", "--json",
    )  # fmt: skip
    command = [sys.executable, "-m", "redraft.flows.cli.main", *job]
    pipe = subprocess.PIPE
    run = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, stdout=pipe, stderr=pipe)
    while len(server.requests) < 20:  # noqa: ASYNC110 - it is the server's list
        await asyncio.sleep(0.01)
    asked = time.monotonic()
    run.send_signal(signal.SIGINT)
    if signals == 2:
        run.send_signal(signal.SIGINT)
    out, err = await run.communicate()
    took = time.monotonic() - asked
    events = [json.loads(line) for line in err.splitlines() if line]

    assert run.returncode == STOPPED
    assert out == b""
    assert took < 2.5 * GRACE_S  # the promise is two seconds on a machine with nothing else to do
    if signals == 1:
        assert events[-1] == {"event": "end", "status": "interrupted"}
        assert {"event": "note", "text": "stopping; Ctrl-C again ends at once"} in events

    again = await asyncio.to_thread(lambda: redraft(*job))
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["trajectories"] == 120
    seeds = [request["seed"] for request in server.requests]
    answered = [entry for entry in seeds if seeds.count(entry) > 1]
    assert len(set(answered)) <= 4  # those in flight when it was stopped, whose answers nobody heard
    await server.stop()


@pytest.mark.parametrize("module", ["click", "redraft.flows.cli.main", "json", "asyncio"])
def test_ctrl_c_while_the_program_still_imports_is_one_line(module: str, tmp_path: Path) -> None:
    """A folder that comes first in the search for modules holds one that takes a minute to import."""
    slow = "import sys, time\nclass Slow:\n    def find_spec(self, name, path=None, target=None):\n"
    slow += f"        if name == {module!r}:\n            print('ready', flush=True); time.sleep(60)\n"
    slow += f"for name in list(sys.modules):\n    name.split('.')[0] == {module!r} and sys.modules.pop(name)\n"
    slow += "sys.meta_path.insert(0, Slow())\nfrom redraft.flows.cli.start import main\nmain()\n"
    command = [sys.executable, "-c", slow, "generate", "--limit", "1"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=tmp_path) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=60)
    assert (program.returncode, err) == (STOPPED, "redraft: stopped\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["grade", "rows.jsonl"], r"redraft: stopped after [\d,]+ graded: [\d,]+ right, .*; nothing of them is kept"),
        (["grade", "rows.jsonl", "--json"], r"redraft: stopped after [\d,]+ graded: .*; their lines are printed"),
        (
            ["import", "rows.jsonl", "--format", "chats"],
            r"redraft: [\d,]+ rows? of rows.jsonl (is|are) kept in redraft.duck",
        ),
    ],
)
def test_a_stopped_file_says_how_much_of_it_is_kept(arguments: list[str], says: str, tmp_path: Path) -> None:
    row = {"reply": "It is 2.", "answer": "2", "prompt": "What is {n} + 1?", "completion": "It is 2."}
    with (tmp_path / "rows.jsonl").open("w") as file:
        file.writelines(json.dumps(row).replace("{n}", str(n)) + "\n" for n in range(60_000))
    command = [sys.executable, "-m", "redraft.flows.cli.start", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as program:
        assert program.stderr is not None
        _begun(program, tmp_path)
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=60)
    assert program.returncode == STOPPED
    assert re.search(says, err), err


def _begun(program: subprocess.Popen[str], folder: Path) -> None:
    """Waits until the program has read a part of the file."""
    size, end = (folder / "rows.jsonl").stat().st_size, time.monotonic() + 60
    while time.monotonic() < end:
        for link in Path(f"/proc/{program.pid}/fd").iterdir():
            try:
                at = int((link.parents[1] / "fdinfo" / link.name).read_text().split()[1])
                if link.readlink().name == "rows.jsonl" and 0 < at < size:
                    time.sleep(0.3)
                    return
            except OSError:
                continue
        time.sleep(0.01)
    raise AssertionError("it did not begin")
