"""CPython, confined by bubblewrap: it decides what Monty leaves open, and no program reaches out of it.

The probes are harmless: a file, a folder and a listening socket that the test made itself, one fork, a list of
processes. They are skipped where the system has no bubblewrap or forbids user namespaces.
"""

import asyncio
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from redraft.flows.generate import generate
from redraft.graders.answers.checker import Checker
from redraft.graders.grade import grade
from redraft.graders.programs import bubblewrap
from redraft.graders.programs.result import SandboxError
from redraft.graders.programs.sandbox import Sandbox
from redraft.graders.programs.unit_tests import passes, ruling
from redraft.graders.ruling import Ruling
from redraft.store.errors import RedraftError
from redraft.store.trajectory import Verdict

CORPUS = Path(__file__).with_name("corpus")
SONG = "what only the canary knows"
LACKING = "files, sockets and other processes"
REASON = bubblewrap.unavailable()
confined = pytest.mark.skipif(REASON is not None, reason=REASON or "")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox(workers=2, kind="cpython")
    yield sandbox
    asyncio.run(sandbox.close())


def cases(name: str) -> list[tuple[str, str, str]]:
    parts = (part.split("\n", 1) for part in (CORPUS / name).read_text().split("=== ")[1:])
    return [(title, *body.split("\n---\n")) for title, body in parts]  # pyright: ignore[reportReturnType]


def monty_lacks(code: str) -> str:
    """The program after a line that Monty lacks, so that CPython runs it."""
    return f"import heapq\n{code}"


@confined
@pytest.mark.parametrize("name", ["algorithms.txt", "classes.txt", "lists.txt", "numbers.txt", "strings.txt"])
async def test_it_decides_every_right_program(sandbox: Sandbox, name: str) -> None:
    for title, code, tests in cases(name):
        found = ruling(await sandbox.run(code, tests=tests))
        known = Ruling(Verdict.UNDECIDED, "the sandbox lacks the module 'numpy'") if "numpy" in title else None
        assert found == (known or Ruling(Verdict.RIGHT)), title


@confined
async def test_it_decides_every_mistake(sandbox: Sandbox) -> None:
    for title, code, tests in cases("mistakes.txt"):
        assert ruling(await sandbox.run(code, tests=tests, limit_s=0.5)).verdict is Verdict.WRONG, title


@confined
@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("sorted({1: 2}.items()), 'a', 2.5, None, True", [[[1, 2]], "a", 2.5, None, True]),
        ("{'a': [1, (2, 3)]}", {"a": [1, [2, 3]]}),
        ("{(1, 2): 3}", "{(1, 2): 3}"),
        ("2 ** 100", 2**100),
        ("print('so')\nans = 5\nans", 5),
        ("print('so')", None),
        ("class A:\n    def __repr__(self):\n        return 'an A'\nA()", "an A"),
        ("sum(n for n in range(x))", 10),
    ],
)
async def test_a_program_gives_the_value_of_its_last_expression(sandbox: Sandbox, code: str, value: object) -> None:
    outcome = await sandbox.run(monty_lacks(code), {"x": 5})
    assert (outcome.value, outcome.error) == (value, None)
    assert outcome.output == ("so\n" if "print" in code else "")


@confined
@pytest.mark.parametrize(
    ("code", "tests", "reason"),
    [
        ("def f(x):\n    return x", "assert f(1) == 2", "assert f(1) == 2: AssertionError: it is 1"),
        ("def f(x):\n    return x", "assert f(1) > 2, 'small'", "assert f(1) > 2, 'small': AssertionError: small"),
        ("def f(x):\n    return 1 / 0", "assert f(1) == 2", "assert f(1) == 2: ZeroDivisionError: division by zero"),
        ("1 / 0", "assert True", "ZeroDivisionError: division by zero"),
        ("def f(x):\n    return f(x)", "assert f(1) == 2",
         "assert f(1) == 2: RecursionError: maximum recursion depth exceeded"),
        ("def f(x):\n    while x: pass", "assert f(1) == 2",
         "assert f(1) == 2: TimeoutError: not finished within 0.5 s"),
        ("while True: pass", "assert True", "TimeoutError: not finished within 0.5 s"),
        ("def f(x):\n    return bytearray(2 ** 31)", "assert f(1) == 2", "assert f(1) == 2: MemoryError"),
        ("while True: print('x' * 1000)", "assert True", "MemoryError: more than 1048576 characters were printed"),
    ],
)  # fmt: skip
async def test_a_mistake_is_wrong_with_its_reason(sandbox: Sandbox, code: str, tests: str, reason: str) -> None:
    found = ruling(await sandbox.run(monty_lacks(code), tests=tests, limit_s=0.5))
    assert found == Ruling(Verdict.WRONG, reason)


