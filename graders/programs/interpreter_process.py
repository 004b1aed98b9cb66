"""The process that model-written programs run in: a loop around Monty, a Python of its own without files or sockets.

Monty's interpreter is a process below this one, so that a crash of it is an answer too. Requests and replies are lines
of JSON on standard input and output. When the input ends, the whole process group is killed, whatever it is doing.
"""

import ast
import json
import os
import queue
import resource
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydantic_monty import CollectString, Monty, MontyCrashedError, MontyError, MontySession, MontySyntaxError, OSPolicy

from redraft.graders.processes.limits import COUNTED, Watch


def main() -> None:
    """Answers requests until standard input ends. The first line it writes tells that it is ready."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    os.environ.clear()  # the interpreter inherits no secrets, and finds no program on any path
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    requests: queue.Queue[str] = queue.Queue()
    watch = Watch()
    threading.Thread(target=_listen, args=(requests, watch), daemon=True).start()
    with Monty(max_processes=1, max_checkouts_per_worker=CHECKOUTS) as monty:
        replies.write(json.dumps({"ready": True}) + "\n")
        while True:
            request = json.loads(requests.get())
            signal.setitimer(signal.ITIMER_PROF, request["limit_s"] + GRACE_S)
            reply = _answered(monty, watch, request)
            signal.setitimer(signal.ITIMER_PROF, 0)
            requests.task_done()
            replies.write(reply + "\n")


def _listen(requests: "queue.Queue[str]", watch: Watch) -> None:
    """Takes requests until standard input ends. While one is answered, watches the interpreter's processor time."""
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    while True:
        if not poll.poll(LOOK_MS if requests.unfinished_tasks else None):
            watch.look()
        elif line := sys.stdin.readline():
            requests.put(line)
        else:
            break
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _answered(monty: Monty, watch: Watch, request: Mapping[str, Any]) -> str:
    """The reply as JSON. A reply that is too long is an error of the program."""
    reply = run(monty, watch, request)
    if _deep(reply["value"], DEEPEST):
        reply["value"] = _shown(reply["value"])
    try:
        text = json.dumps(reply, default=repr)
    except (TypeError, ValueError, RecursionError):
        reply["value"] = _shown(reply["value"])
        text = json.dumps(reply, default=repr)
    if len(text) > MAX_REPLY:
        return json.dumps({**reply, "value": None, "error": f"ValueError: a value of {len(text)} characters"})
    return text


def _deep(value: Any, left: int) -> bool:
    """Whether a value is nested more than `left` times, which the reader of the reply might not be able to parse."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return left == 0 or any(_deep(one, left - 1) for one in inside)


def run(monty: Monty, watch: Watch, request: Mapping[str, Any]) -> dict[str, Any]:
    """Runs `code` with its `inputs` as variables, then each statement of `tests` in what it left behind.

    The reply has the `value` of the last expression, the printed `output`, the `error` of the code, if any, and for
    each test that `failed` its text and why; `unreadable` says why the tests are no Python. `limit_s` limits the
    processor time of the code and of each test, and `memory_mb` the memory of all of them.
    """
    reply: dict[str, Any] = {"value": None, "output": "", "error": None, "failed": [], "unreadable": None}
    try:
        tests = ast.parse(request["tests"]).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return {**reply, "unreadable": f"{type(error).__name__}: {error}"}
    printed = CollectString(max_bytes=MAX_OUTPUT)
    limits: Any = {
        "max_feed_duration_secs": request["wait_s" if COUNTED else "limit_s"],
        "max_memory": int(request["memory_mb"]) << 20,
        "max_recursion_depth": DEPTH,
    }
    try:
        with monty.checkout(limits=limits, os_policy=POLICY) as session:
            feed = partial(_fed, session, watch, request["limit_s"], printed)
            reply["value"] = feed(request["code"], inputs=request["inputs"])
            reply["failed"] = list(_failures(feed, tests))
    except (MontyError, TimeoutError) as error:
        reply["error"] = _message(error)
    reply["output"] = printed.output
    return reply


def _fed(
    session: MontySession, watch: Watch, limit_s: float, printed: CollectString, code: str, inputs: Any = None
) -> Any:
    """The value of the last expression of `code`. Raises MontyError, and TimeoutError past the limit."""
    try:
        with watch.limited(session.worker_pid or 0, limit_s):
            return session.feed_run(code, inputs=inputs, print_callback=printed)
    except MontyCrashedError as error:
        if watch.killed:
            raise TimeoutError(f"not finished within {limit_s:g} s") from error
        raise


def _failures(feed: Callable[[str], Any], tests: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    """The tests that do not hold. Ends at the first that exceeds a limit, since no session is sound after that."""
    for test in tests:
        text = ast.unparse(test)
        try:
            wrong = _unequal(feed, test)
            if wrong is None:
                feed(text)
        except (MontyError, TimeoutError) as error:
            wrong = _message(error)
        if wrong:
            yield text, wrong
        if wrong and wrong.startswith(("TimeoutError", "MemoryError")):
            return


def _unequal(feed: Callable[[str], Any], test: ast.stmt) -> str | None:
    """What a test of the form `assert call == literal` got instead, empty where it holds; None for another form.

    The values are compared here, so that an object of the program's own that calls itself equal to everything is not.
    """
    match test:
        case ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right])):
            try:
                expected = ast.literal_eval(right)
            except ValueError:
                return None
            got = feed(ast.unparse(left))
            try:
                return "" if got == expected else f"AssertionError: it is {_shown(got)}"
            except RecursionError:
                return "AssertionError: it is nested too deeply to be compared"
    return None


def _shown(value: Any) -> str:
    try:
        return repr(value)[:MAX_MESSAGE]
    except (ValueError, RecursionError):
        return f"a {type(value).__name__} too large to be shown"


def _message(error: MontyError | TimeoutError) -> str:
    if isinstance(error, TimeoutError):
        return f"TimeoutError: {error}"
    if isinstance(error, MontyCrashedError):
        return "TimeoutError: it had to be killed" if error.timed_out else "MemoryError: the interpreter died of it"
    text = " ".join(str(error).split())[:MAX_MESSAGE]
    return f"SyntaxError: {text}" if isinstance(error, MontySyntaxError) and "Error: " not in text else text


CHECKOUTS = 200  # programs of one interpreter, before it is replaced
DEPTH = 600  # calls
GRACE_S = 3.0  # of this process's own processor time
LOOK_MS = 20  # between two looks at the interpreter's processor time
DEEPEST = 100  # lists in lists
MAX_OUTPUT = 1 << 20  # bytes
MAX_REPLY = 4 << 20  # characters
MAX_MESSAGE = 500  # characters
POLICY: OSPolicy = {
    "datetime": datetime(2000, 1, 1, tzinfo=UTC),
    "sleep": "zero",
    "random_start": {"seed": 0},
}
"""Nothing that a program can see depends on when it runs."""

if __name__ == "__main__":
    main()
