"""Starts the program `redraft`. It installs a handler that reports Ctrl-C in one line before it imports anything
slow."""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

STOPPED = 130  # the same value as in signals.py, which would be imported too late


def main() -> NoReturn:
    """Runs the program. Ctrl-C ends it with one line and exit code 130, also during imports and at exit."""
    signal.signal(signal.SIGINT, _stop)
    _open_closed_streams()
    from redraft.flows.cli.main import main as run

    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        run()
    except KeyboardInterrupt:
        _stop()
    finally:
        signal.signal(signal.SIGINT, _stop)


def _open_closed_streams() -> None:
    """Opens streams that the caller closed, as some schedulers do. Otherwise the next file that is opened, such as the
    store, would get the file descriptor of a stream, and the output of libraries would be written into that file."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - open as long as the program


def _stop(number: int = signal.SIGINT, frame: FrameType | None = None) -> NoReturn:
    os.write(2, b"redraft: stopped\n")
    os._exit(STOPPED)


if __name__ == "__main__":
    main()
