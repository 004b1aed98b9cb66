"""The process in which CPython runs one program, confined by bubblewrap.

This file imports only the standard library, because the process sees no other files. It reads one request, sets its own
limits, and writes a line of JSON for the program and for each test. For a test of the form `assert call == literal` it
does not receive the expected value. It writes the value of the call, which is compared outside.
"""

import ast
import io
import json
import os
import random
import resource
import signal
import sys
import time
import types
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any


def main() -> None:
    request = json.loads(sys.stdin.readline())
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    limit(request)
    token, tests, limit_s, printed = request["token"], request["tests"], request["limit_s"], Printed()

    def reply(**facts: Any) -> None:
        replies.write(json.dumps({"token": token, **facts}) + "\n")

    module = types.ModuleType("program" if tests else "__main__")
    names = module.__dict__
    names.update(request["inputs"])
    sys.modules[module.__name__] = module
    sys.argv, sys.stdout, time.sleep = ["program.py"], printed, passed_over
    random.seed(0)
    reply(ready=True)
    value, error, sets = None, None, False
    try:
        tree = ast.parse(request["code"])
        sets = makes_sets(tree)
        value = step(limit_s, execute, tree, names, bool(tests))
    except BaseException as raised:  # noqa: BLE001 - whatever a program raises is its outcome
        error = told(raised)
    reply(value=plain(value), output=printed.getvalue(), error=error, sets=sets)
    for text, compared in () if error else tests:
        try:
            reply(value=plain(step(limit_s, run, text, compared, names)), error=None)
        except BaseException as raised:  # noqa: BLE001
            reply(value=None, error=told(raised))
    os._exit(0)


def limit(request: dict[str, Any]) -> None:
    """Limits memory, files and processor time. The program cannot raise these limits."""
    most_s = int(request["limit_s"] * (len(request["tests"]) + 1)) + 1
    for kind, most in (
        (resource.RLIMIT_AS, (request["memory_mb"] + OWN_MB) << 20),
        (resource.RLIMIT_CPU, most_s),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, 64),
    ):
        now = resource.getrlimit(kind)[1]
        least = most if now == resource.RLIM_INFINITY else min(most, now)
        resource.setrlimit(kind, (least, least))


def step(limit_s: float, action: Callable[..., Any], *arguments: Any) -> Any:
    """Runs `action` and returns its value. SIGPROF kills the process after `limit_s` seconds of processor time."""
    signal.setitimer(signal.ITIMER_PROF, limit_s)
    try:
        return action(*arguments)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def execute(tree: ast.Module, names: dict[str, Any], tested: bool) -> Any:
    """Runs a program. If it is not `tested`, returns the value of its last expression, otherwise None."""
    last = tree.body.pop() if not tested and tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "program.py", "exec", dont_inherit=True), names)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), "program.py", "eval", dont_inherit=True), names)


def run(text: str, compared: bool, names: dict[str, Any]) -> Any:
    """Returns the value of a test's call, or runs a test that is a statement and returns None."""
    code = compile(text, "test.py", "eval" if compared else "exec", dont_inherit=True)
    return eval(code, names) if compared else exec(code, names)


def makes_sets(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Set | ast.SetComp) or (isinstance(node, ast.Name) and node.id in ("set", "frozenset"))
        for node in ast.walk(tree)
    )


def told(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return " ".join(text.split())[:500]


def passed_over(seconds: float) -> None:
    """Replaces `time.sleep`. Returns at once."""


def plain(value: Any, depth: int = 0) -> Any:
    """Returns a value as JSON data, with names for types that JSON lacks. A value whose type defines its own equality
    is sent only as a text, which is not equal to any value."""
    if value is None or type(value) in (bool, str):
        return value
    own = type(value).__eq__
    for kind, text in SCALARS:
        if isinstance(value, kind) and own is kind.__eq__:
            return {kind.__name__: text(kind.__add__(value, kind()))}
    for kind, name in CONTAINERS:
        if depth < DEEPEST and isinstance(value, kind) and own in (kind.__eq__, *EQUALITIES):
            return {name: [plain(one, depth + 1) for one in (value.items() if kind is dict else value)]}
    if type(value) in (complex, bytes):
        return {"literal": repr(value)}
    if type(value).__module__ in ("fractions", "decimal"):
        return {type(value).__name__: str(value)}
    return {"shown": repr(value)[:500]}


class Printed(io.StringIO):
    """A buffer for the text that a program prints. Raises MemoryError above MAX_OUTPUT characters."""

    def write(self, text: str) -> int:
        if self.tell() + len(text) > MAX_OUTPUT:
            raise MemoryError(f"more than {MAX_OUTPUT} characters were printed")
        return super().write(text)


SCALARS: tuple[tuple[Any, Callable[[Any], str]], ...] = ((int, hex), (str, str), (float, float.hex))
CONTAINERS: tuple[tuple[Any, str], ...] = (
    *((tuple, "tuple"), (list, "list"), (dict, "dict"), (set, "set"), (frozenset, "set"), (type({}.keys()), "set")),
)
EQUALITIES = (Counter.__eq__, OrderedDict.__eq__)
"""The equality methods of the standard library's dict types."""
DEEPEST = 50  # levels of nesting
MAX_OUTPUT = 1 << 20  # characters
OWN_MB = 96  # memory of the interpreter and its libraries

if __name__ == "__main__":
    main()
