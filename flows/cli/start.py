"""Starts the program `redraft`. It imports nothing else before Ctrl-C is told in one line."""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

STOPPED = 130  # as in signals.py, whose import would come too late


def main() -> NoReturn:
    """Runs the program. Ctrl-C ends it in order, even while it still imports or already ends."""
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
    store, would get the number of a stream, and what libraries print would go into that file."""
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
