"""Runs a program and its tests in CPython, confined by bubblewrap. Each program has its own process.

The process does not decide whether the program passes: only values leave the process, and they are compared with the
key outside. A program that makes sets is run again with other string hashes, so that no outcome depends on the
iteration order of a set.
"""

import ast
import json
import os
import re
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from redraft.graders.processes.process import WAIT
from redraft.graders.programs.bubblewrap import command, environment, filter_file
from redraft.graders.programs.capabilities import PACKAGES
from redraft.graders.programs.result import Outcome, SandboxError
from redraft.graders.programs.rewrite import makes_sets, with_reasons


class ConfinedPython:
    """Runs programs. `close` kills the programs that are running."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def run(self, request: Mapping[str, Any], limit_s: float) -> Outcome:
        """Runs `code` with its `inputs` as variables, and then the statements of `tests`. Returns the outcome. Blocks
        until the program has ended.

        `limit_s` limits the processor time, in seconds, of the code and of each test. Raises SandboxError if nothing
        can be run.
        """
        statements = with_reasons(ast.parse(request["tests"]).body)
        tests = [_Test(test) for test in statements]
        outcome, sets = self._attempt(request, tests, limit_s, hash_seed=0)
        for seed in OTHER_SEEDS if (sets or makes_sets(statements)) and not outcome.lacking else ():
            if self._attempt(request, tests, limit_s, seed)[0] != outcome:
                return replace(outcome, lacking="one order of a set")
        return outcome

    def close(self) -> None:
        self._closed = True
        for process in tuple(self._running):
            process.kill()

    def _attempt(
        self, request: Mapping[str, Any], tests: Sequence["_Test"], limit_s: float, hash_seed: int
    ) -> tuple[Outcome, bool]:
        """Returns a pair: the outcome of one run, and whether the program makes sets."""
        token = secrets.token_hex(16)
        asked = {**request, "tests": [(test.sent, test.compared) for test in tests], "token": token, "limit_s": limit_s}
        replies, ended = self._ask(asked, hash_seed, limit_s * WAIT)
        facts = _facts(replies, token)
        if next(facts, None) is None:
            raise SandboxError(f"bwrap does not start CPython ({ended})")
        first = next(facts, None)
        if first is None:
            return _ended(ended, limit_s, None), False
        value, output, sets = None if tests else _value(first["value"]), first["output"], first["sets"]
        if first["error"]:
            return Outcome(output=output, error=first["error"], lacking=_lacks(first["error"])), sets
        failed = list[tuple[str, str]]()
        for test in tests:
            fact = next(facts, None)
            wrong = _ended(ended, limit_s, test).error if fact is None else test.wrong(fact)
            if wrong:
                failed.append((test.text, wrong))
            if fact is None:
                break
        proofs = tuple(pair for pair in failed if not _lacks(pair[1]))
        lacking = _lacks(failed[0][1]) if failed and not proofs else None
        return Outcome(_listed(value), output, None, proofs or tuple(failed), None, lacking), sets

    def _ask(self, request: Mapping[str, Any], hash_seed: int, wait_s: float) -> tuple[bytes, str]:
        """Returns a pair: the output of the process, about `MAX_REPLY` bytes at most, and how the process ended."""
        with filter_file() as file:
            process = subprocess.Popen(
                command(file.fileno()),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(hash_seed),
                pass_fds=(file.fileno(),),
                process_group=0,
                cwd="/",
            )
        self._running.add(process)
        try:
            if self._closed:
                raise SandboxError("the sandbox was closed")
            assert process.stdin
            try:
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.close()
            except OSError:  # the process ended before it read the whole request
                pass
            replies, ended = _read(process, wait_s)
            return replies, ended or _how(process.wait())
        finally:
            process.kill()
            process.wait()
            self._running.discard(process)
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()


class _Test:
    """A statement of the tests. If it has the form `assert call == literal`, only the call is sent to the process, and
    its value is compared here."""

    def __init__(self, test: ast.stmt) -> None:
        self.text = self.sent = ast.unparse(test)
        self.compared = False
        match test:
            case ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right])):
                try:
                    self.expected = ast.literal_eval(right)
                except ValueError:
                    return
                self.sent, self.compared = ast.unparse(left), True

    def wrong(self, fact: Mapping[str, Any]) -> str | None:
        """Returns why the test fails; None if it passes. `fact` is what the process reported after it ran the test."""
        if fact["error"] or not self.compared:
            return fact["error"]
        try:
            value = _value(fact["value"])
        except (ValueError, TypeError, ArithmeticError, RecursionError):
            return "ValueError: its value cannot be read"
        return None if value == self.expected else f"AssertionError: it is {value!r:.500}"


class _Shown:
    """A value whose text is known, but not its content. It is not equal to any value."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


