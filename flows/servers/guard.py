"""Runs a program until it ends or standard input is closed: `python -m redraft.flows.servers.guard PROGRAM ...`.

Standard input is a pipe from redraft. It is closed if redraft is killed, so that no server outlives redraft.
"""

import os
import signal
import subprocess
import sys
import threading
import time

TERMINATION_S = 5.0  # seconds between SIGTERM and SIGKILL


def main(words: list[str]) -> int:
    """Runs the program in this process group, and returns the program's exit code."""
    try:
        program = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    except OSError as error:
        print(f"{words[0]} cannot be started: {error.strerror}", flush=True)  # noqa: T201
        return 127
    signal.signal(signal.SIGTERM, lambda *_: None)  # the group also receives it; the program decides
    orphaned = threading.Event()
    threading.Thread(target=_end_with_input, args=[orphaned], daemon=True).start()
    code = program.wait()
    if orphaned.is_set():
        os.killpg(0, signal.SIGKILL)  # child processes may outlive the program
    return 128 - code if code < 0 else code


def _end_with_input(orphaned: threading.Event) -> None:
    while os.read(0, 1):  # unbuffered: a buffer's lock would be held at exit
        pass
    orphaned.set()
    os.killpg(0, signal.SIGTERM)
    time.sleep(TERMINATION_S)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
