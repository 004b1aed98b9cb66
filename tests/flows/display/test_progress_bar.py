"""Progress on a terminal: what stands above the bar, what the bar counts, and which Progress a command gets."""

import io
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace
from rich.console import Console

from redraft.flows.display.progress import Counts, JsonLines, Lines, Plan
from redraft.flows.display.progress_bar import Terminal, watcher
from redraft.store.problems import Problem
from redraft.store.trajectory import Grade, Stop, Trajectory, Verdict
from redraft.store.unit import Unit

PLAN = Plan("run", problems=5, done=2, samples=4, strategy="correct", model="m", db="r.duckdb")
PROBLEM = Problem("1 + 1?", "2", problem_id="p")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def unit(verdict: Verdict, status: str = "done") -> Unit:
    """A unit with one draft, which is judged so."""
    draft = replace(Trajectory(PROBLEM.ask("u")).grow("#### 2", 0), stop=Stop.ANSWERED, answer="2")
    grade = Grade("oracle", draft.trajectory_id, 1, verdict=verdict)
    return Unit("u", "run", "recipe", "p", "", 1, 1, status, (draft,), (grade,), (), NOW, NOW)


@pytest.fixture
def shown() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def bar(shown: io.StringIO) -> Terminal:
    return Terminal(Console(file=shown, force_terminal=True, width=120, color_system=None))


def test_a_run_is_announced_and_its_bar_counts_what_is_left(bar: Terminal, shown: io.StringIO) -> None:
    bar.begin(PLAN)
    bar.unit(PROBLEM, unit(Verdict.RIGHT))
    bar.unit(PROBLEM, unit(Verdict.WRONG, "failed"))
    bar.end("finished")
    told = shown.getvalue()
    assert told.startswith("5 problems, 2 of them done before: correct on m, 4 samples each, into r.duckdb\n")
    assert "2/3" in told
    assert "50% right, 0 tokens/s, 1 failed" in told
    assert "Stopped" not in told


def test_a_run_that_is_stopped_says_what_is_done(bar: Terminal, shown: io.StringIO) -> None:
    bar.begin(PLAN)
    bar.unit(PROBLEM, unit(Verdict.RIGHT))
    bar.end("interrupted")
    stopped = "Stopped: 3 of 5 problems are in r.duckdb; the same command goes on from here."
    assert shown.getvalue().rstrip().endswith(stopped)


def test_an_end_before_the_beginning_says_nothing(bar: Terminal, shown: io.StringIO) -> None:
    bar.end("interrupted")
    assert "Stopped" not in shown.getvalue()


def test_a_second_run_counts_anew(bar: Terminal) -> None:
    bar.begin(PLAN)
    bar.unit(PROBLEM, unit(Verdict.RIGHT))
    bar.end("finished")
    bar.begin(PLAN)
    bar.end("finished")
    assert bar.tally.total == Counts()


def test_brackets_in_a_note_are_text(bar: Terminal, shown: io.StringIO) -> None:
    bar.say("[bold] is no markup [/]")
    assert shown.getvalue() == "[bold] is no markup [/]\n"


def test_without_a_terminal_a_command_writes_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)  # which would make a terminal of everything
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)
    assert isinstance(watcher(json=False), Lines)
    assert isinstance(watcher(json=False, bar=False), Lines)
    assert isinstance(watcher(json=True), JsonLines)
    assert capsys.readouterr() == ("", "")
