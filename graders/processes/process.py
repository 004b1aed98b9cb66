"""A process that answers requests and can be killed. All methods block, so call them in a thread."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any


class ProcessError(Exception):
    """Raised if the process ended or did not start. The message says which."""


class ProcessNotStarted(ProcessError):
    """Raised if the process did not start. Another try would fail in the same way."""


class Process:
    """A running module, such as `redraft.graders.answers.math_verify_process`, in a process group of its own. `name` is
    its name in error messages. Raises ProcessNotStarted if the process ends while it starts, or does not start within
    ten minutes."""

    def __init__(self, module: str, *arguments: str, name: str) -> None:
        self._name = name
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            process_group=0,
        )
        self._stopping = threading.Lock()
        self._unread = b""
        self._pipes = threading.Lock()  # held while they are read, so that another thread's `stop` waits to close them
        try:
            hello = self._read(START_S)
        except TimeoutError as error:
            self.stop()
            raise ProcessNotStarted(f"the {name} did not start within {START_S / 60:g} minutes") from error
        except ProcessError as error:
            self.stop()
            raise ProcessNotStarted(f"the {name} ended as it started") from error
        if "failed" in hello:
            self.stop()
            raise ProcessNotStarted(f"the {name} cannot start: {hello['failed']}")

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, request: Mapping[str, Any], limit_s: float) -> dict[str, Any]:
        """Returns the reply to one request. Raises TimeoutError after `limit_s` seconds of processor time, and
        ProcessError if the process ends. After an error, only `stop` may be called.

        The process limits itself to `limit_s`: it ends by SIGPROF. It also receives `wait_s`, the most seconds on the
        clock, which ends a process that waits for ever. `wait_s` is so long that no request exceeds it only because the
        machine is busy.
        """
        wait_s = limit_s * WAIT
        line = json.dumps({**request, "limit_s": limit_s, "wait_s": wait_s}) + "\n"
        stdin = self._process.stdin
        assert stdin
        with self._pipes:
            try:
                if stdin.closed:
                    raise BrokenPipeError
                stdin.write(line.encode())
            except OSError as error:
                raise ProcessError(f"the {self._name} ended") from error
            return self._read(wait_s)

    def stop(self) -> None:
        """Ends the process and all processes that it started, at once. A caller that waits for a reply gets
        ProcessError. The method may be called again."""
        self._kill()
        with self._pipes:  # the end of the process ends any reading, so this is not a wait
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()

    def _kill(self) -> int:
        """Kills the process if it still runs. Returns its exit status, or the negative number of the signal that ended
        it."""
        with self._stopping:
            if self._process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            return self._process.wait()

    def _read(self, limit_s: float) -> dict[str, Any]:
        stdout = self._process.stdout
        assert stdout
        poll = select.poll()
        poll.register(stdout, select.POLLIN)
        deadline = time.monotonic() + limit_s
        while b"\n" not in self._unread:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise TimeoutError
            piece = stdout.read(65536)
            if not piece and self._kill() == -signal.SIGPROF:
                raise TimeoutError
            if not piece:
                raise ProcessError(f"the {self._name} ended")
            self._unread += piece
        line, self._unread = self._unread.split(b"\n", 1)
        return json.loads(line)


START_S = 600.0  # importing sympy takes two seconds of processor time, which may be minutes on a busy machine
WAIT = 60  # seconds on the clock for a second of processor time