@confined
@pytest.mark.parametrize(
    "cheat",
    [
        "class Any:\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return Any()",
        "class Two(int):\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return Two(7)",
        "class Two:\n    def __repr__(self):\n        return '2'\ndef f(x):\n    return Two()",
        "import os\nos._exit(0)",
        "import os\ndef f(x):\n    os._exit(0)",
        "def f(x):\n    raise SystemExit(0)",
        'import os\nfor fd in range(3, 64):\n    try:\n        os.write(fd, b\'{"error": null, "value": 2}\\n\')\n'
        "    except OSError:\n        pass\ndef f(x):\n    os._exit(0)",
        "import builtins\nbuiltins.AssertionError = None\ndef f(x):\n    return 0",
        "import ast, json\nast.literal_eval = json.loads = lambda *_: 2\ndef f(x):\n    return 0",
        "import sys\nsys.exit(0)",
    ],
)
async def test_no_trick_passes_a_test(sandbox: Sandbox, cheat: str) -> None:
    outcome = await sandbox.run(monty_lacks(cheat), tests="assert f(1) == 2\nassert f(2) == 2")
    assert outcome.failed or outcome.error


@confined
@pytest.mark.parametrize(
    "code",
    [
        "open({canary!r}).read()",
        "open('/etc/passwd').read()",
        "import os\nos.listdir({folder!r})",
        "import os\nos.listdir('/proc')",
        "import os\nos.listdir('/home')",
        "import os\nos.listdir('/dev')",
        "open({folder!r} + '/new', 'w')",
        "open('/new', 'w')",
        "open('/worker.py', 'a')",
        "import os\nos.mkdir('/tmp')",
        "import os\nos.fork()",
        "import subprocess\nsubprocess.run(['/bin/true'])",
        "import socket\nsocket.create_connection(('127.0.0.1', {port}))",
        "import socket\nsocket.socket(socket.AF_UNIX)",
        "import tempfile\ntempfile.TemporaryFile()",
    ],
)
async def test_no_program_reaches_out(
    sandbox: Sandbox, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = tmp_path / "canary.txt"
    canary.write_text(SONG)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        asked = code.format(canary=str(canary), folder=str(tmp_path), port=port)
        outcome = await sandbox.run(monty_lacks(asked))
        assert (outcome.lacking, outcome.value) == (LACKING, None)
        assert SONG not in f"{outcome}"
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("canary.txt", SONG)]


@confined
async def test_a_program_sees_the_interpreter_and_nothing_else(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SONG)
    code = "import os\n(dict(os.environ), os.getpid(), os.getuid(), os.uname().nodename, os.listdir('/'))"
    environment, pid, user, host, root = (await sandbox.run(monty_lacks(code))).value
    assert set(environment) <= {"PYTHONHASHSEED", "LANG", "LD_LIBRARY_PATH", "PWD", "LC_CTYPE"}
    assert (pid, user, host) == (2, 65534, "sandbox")
    base = Path(sys.base_prefix).parts[1]
    assert set(root) <= {"usr", "lib", "lib64", "worker.py", base}
    packages = "import os, sysconfig\nos.listdir(sysconfig.get_path('stdlib') + '/site-packages')"
    outcome = await sandbox.run(monty_lacks(packages))
    assert outcome.value == [] or outcome.lacking == LACKING


@confined
async def test_threads_work_and_processes_do_not(sandbox: Sandbox) -> None:
    code = "from concurrent.futures import ThreadPoolExecutor\nlist(ThreadPoolExecutor(2).map(str, [1, 2]))"
    assert (await sandbox.run(code)).value == ["1", "2"]
    code = "from concurrent.futures import ProcessPoolExecutor\nlist(ProcessPoolExecutor(2).map(str, [1, 2]))"
    assert (await sandbox.run(code)).value is None


@confined
async def test_what_is_too_large_for_monty_has_its_room_in_cpython(sandbox: Sandbox) -> None:
    code = "def f(n):\n    return sum(i * i % 7 for i in range(n))"
    tests = "assert f(2_000_000) == 3999997"
    async with Sandbox(workers=1) as monty:
        assert (await monty.run(code, tests=tests, memory_mb=16)).failed
    assert ruling(await sandbox.run(code, tests=tests, memory_mb=16)).verdict is Verdict.RIGHT


