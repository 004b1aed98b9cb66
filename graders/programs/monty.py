"""Runs a program and its tests in Monty, a Python interpreter without files or sockets, and decides what a failure
proves.

A program is rewritten first, so that Monty computes what CPython computes. If the program makes sets, it is run a
second time with the iteration order of sets reversed. A failure that Monty's limitations may have caused proves
nothing.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydantic_monty import (
    CollectString,
    Monty,
    MontyCrashedError,
    MontyError,
    MontyRuntimeError,
    MontySession,
    MontySyntaxError,
    OSPolicy,
)

from redraft.graders.processes.limits import COUNTED, Watch
from redraft.graders.programs.capabilities import Failure, missing, uncertain
from redraft.graders.programs.rewrite import PRELUDE, makes_sets, rewritten, with_reasons, with_sets_turned

Feed = Callable[..., Any]


def run(monty: Monty, watch: Watch, request: Mapping[str, Any]) -> dict[str, Any]:
    """Runs `code` with its `inputs` as variables, and then each statement of `tests` in the same namespace.

    The reply has the `value` of the last expression, the printed `output` and the `error` of the code, or None.
    `failed` has the text of each failed test and the reason. `unreadable` says why the tests are not Python, and
    `lacking` what Monty lacks, if that may have caused the outcome. The code and each test get as much processor time
    as CPython would need `limit_s` seconds for. `memory_mb` limits their memory together.
    """
    reply: dict[str, Any] = {
        "value": None,
        "output": "",
        "error": None,
        "failed": [],
        "unreadable": None,
        "lacking": None,
    }
    try:
        tests = with_reasons(ast.parse(request["tests"]).body)
    except UNREADABLE as error:
        return {**reply, "unreadable": f"{type(error).__name__}: {error}"}
    code, attempt = request["code"], partial(_attempt, monty, watch, request, tests)
    try:
        tree = ast.parse(code)
    except UNREADABLE:
        value, output, failures = attempt(code)
        lacking = None if failures else "CPython's refusal to read it"
    else:
        text = rewritten(tree)
        value, output, failures = attempt(text or code, text is not None and "__round__" in text)
        failures, lacking = _proofs(ast.parse(text) if text and failures else tree, code, failures)
        given = code + request["tests"]
        open_ = tests and not lacking and not _past_limit(failures) and ("{" in given or "set" in given)
        turned = with_sets_turned(tree) if open_ and makes_sets([tree, *tests]) else None
        if turned and _facts(attempt(turned, True)[2]) != _facts(failures):
            lacking = "CPython's order of a set"
    reply.update(value=value, output=output, lacking=lacking)
    reply["error"] = next((failure.reason for failure in failures if failure.test is None), None)
    reply["failed"] = [(failure.test, failure.reason) for failure in failures if failure.test is not None]
    return reply


def _attempt(
    monty: Monty, watch: Watch, request: Mapping[str, Any], tests: Sequence[ast.stmt], code: str, prelude: bool = False
) -> tuple[Any, str, list[Failure]]:
    """Returns a triple for one run: the value of the last expression, the printed text, and the failures."""
    printed = CollectString(max_bytes=MAX_OUTPUT)
    limits: Any = {
        "max_feed_duration_secs": request["wait_s"] if COUNTED else request["limit_s"] * SLOWER,
        "max_memory": int(request["memory_mb"]) << 20,
        "max_recursion_depth": DEPTH,
    }
    value, failures = None, list[Failure]()
    try:
        with monty.checkout(limits=limits, os_policy=POLICY, assert_message_annotations=False) as session:
            feed: Feed = partial(_fed, session, watch, request["limit_s"], printed)
            if prelude:
                feed(PRELUDE)
            value = feed(code, inputs=request["inputs"])
            for test in tests:
                failures += _failures(feed, test)
                if _past_limit(failures):  # the session can't be used after that
                    break
    except (MontyError, TimeoutError) as error:
        failures.append(_failure(None, error))
    return value, printed.output, failures


def _proofs(tree: ast.Module, code: str, failures: list[Failure]) -> tuple[list[Failure], str | None]:
    """Returns a pair: the failures that prove a program wrong, and None. If no failure proves it, returns all failures,
    and what Monty lacks."""
    if not failures:
        return failures, uncertain(tree) if "def __" in code else None
    told = [missing(tree, code, failure) for failure in failures]
    proofs = [failure for failure, lacking in zip(failures, told, strict=True) if not lacking]
    return (proofs, None) if proofs else (failures, told[0])


def _facts(failures: Sequence[Failure]) -> list[tuple[str | None, str]]:
    return [(failure.test, failure.reason) for failure in failures]


def _past_limit(failures: Sequence[Failure]) -> bool:
    return bool(failures) and failures[-1].reason.startswith(("TimeoutError", "MemoryError"))


def _fed(
    session: MontySession, watch: Watch, limit_s: float, printed: CollectString, code: str, inputs: Any = None
) -> Any:
    """Returns the value of the last expression of `code`. Raises MontyError, and TimeoutError at the time limit."""
    try:
        with watch.limited(session.worker_pid or 0, limit_s * SLOWER):
            return session.feed_run(code, inputs=inputs, print_callback=printed)
    except MontyCrashedError as error:
        if watch.killed:
            raise TimeoutError(f"not finished within {limit_s:g} s") from error
        raise


def _failures(feed: Feed, test: ast.stmt) -> list[Failure]:
    """Returns a list with the failure of a test, or an empty list if the test passes."""
    text = ast.unparse(test)
    try:
        wrong = _unequal(feed, test)
        if wrong is None:
            feed(text)
    except (MontyError, TimeoutError) as error:
        return [_failure(text, error)]
    return [Failure(text, wrong)] if wrong else []


def _unequal(feed: Feed, test: ast.stmt) -> str | None:
    """Checks a test of the form `assert call == literal`. Returns "" if it passes, and otherwise a message with the
    value of the call. Returns None for a test of any other form.

    The values are compared in this process, so a program can't pass with an object whose `__eq__` always returns True.
    """
    match test:
        case ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right])):
            try:
                expected = ast.literal_eval(right)
            except ValueError:
                return None
            got = feed(ast.unparse(left))
            try:
                return "" if got == expected else f"AssertionError: it is {shown(got)}"
            except RecursionError:
                return "AssertionError: it is nested too deeply to be compared"
    return None


def _failure(test: str | None, error: MontyError | TimeoutError) -> Failure:
    """Converts an exception to a Failure: its message, and the positions in the program where it arose."""
    frames = error.traceback() if isinstance(error, MontyRuntimeError) else []
    inside = [frame for frame in frames[-MOST_FRAMES:] if frame.function_name or test is None]
    reason = _message(error)
    if reason.startswith("RecursionError") and len(frames) < DEPTH - NEAR:
        reason = "RecursionError: through built-in functions"
    return Failure(test, reason, tuple((frame.line, frame.column - 1) for frame in inside))


def _message(error: MontyError | TimeoutError) -> str:
    if isinstance(error, TimeoutError):
        return f"TimeoutError: {error}"
    if isinstance(error, MontyCrashedError):
        return "TimeoutError: it had to be killed" if error.timed_out else "MemoryError: the interpreter died of it"
    text = " ".join(str(error).split())[:MAX_MESSAGE]
    return f"SyntaxError: {text}" if isinstance(error, MontySyntaxError) and "Error: " not in text else text


def shown(value: Any) -> str:
    """Returns the repr of a value, cut to MAX_MESSAGE characters."""
    try:
        return repr(value)[:MAX_MESSAGE]
    except (ValueError, RecursionError):
        return f"a {type(value).__name__} too large to be shown"


UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
DEPTH = 1000  # calls, as in CPython
SLOWER = 3  # Monty takes 3 times as long as CPython for loops and calls, so its limit is 3 times as long
NEAR = 50  # calls; with a shorter traceback, the calls are too deep only through Monty's built-in functions
MOST_FRAMES = 100
MAX_OUTPUT = 1 << 20  # bytes
MAX_MESSAGE = 500  # characters
POLICY: OSPolicy = {
    "datetime": datetime(2000, 1, 1, tzinfo=UTC),
    "sleep": "zero",
    "random_start": {"seed": 0},
}
"""The time and the random numbers that a program sees are the same in every run."""
