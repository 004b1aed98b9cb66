"""A progress bar on a terminal, drawn with rich."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from redraft.flows.display.progress import (
    Counts,
    JsonLines,
    Lines,
    Plan,
    Progress,
    Tally,
    counts,
    describe,
    interrupted,
)
from redraft.store.problems import Problem
from redraft.store.trajectory import Trajectory
from redraft.store.unit import Unit


class Terminal:
    """A Progress that draws a bar on a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.tally = Tally()
        self._plan: Plan | None = None
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[facts]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self._task = self._bar.add_task("problems", facts="")

    def begin(self, plan: Plan) -> None:
        self._plan, self.tally = plan, Tally()
        self.say(describe(plan))
        self._bar.reset(self._task, total=plan.todo)
        self._bar.start()

    def draft(self, problem: Problem, trajectory: Trajectory) -> None: ...

    def unit(self, problem: Problem, unit: Unit) -> None:
        self.counted(problem.problem_id, unit.status, counts(unit))

    def counted(self, problem_id: str, status: str, counted: Counts) -> None:
        self.tally.add(counted)
        self._bar.update(self._task, advance=counted.problems, facts=self.tally.text())

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False)

    def end(self, status: str) -> None:
        self._bar.stop()
        if status == "interrupted" and self._plan:
            self.say(interrupted(self._plan, self.tally))


def watcher(json: bool, *, bar: bool = True) -> Progress:
    """Returns the Progress of a command: JSON lines if `json`, otherwise a bar if `bar` and standard error is a
    terminal, otherwise plain lines."""
    if json:
        return JsonLines()
    console = Console(stderr=True)
    return Terminal(console) if bar and console.is_terminal else Lines()