@confined
async def test_chance_is_the_same_each_time_and_nothing_waits(sandbox: Sandbox) -> None:
    code = monty_lacks("import random, time\ntime.sleep(1000)\nrandom.random()")
    assert await sandbox.run(code) == await sandbox.run(code)


@confined
async def test_an_outcome_that_depends_on_the_order_of_texts_in_a_set_is_undecided(sandbox: Sandbox) -> None:
    code = monty_lacks("def f(words):\n    return ''.join(set(words))")
    for expected in ("abcdefgh", "hgfedcba"):
        outcome = await sandbox.run(code, tests=f"assert f('abcdefgh') == {expected!r}")
        assert outcome.lacking == "one order of a set"
    code = monty_lacks("def f(words):\n    return list(words)[0]")
    assert (await sandbox.run(code, tests="assert f(set('abcdefgh')) == 'a'")).lacking == "one order of a set"
    code = monty_lacks("def f(words):\n    return {object(): words}.keys() and set(words)")
    assert ruling(await sandbox.run(code, tests="assert f('ba') == 1")).verdict is Verdict.WRONG
    code = monty_lacks("def f(words):\n    return len(set(words))")
    assert ruling(await sandbox.run(code, tests="assert f('aab') == 2")) == Ruling(Verdict.RIGHT)


@confined
async def test_what_monty_decides_is_not_run_again(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "WORKER", Path("/nowhere"))
    assert (await sandbox.run("6 * 7")).value == 42
    assert (await sandbox.run("1 / 0")).error == "ZeroDivisionError: division by zero"
    with pytest.raises(SandboxError, match="bwrap does not start CPython"):
        await sandbox.run("import heapq")
    assert (await passes("assert 1", "import heapq", sandbox)).verdict is Verdict.UNDECIDED


@confined
def test_a_program_ends_with_who_asked_for_it() -> None:
    program = subprocess.Popen([sys.executable, "-c", PROGRAM])
    try:
        _wait_until(lambda: _workers(program.pid))
        found = _workers(program.pid)
    finally:
        program.kill()
        program.wait()
    _wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in found))


def _workers(parent: int) -> list[int]:
    """The confined interpreters below a process."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            line = stat.with_name("cmdline").read_bytes()
            above = int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if b"/worker.py" in line and above == parent:
            found.append(int(stat.parent.name))
    return found


def _wait_until(holds, limit_s: float = 20.0) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@confined
def test_the_grade_of_a_reply_is_decided_by_it() -> None:
    reply = "```python\nimport heapq\ndef f(xs):\n    return heapq.nsmallest(1, xs)\n```"
    assert grade(reply, "assert f([2, 1]) == [1]", "code").verdict is Verdict.UNDECIDED
    with_sandbox = Checker(sandbox=Sandbox(kind="cpython"))
    assert grade(reply, "assert f([2, 1]) == [1]", "code", checker=with_sandbox).verdict is Verdict.RIGHT


def test_a_system_without_it_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    bubblewrap.unavailable.cache_clear()
    try:
        with pytest.raises(SandboxError) as caught:
            Sandbox(kind="cpython")
        assert re.fullmatch(r"there is no sandbox 'cpython' here: bwrap is not on the PATH: .*", str(caught.value)) or (
            sys.platform != "linux"
        )
        with pytest.raises(RedraftError, match="there is no sandbox 'cpython' here"):
            asyncio.run(generate("builtin", limit=1, samples=1, sandbox="cpython", db=tmp_path / "r.duckdb"))
    finally:
        bubblewrap.unavailable.cache_clear()


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_a_program_of_whole_instructions_that_ends_by_allowing(machine: str) -> None:
    filter_ = bubblewrap.system_calls(machine)
    lines = [filter_[at : at + 8] for at in range(0, len(filter_), 8)]
    assert len(filter_) % 8 == 0
    assert len(lines) < 4096  # the most that the kernel takes
    assert lines[-1] == b"\x06\x00\x00\x00\x00\x00\xff\x7f"


PROGRAM = """
import asyncio
from redraft.graders.programs.sandbox import Sandbox

async def main():
    await Sandbox(workers=1, kind="cpython").run("import heapq\\nwhile True:\\n    pass", limit_s=60.0)

asyncio.run(main())
"""
