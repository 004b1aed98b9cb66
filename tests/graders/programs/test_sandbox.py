import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from redraft.graders.programs.sandbox import Outcome, Sandbox, run

PRIVATE = "a-canary-that-no-program-may-sing-of"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox(workers=1)
    yield sandbox
    asyncio.run(sandbox.close())


async def test_a_program_gives_the_value_of_its_last_expression_and_what_it_printed(sandbox: Sandbox) -> None:
    code = "def double(n):\n    return 2 * n\nprint('so', end='')\n(double(x), y['a'])"
    assert await sandbox.run(code, {"x": 21, "y": {"a": None}}) == Outcome([42, None], "so")


async def test_the_error_that_ends_a_program_is_told_in_one_line(sandbox: Sandbox) -> None:
    assert await sandbox.run("print(1)\n1 / 0") == Outcome(output="1\n", error="ZeroDivisionError: division by zero")
    assert (await sandbox.run("def f(:")).error == "SyntaxError: Expected a parameter or the end of the parameter list"


async def test_no_program_sees_what_another_left_behind(sandbox: Sandbox) -> None:
    assert (await sandbox.run("import math\nmath.pi = 3\nsecret = 1")).failed == ()
    assert (await sandbox.run("secret")).error == "NameError: name 'secret' is not defined"
    assert (await sandbox.run("import math\nmath.pi > 3")).value is True


async def test_chance_and_clock_are_the_same_each_time(sandbox: Sandbox) -> None:
    code = "import random, time\nfrom datetime import datetime\n(random.random(), time.time(), datetime.now().year)"
    first, again = await sandbox.run(code), await sandbox.run(code)
    assert first == again
    assert first.value[1:] == [946684800.0, 2000]


async def test_each_test_that_fails_is_told_with_what_came_instead(sandbox: Sandbox) -> None:
    tests = "limit = 3\nassert add(1, 2) == 3\nassert add(2, 2) == 5\nassert add(limit, 1) > 4, 'too small'\nadd(1)"
    outcome = await sandbox.run("def add(a, b):\n    return a + b", tests=tests)
    assert outcome.error is None
    assert outcome.failed == (
        ("assert add(2, 2) == 5", "AssertionError: it is 4"),
        ("assert add(limit, 1) > 4, 'too small'", "AssertionError: too small"),
        ("add(1)", "TypeError: add() missing 1 required positional argument: 'b'"),
    )


@pytest.mark.parametrize(
    "cheat",
    [
        "class Any:\n    def __eq__(self, other):\n        return True\ndef add(a, b):\n    return Any()",
        "def add(a, b):\n    raise SystemExit",
        "def add(a, b):\n    return None\n'''",
        "def add(a, b):\n    return None\nif False:",
        "AssertionError = ValueError\ndef add(a, b):\n    return 0",
        "raise SystemExit(0)",
        "def add(a, b):\n    while True:\n        pass",
    ],
)
async def test_no_trick_passes_a_test(sandbox: Sandbox, cheat: str) -> None:
    outcome = await sandbox.run(cheat, tests="assert add(1, 2) == 3\nassert add(2, 2) == 4", limit_s=0.2)
    assert outcome.failed or outcome.error


async def test_tests_that_are_no_python_are_told_apart(sandbox: Sandbox) -> None:
    outcome = await sandbox.run("1", tests="assert add(1, 2 ==")
    assert outcome == Outcome(unreadable="SyntaxError: '(' was never closed (<unknown>, line 1)")


