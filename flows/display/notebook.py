"""Progress for runs that Python code starts: a display that is updated in place in a notebook, lines at a terminal, and
only notes anywhere else."""

import asyncio
import sys
import threading
from dataclasses import dataclass
from typing import Any

from redraft.flows.display.progress import Counts, Lines, Notes, Plan, Progress, Tally, counts, describe, interrupted
from redraft.store.errors import plural
from redraft.store.html import GREEN, GREY, bar, notes, title
from redraft.store.problems import Problem
from redraft.store.trajectory import Trajectory
from redraft.store.unit import Unit

PAUSE_S = 0.2  # minimum seconds between two updates of the display
MOST_NOTES = 20


def suited(progress: Progress | None) -> Progress:
    """Returns `progress` unless it is None. For None, returns a Notebook in a notebook, Lines at a terminal, and
    otherwise Notes."""
    if progress is not None:
        return progress
    if in_notebook():
        return Notebook()
    return Lines() if sys.stderr is not None and sys.stderr.isatty() else Notes()


def in_notebook() -> bool:
    """Returns True if this process is the kernel of a notebook. The check imports no module."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


@dataclass(slots=True)
class _Run:
    """One of the runs that the display shows. `evaluate` starts several runs."""

    plan: Plan
    tally: Tally
    drafts: int = 0
    status: str = ""
    seconds: float = 0.0  # the duration of the run; 0 until it has ended


class Notebook:
    """A Progress that shows a bar for each run in a notebook, and updates it in place."""

    def __init__(self) -> None:
        self._runs: list[_Run] = []
        self._notes: list[str] = []
        self._loop = _running_loop()
        self._thread = threading.get_ident()
        self._waits = False  # an update of the display is scheduled
        self._shown: Any = None  # the handle of the display, after the first update

    def begin(self, plan: Plan) -> None:
        self._runs.append(_Run(plan, Tally()))
        self._picture()

    def draft(self, problem: Problem, trajectory: Trajectory) -> None:
        self._runs[-1].drafts += 1
        self._changed()

    def unit(self, problem: Problem, unit: Unit) -> None:
        self.counted(problem.problem_id, unit.status, counts(unit))

    def counted(self, problem_id: str, status: str, counted: Counts) -> None:
        self._runs[-1].tally.add(counted)
        self._changed()

    def say(self, text: str) -> None:
        self._notes.append(text)
        self._changed(at_once=True)

    def end(self, status: str) -> None:
        if self._runs:
            self._runs[-1].status, self._runs[-1].seconds = status, self._runs[-1].tally.seconds
        self._picture()

    def _changed(self, *, at_once: bool = False) -> None:
        """Schedules an update of the display. Changes within PAUSE_S seconds share one update."""
        if self._loop is None or self._loop.is_closed():
            self._picture()
        elif threading.get_ident() != self._thread:
            self._loop.call_soon_threadsafe(self._changed)
        elif at_once:
            self._picture()
        elif not self._waits:
            self._waits = True
            self._loop.call_later(PAUSE_S, self._picture)

    def _picture(self) -> None:
        from IPython.display import display  # every notebook has IPython

        self._waits = False
        if self._shown is None:
            self._shown = display(self, display_id=True)
        else:
            self._shown.update(self)

    def __repr__(self) -> str:
        return "\n".join([*self._notes[-MOST_NOTES:], *(_line(run) for run in self._runs)])

    def _repr_html_(self) -> str:
        runs = "".join(title(describe(run.plan)) + bar(_share(run), _facts(run), _colour(run)) for run in self._runs)
        stopped = [interrupted(run.plan, run.tally) for run in self._runs if run.status == "interrupted"]
        return runs + notes([*self._notes[-MOST_NOTES:], *stopped])


def _share(run: _Run) -> float:
    return run.tally.problems / run.plan.todo if run.plan.todo else 1.0


def _colour(run: _Run) -> str:
    return GREY if run.status in ("", "finished") and not run.plan.todo else GREEN


def _facts(run: _Run) -> str:
    """Returns the counts of a run as text."""
    if not run.plan.todo:
        return "all done before"
    seconds = run.seconds or run.tally.seconds
    left = seconds / run.tally.problems * (run.plan.todo - run.tally.problems) if run.tally.problems else 0.0
    ahead = f", about {_clock(left)} left" if left and not run.status else ""
    drafts = f", {plural(run.drafts, 'draft')}" if run.drafts else ""
    status = "" if run.status in ("", "finished") else f" ({run.status})"
    done = f"{run.tally.problems:,} of {plural(run.plan.todo, run.plan.noun)}{drafts}, {run.tally.text()}"
    return f"{done}, {_clock(seconds)}{ahead}{status}"


def _line(run: _Run) -> str:
    return f"{describe(run.plan)}: {_facts(run)}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
