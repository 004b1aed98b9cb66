"""Renders a trajectory for people: its question, each draft step by step, the feedback, and the answers."""

import math
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from redraft.store.problems import Problem
from redraft.store.tables.rows.equations import equations
from redraft.store.trajectory import Step, Stop, Trajectory, Verdict

LEGEND = (
    "✓ ✗ before a step: does its equation hold? Percentages: how sure the model was of its words.\n"
    "→ The answer, compared with the known one."
)

TREE_LEGEND = """\
At the left the place of each step in the tree: 0.2 is the third of those that follow 0. ✓ ✗: does its equation hold?
At the right its value, from 0 to 1."""


def heading(name: str, problem: Problem) -> RenderableType:
    """Returns a horizontal line with the problem's level and subject, and the question below it."""
    facts = [f"level {problem.level}" if problem.level else "", problem.subject or ""]
    title = Text(" · ".join([name, *filter(None, facts)]), style="bold cyan")
    return Group(Rule(title, align="left", style="dim cyan"), Padding(Text(problem.question), (0, 0, 1, 0)))


def turn(path: Trajectory, number: int, verdict: Verdict | None = None, key: str | None = None) -> RenderableType:
    """Returns one draft of a trajectory: the feedback that it answers, its steps, its answer, and the verdict on it."""
    said = path.feedback(number)
    steps = [step_line(step, f"draft {number}" if index == 0 else "") for index, step in enumerate(path.draft(number))]
    return Group(*([feedback_line(said)] if said else []), *steps, ending(path, number, verdict, key))


def step_line(step: Step, label: str = "") -> RenderableType:
    """Returns a step with its mark (see `mark`) and the mean probability of its tokens."""
    line = _grid()
    line.add_row(label, mark(step.text), Text(step.text.strip()), _likelihood([step]))
    return line


def branch_line(path: Trajectory) -> RenderableType:
    """Returns the last step of a branch in a tree: its step id, its value, and its answer or the reason why the
    trajectory ended."""
    line, step = _grid(), path.steps[-1]
    text = Text("  " * (step.depth - 1) + step.text.strip())
    if path.answer is not None:
        text.append(f"   → {path.answer}", style="bold")
    elif path.stop is not None:
        text.append(f"   {path.reason or path.stop.replace('_', ' ')}", style="dim")
    place = step.step_id.removeprefix(path.question.root)
    line.add_row(place[-9:], mark(step.text), text, "" if path.score is None else f"{path.score:.2f}")
    return line


def feedback_line(step: Step) -> RenderableType:
    """Returns the feedback between two drafts."""
    line = _grid()
    line.add_row("feedback", "", Text(f"“{step.text}” ({step.by})", style="yellow"), "")
    return line


def ending(
    path: Trajectory, number: int | None = None, verdict: Verdict | None = None, key: str | None = None
) -> RenderableType:
    """Returns the answer of one draft (by default the last draft), and whether the answer is right."""
    line = _grid()
    number = path.turn if number is None else number
    line.add_row("", "", _ending(path, number, verdict, key), _likelihood(path.draft(number)))
    return line


def _likelihood(draft: Sequence[Step]) -> str:
    """Returns the model's confidence in a draft as text: the geometric mean of the probabilities of its tokens."""
    known = [(step.logprob, step.tokens) for step in draft if step.logprob is not None]
    tokens = sum(count for _, count in known)
    return f"{math.exp(sum(logprob for logprob, _ in known) / tokens):.0%}" if tokens else ""


def _grid() -> Table:
    line = Table.grid(padding=(0, 1), expand=True)
    line.add_column(width=9, style="dim")
    line.add_column(width=1)
    line.add_column(ratio=1)
    line.add_column(justify="right", width=4, style="dim")
    return line


def mark(text: str) -> Text:
    """Returns a tick if all equations of the step hold, a cross if one does not hold, and a dot if there are none."""
    held = [holds for _, holds in equations(text)]
    if not held:
        return Text("·", style="dim")
    return Text("✓", style="green") if all(held) else Text("✗", style="red")


def _ending(path: Trajectory, number: int, verdict: Verdict | None, key: str | None) -> Text:
    last = number == path.turn
    answer = path.answer if last else path.answers[number - 1]
    stop = path.stop if last else path.stops[number - 1]
    if stop is Stop.FAILED:
        return Text(f"failed: {path.reason}", style="bold red")
    text = Text("→ no answer" if answer is None else f"→ {answer}", style="bold")
    if verdict is Verdict.RIGHT:
        return text.append("   ✓ right", style="bold green")
    if verdict is Verdict.WRONG:
        return text.append(f"   ✗ wrong{f': it is {key}' if key else ''}", style="bold red")
    return text.append("   cut at the token limit" if stop is Stop.LENGTH else "", style="yellow")
