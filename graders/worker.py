"""One killable process that compares answers: started, asked with a time limit, stopped. Blocking; use in a thread."""

import json
import select
import subprocess
import sys
import threading
import time
from typing import Any


class WorkerError(Exception):
    """The process ended, or did not start; the message says which."""


class Worker:
    """A running `redraft.graders.symbolic`. Raises WorkerError if it does not start within a minute."""

    def __init__(self, memory_mb: int) -> None:
        command = [sys.executable, "-P", "-m", "redraft.graders.symbolic", str(memory_mb)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self._unread = b""
        self._pipes = threading.Lock()  # held while they are read, so that another thread's `stop` waits to close them
        try:
            hello = self._read(START_S)
        except TimeoutError as error:
            self.stop()
            raise WorkerError(f"the checker did not start within {START_S:g} s") from error
        if "failed" in hello:
            self.stop()
            raise WorkerError(f"the checker cannot start: {hello['failed']}")

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, gold: str, given: str, limit_s: float) -> dict[str, Any]:
        """The reply to one comparison. Raises TimeoutError after `limit_s` seconds, and WorkerError if the process
        ends; after either, only `stop` may be called."""
        request = json.dumps({"gold": gold, "given": given, "limit_s": limit_s}) + "\n"
        stdin = self._process.stdin
        assert stdin
        with self._pipes:
            try:
                if stdin.closed:
                    raise BrokenPipeError
                stdin.write(request.encode())
            except OSError as error:
                raise WorkerError("the checker ended") from error
            return self._read(limit_s)

    def stop(self) -> None:
        """Ends the process at once, whatever it is doing; who waits for it gets WorkerError. Harmless when repeated."""
        self._process.kill()
        self._process.wait()
        with self._pipes:  # the end of the process ends any reading, so this is not a wait
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    pipe.close()

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
            if not piece:
                raise WorkerError("the checker ended")
            self._unread += piece
        line, self._unread = self._unread.split(b"\n", 1)
        return json.loads(line)


START_S = 60.0  # importing sympy takes two seconds, more on a busy machine