@pytest.mark.parametrize(
    ("code", "lacking"),
    [
        ("def f():\n    yield 1", "yield expressions"),
        ("import heapq", "the module 'heapq'"),
        ("import numpy", "the module 'numpy'"),
        ("import mathutils", None),
        ("memoryview(b'')", "the name 'memoryview'"),
        ("undefined", None),
        ("1 / 0", None),
        ("(5).bit_length()", "the method 'bit_length' of int, or its use as a value"),
        ("(5).bitlength()", None),
        ("'a'.translate({97: 'b'})", "the method 'translate' of str, or its use as a value"),
        ("'a'.translated()", None),
        ("from collections import OrderedDict", "the name 'OrderedDict' of the module 'collections'"),
        ("from collections import OrderedDictionary", None),
        ("import re\nre.subn('a', 'b', 'a')", "the name 'subn' of the module 're'"),
        ("import re\nre.replace('a', 'b', 'a')", None),
        ("import re\nre.sub('a', lambda m: 'b', 'a')", "a use of callable"),
        ("from math import *", "imports of *"),
        ("set().union([1], [2])", "arguments of set.union()"),
        ("len([1], 2)", None),
        ("def f(a):\n    return a\nf(1, 2)", None),
        ("def f():\n    pass\nf.calls = 0", "attributes of a function"),
        ("class A:\n    pass\nA().__dict__", "the attribute '__dict__'"),
        ("class A:\n    pass\nA().missing", None),
        ("class A:\n    def __lt__(self, other):\n        return True\nmin(A(), A())", "the special method '__lt__'"),
        ("class A:\n    pass\nmin(A(), A())", None),
        ("class A:\n    x = 1\n    class B:\n        y = 2", "class bodies"),
        ("pow(3, -1, 7)", "pow() for an inverse"),
        ("x = [1]\nx += (2,)", "+= of a list with another kind"),
        ("[1] + (2,)", None),
        ("def f(n):\n    return f(n + 1)\nf(0)", None),
        ("def f(n):\n    return n and 1 + max(map(f, [n - 1]))\nf(30)", "deep recursion through built-in functions"),
        ("any(1 / n > 1 for n in [0.5, 0])", "generator expressions that stop early"),
        ("sum(1 / n for n in [0.5, 0])", None),
        ("any(limit > n for n in [1])", None),
        ("raise NotImplementedError('write it')", None),
    ],
)
async def test_what_only_the_sandbox_lacks_is_told_from_a_mistake(
    sandbox: Sandbox, code: str, lacking: str | None
) -> None:
    outcome = await sandbox.run(code)
    assert outcome.error
    assert (outcome.lacking or "")[: len(lacking or "")] == (lacking or "")
    assert (outcome.lacking is None) == (lacking is None)


@pytest.mark.parametrize(
    ("code", "tests", "lacking"),
    [
        ("def f(xs):\n    return list(set(xs))", "assert f([3, 1, 2]) == [1, 2, 3]", "CPython's order of a set"),
        ("def f(xs):\n    return list(set(xs))", "assert f([3, 1, 2]) == [3, 1, 2]", "CPython's order of a set"),
        ("def f(xs):\n    return {*xs}.pop()", "assert f([3, 1]) == 1", "CPython's order of a set"),
        ("def f(xs):\n    return sorted(set(xs))", "assert f([3, 1, 2]) == [1, 2, 3]", None),
        ("def f(xs):\n    return max(set(xs), key=xs.count)", "assert f([3, 1, 1]) == 1", None),
        ("def f(xs):\n    return max(set(xs), key=xs.count)", "assert f([3, 1]) == 3", "CPython's order of a set"),
        ("def f(xs):\n    return list(set(xs))", "def check(f):\n    assert f([3, 1, 2]) == [1, 2, 3]\ncheck(f)",
         "CPython's order of a set"),
        ("def f(xs):\n    return tuple(xs)", "assert f({3, 1, 2}) == (3, 1, 2)", "CPython's order of a set"),
        ("class A:\n    def __bool__(self):\n        return False", "assert A()", "the special method '__bool__'"),
        ("from itertools import count\ndef f():\n    return any(n > 3 for n in count())", "assert f()",
         "generator expressions that stop early"),
        ("def f(xs, seen):\n    return any(seen.append(x) or x > 1 for x in xs)",
         "seen = []\nassert f([1, 2, 3], seen)\nassert seen == [1, 2]", "generator expressions that stop early"),
    ],
)  # fmt: skip
async def test_what_the_sandbox_computes_otherwise_proves_nothing(
    sandbox: Sandbox, code: str, tests: str, lacking: str | None
) -> None:
    outcome = await sandbox.run(code, tests=tests, limit_s=0.5)
    assert outcome.lacking == lacking


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("d = {'a': 1, 'b': 2}\nmax(d, key=d.get)", "b"),
        ("list(map(str.upper, 'ab'))", ["A", "B"]),
        ("push = [].append\npush(1)", None),
        ("sorted(['b', 'A'], key=str.lower)", ["A", "b"]),
        ("next(x for x in [1, 2] if x > 1)", 2),
        ("pairs = zip([1], [2])\n(list(pairs), list(pairs))", [[[1, 2]], []]),
        ("(round(2.675, 2), round(1.115, ndigits=2), round(2.5), round(1234, -2))", [2.67, 1.11, 2, 1200]),
        ("def depth(n):\n    return n and 1 + depth(n - 1)\ndepth(990)", 990),
        ("str.join('-', ['a', 'b'])", "a-b"),
        ("import re\nre.sub(r'(.)([A-Z])', r'\\1_\\2', 'aB')", "a_B"),
        ("import re\nre.sub(r'(.)\\1', r'\\1x\\n', 'aab')", "ax\nb"),
        ("import re\nre.compile(r'(a)').sub(r'<\\1b>', 'a')", "<ab>"),
        ("class A:\n    def get(self):\n        return 5\ng = A().get\ng()", 5),
        ("try:\n    assert [], 'none'\nexcept AssertionError as error:\n    told = str(error)\ntold", "none"),
    ],
)
async def test_a_program_computes_what_cpython_computes(sandbox: Sandbox, code: str, value: object) -> None:
    assert await sandbox.run(code) == Outcome(value)


