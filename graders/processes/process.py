"""A process that answers requests and can be killed. All methods block, so they must be called in a thread."""

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
    """A process that runs a module, such as `redraft.graders.answers.math_verify_process`, in its own process group.
    `name` is its name in error messages. Raises ProcessNotStarted if the process ends while it starts, or does not
    start within ten minutes."""

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
        self._pipes = threading.Lock()  # held while they are read; `stop` waits for it before closing them
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

        The process limits its own processor time to `limit_s`: SIGPROF ends it. The request also has `wait_s`, a limit
        of wall-clock time in seconds, which ends a process that waits forever. `wait_s` is so long that a busy machine
        alone does not make a request exceed it.
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
        """Kills the process and all processes that it started. A caller that waits for a reply gets ProcessError.
        `stop` may be called again."""
        self._kill()
        with self._pipes:  # reading ends when the process ends, so this does not wait long
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


START_S = 600.0  # importing sympy takes two seconds of processor time, but maybe minutes on a busy machine
WAIT = 60  # seconds of wall-clock time for each second of processor time
