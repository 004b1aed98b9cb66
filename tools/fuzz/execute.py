"""Runs inputs. Most run in a fork of this process, which has already imported the modules that commands need. The
others run as separate processes."""

import gc
import importlib
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from cases import TEMPLATE, Case

LIMIT_S = 120.0  # seconds after which an input counts as hanging
SEEN = "modules"  # the file with the names of the modules that a template input imported
KEPT = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an input. `code` is the exit code; if negative, it is the number of the signal that ended the
    program."""

    code: int
    out: str
    err: str
    late: bool = False  # True if it was ended because it took too long


@dataclass(slots=True)
class _Running:
    case: Case
    folder: Path
    started: float
    late: bool = False
    interrupted: bool = False


class Worker:
    """Runs inputs, each in its own folder, `workers` at a time."""

    def __init__(self, folder: Path, workers: int) -> None:
        self._folder, self._workers, self._count = folder, workers, 0

    def run(self, case: Case) -> Outcome:
        """Runs one input."""
        [(_, outcome)] = self.run_all([case])
        return outcome

    def run_all(self, cases: Iterable[Case]) -> Iterator[tuple[Case, Outcome]]:
        """Yields pairs of an input and its outcome, in the order in which the inputs end."""
        running: dict[int, _Running] = {}
        waiting = iter(cases)
        case = next(waiting, None)
        while case is not None or running:
            while case is not None and len(running) < self._workers:
                folder = self._laid_out(case)
                running[self._start(case, folder)] = _Running(case, folder, time.monotonic())
                case = next(waiting, None)
            ended = [pid for pid in running if _ended(pid, running[pid]) is not None]
            for pid in ended:
                one = running.pop(pid)
                yield one.case, self._outcome(one)
            if not ended:
                time.sleep(0.002)

    def _laid_out(self, case: Case) -> Path:
        """Returns a new folder with the input's files."""
        self._count += 1
        folder = self._folder / f"run{self._count}"
        (folder / "in").mkdir(parents=True)
        for name, data in case.files.items():
            file = folder / "in" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        return folder

    def _start(self, case: Case, folder: Path) -> int:
        env = {name: os.environ[name] for name in KEPT if name in os.environ}
        env |= {"COLUMNS": "100", "XDG_CACHE_HOME": str(self._folder / "cache"), "TMPDIR": str(folder), **case.env}
        sys.stdout.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until the command handles Ctrl-C
        pid = os.fork()
        if pid == 0:
            _child(case, folder, env)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return pid

    def _outcome(self, one: _Running) -> Outcome:
        out, err = (
            (one.folder / name).read_text("utf-8", "replace") if (one.folder / name).exists() else ""
            for name in ("out", "err")
        )
        code = int((one.folder / "code").read_text())
        if (one.folder / SEEN).exists():
            _import_seen(one.folder / SEEN)
        shutil.rmtree(one.folder, ignore_errors=True)
        return Outcome(code, out, err, one.late)


def _ended(pid: int, one: _Running) -> int | None:
    """Returns the exit code of a process that has ended, or None while it runs. Ends a process that takes too long."""
    done, status = os.waitpid(pid, os.WNOHANG)
    since = time.monotonic() - one.started
    if done:
        code = os.waitstatus_to_exitcode(status)
        (one.folder / "code").write_text(str(code))
        _end_group(pid)  # the processes that it has started
        return code
    if one.case.interrupt_s is not None and since > one.case.interrupt_s and not one.interrupted:
        one.interrupted = True
        os.kill(pid, signal.SIGINT)
    if since > LIMIT_S and not one.late:
        one.late = True
        _end_group(pid)
    return None


def _end_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _child(case: Case, folder: Path, env: dict[str, str]) -> NoReturn:
    """Runs one input in this fork, and exits."""
    code = 1
    try:
        os.setsid()
        os.chdir(folder / "in")
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if case.real:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        if case.real:
            command = [sys.executable, "-m", "redraft.flows.cli.start", *case.arguments]
            os.execve(command[0], command, env)
        os.environ.clear()
        os.environ.update(env)
        from redraft.flows.cli.main import run

        code = run(list(case.arguments))
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except BaseException:  # noqa: BLE001 - this is what Python itself does with it
        traceback.print_exc()
    finally:
        if case.kind == TEMPLATE:
            (folder / SEEN).write_text("\n".join(sys.modules))
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _import_seen(file: Path) -> None:
    """Imports the modules that a template input imported, once for all later forks."""
    for name in file.read_text().splitlines():
        if not name.startswith("_") and name not in sys.modules:
            with suppress(Exception):  # some modules exist only where a program made them
                importlib.import_module(name)
    gc.collect()
    gc.freeze()