async def test_a_value_that_is_no_json_is_told_in_words(sandbox: Sandbox) -> None:
    assert (await sandbox.run("{(1, 2): 3}")).value == "{(1, 2): 3}"
    assert (await sandbox.run("10 ** 5000")).value == "a int too large to be shown"
    deep = "a = []\nfor i in range(100_000):\n    a = [a]\na"
    assert isinstance((await sandbox.run(deep)).value, str)


async def test_many_programs_share_few_processes() -> None:
    async with Sandbox(workers=2) as sandbox:
        outcomes = await asyncio.gather(*(sandbox.run("n * n", {"n": n}) for n in range(100)))
        assert [outcome.value for outcome in outcomes] == [n * n for n in range(100)]
        assert len(sandbox.pids) == 2


async def test_the_event_loop_goes_on_while_a_program_hangs(sandbox: Sandbox) -> None:
    await sandbox.run("1")
    hanging = asyncio.create_task(sandbox.run("while True:\n    pass", limit_s=0.5))
    ticks = 0
    while not hanging.done():
        await asyncio.sleep(0.01)
        ticks += 1
    assert ((await hanging).error or "").startswith("TimeoutError: ")
    assert ticks > 10


async def test_a_process_that_is_killed_is_replaced() -> None:
    async with Sandbox(workers=1) as sandbox:
        assert (await sandbox.run("1")).value == 1
        os.kill(sandbox.pids[0], signal.SIGKILL)
        assert (await sandbox.run("2")).value == 2


@pytest.mark.parametrize("how", ["closed", "killed"])
async def test_nothing_runs_on_when_the_program_ends(how: str) -> None:
    program = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, stdout=subprocess.PIPE)
    assert program.stdout
    pid = int(await program.stdout.readline())
    await asyncio.sleep(0.5)
    group = _group(pid)
    assert len(group) == 2  # the worker, and the interpreter below it
    if how == "killed":
        program.kill()
    else:
        program.terminate()
    await program.wait()
    deadline = time.monotonic() + 8
    while _group(pid):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def _group(pid: int) -> list[str]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[2] == str(pid) and fields[0] != "Z":
            found.append(stat.parent.name)
    return found


async def test_programs_share_one_sandbox() -> None:
    assert await run("n + 1", {"n": 1}) == Outcome(2)


async def test_the_interpreter_inherits_no_secret_and_finds_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an empty environment there is neither an installer of packages nor a key to be found."""
    monkeypatch.setenv("OPENAI_API_KEY", PRIVATE)
    async with Sandbox(workers=1) as sandbox:
        await sandbox.run("1")
        (worker,) = sandbox.pids
        (interpreter,) = set(_group(worker)) - {str(worker)}
        assert Path(f"/proc/{interpreter}/environ").read_bytes() == b""


PROGRAM = """
import asyncio
from redraft.graders.programs.sandbox import Sandbox

async def main():
    sandbox = Sandbox(workers=1)
    task = asyncio.create_task(sandbox.run("while True:\\n    pass", limit_s=30.0))
    while not sandbox.pids:
        await asyncio.sleep(0.01)
    print(sandbox.pids[0], flush=True)
    await task

asyncio.run(main())
"""