class _Set(set[Any]):
    """A set whose repr has a fixed order."""

    def __repr__(self) -> str:
        return "{" + ", ".join(sorted(map(repr, self))) + "}" if self else "set()"


def _read(process: subprocess.Popen[bytes], wait_s: float) -> tuple[bytes, str | None]:
    """Returns a pair: what a process writes until it ends, and the reason why it must be killed, or None."""
    assert process.stdout
    poll = select.poll()
    poll.register(process.stdout, select.POLLIN | select.POLLHUP)
    deadline, pieces, size = time.monotonic() + wait_s, [], 0
    while size <= MAX_REPLY:
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            return b"".join(pieces), LATE
        piece = os.read(process.stdout.fileno(), 65536)
        if not piece:
            return b"".join(pieces), None
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces), "it wrote too much"


def _facts(replies: bytes, token: str) -> Iterator[Mapping[str, Any]]:
    """Yields the lines of JSON that have the token: the replies of the worker. Stops at the first line without the
    token, because the program itself wrote that line."""
    for line in replies.split(b"\n"):
        try:
            fact = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(fact, dict) or fact.get("token") != token:
            return
        yield fact


def _how(status: int) -> str:
    """Returns in words how a process ended, from its exit status. bubblewrap adds 128 to the number of a signal."""
    number = status - 128 if status > 128 else -status
    return signal.Signals(number).name if number in set(signal.Signals) else f"status {status}"


def _ended(how: str, limit_s: float, test: _Test | None) -> Outcome:
    """Returns the outcome of a program that ended its process."""
    if how == LATE:
        return Outcome(error=f"TimeoutError: {how}", lacking="an answer in time")
    if how in ("SIGPROF", "SIGXCPU"):
        return Outcome(error=f"TimeoutError: not finished within {limit_s:g} s")
    return Outcome(error=f"SystemExit: it ended the interpreter ({how})")


def _lacks(error: str) -> str | None:
    """Returns what the confined interpreter lacks, if that caused the error; otherwise None."""
    if module := re.match(r"ModuleNotFoundError: No module named '([\w.]+)'", error):
        top = module[1].partition(".")[0]
        return f"the module {module[1]!r}" if top in PACKAGES or top in sys.stdlib_module_names else None
    return next((lacking for start, lacking in LACKS if error.startswith(start)), None)


def _value(given: Any) -> Any:
    """Returns the value from the JSON of `plain` in the worker."""
    match given:
        case {"shown": str(text)}:
            return _Shown(ADDRESS.sub("", text))
        case {"int": str(text)}:
            return int(text, 16)
        case {"float": str(text)}:
            return float.fromhex(text)
        case {"str": str(text)}:
            return text
        case {"literal": str(text)}:
            return ast.literal_eval(text)
        case {"Fraction": str(text)}:
            return Fraction(text)
        case {"Decimal": str(text)}:
            return Decimal(text)
        case {"tuple": list(members)}:
            return tuple(map(_value, members))
        case {"list": list(members)}:
            return list(map(_value, members))
        case {"set": list(members)}:
            return _Set(map(_value, members))
        case {"dict": list(pairs)}:
            return dict(map(_value, pairs))
    return given


def _listed(value: Any) -> Any:
    """Returns a value in the form that `Outcome` has: a tuple becomes a list, and a value that JSON does not have
    becomes a text."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [_listed(one) for one in value]
        case dict() if all(isinstance(key, str) for key in value):
            return {key: _listed(one) for key, one in value.items()}
    return repr(value)


OTHER_SEEDS = (1, 2)
ADDRESS = re.compile(r" at 0x[0-9a-f]+")
LATE = "it waited too long"
MAX_REPLY = 8 << 20  # bytes
LACKS = (
    *((name, "files, sockets and other processes") for name in ("OSError", "PermissionError", "FileNotFoundError")),
    *((name, "files, sockets and other processes") for name in ("BlockingIOError", "ConnectionError", "gaierror")),
    ("EOFError", "the name 'input'"),
    ("ImportError: lib", "a library of the system"),
    ("RuntimeError: can't start new thread", "more threads"),
)
"""Pairs: the beginning of an error message that the confinement causes, and what is lacking."""
