"""The main loop of the process in which Monty runs model-written programs.

Monty's interpreter is a child of this process, so this process can still answer if the interpreter crashes. Requests
and replies are lines of JSON on standard input and output. When standard input ends, the whole process group is killed,
even while a program runs.
"""

import json
import os
import queue
import resource
import select
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any

from pydantic_monty import Monty

from redraft.graders.processes.limits import Watch
from redraft.graders.programs.monty import run, shown


def main() -> None:
    """Answers requests until standard input ends. First writes a line that says that it is ready."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    os.environ.clear()  # the interpreter inherits no secrets and no PATH
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    watch = Watch()
    threading.Thread(target=_listen, args=(requests, watch), daemon=True).start()
    with Monty(max_processes=1, max_checkouts_per_worker=CHECKOUTS) as monty:
        replies.write(json.dumps({"ready": True}) + "\n")
        while True:
            request = json.loads(requests.get())
            signal.setitimer(signal.ITIMER_PROF, request["limit_s"] + GRACE_S)
            reply = _answered(monty, watch, request)
            signal.setitimer(signal.ITIMER_PROF, 0)
            watch.busy = False
            replies.write(reply + "\n")


def _listen(requests: "queue.SimpleQueue[str]", watch: Watch) -> None:
    """Reads requests until standard input ends. While a request is being answered, checks the interpreter's processor
    time."""
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    while True:
        if not poll.poll(LOOK_MS if watch.busy else None):
            watch.look()
        elif line := sys.stdin.readline():
            watch.busy = True
            requests.put(line)
        else:
            break
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _answered(monty: Monty, watch: Watch, request: Mapping[str, Any]) -> str:
    """Returns the reply as JSON. If the reply is too long, it becomes an error of the program."""
    reply = run(monty, watch, request)
    if _deep(reply["value"], DEEPEST):
        reply["value"] = shown(reply["value"])
    try:
        text = json.dumps(reply, default=repr)
    except (TypeError, ValueError, RecursionError):
        reply["value"] = shown(reply["value"])
        text = json.dumps(reply, default=repr)
    if len(text) > MAX_REPLY:
        return json.dumps({**reply, "value": None, "error": f"ValueError: a value of {len(text)} characters"})
    return text


def _deep(value: Any, left: int) -> bool:
    """Returns whether a value has more than `left` levels of nesting. The reader of the reply might not be able to
    parse such a value."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return left == 0 or any(_deep(one, left - 1) for one in inside)


CHECKOUTS = 200  # programs that one interpreter runs before it is replaced
DEEPEST = 100  # levels of nesting
GRACE_S = 3.0  # seconds of processor time for this process itself
LOOK_MS = 20  # milliseconds between two checks of the interpreter's processor time
MAX_REPLY = 4 << 20  # characters

if __name__ == "__main__":
    main()
