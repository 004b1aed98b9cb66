"""A trajectory for people: its question, its drafts step by step, what was said about them, and how they ended."""

import math
import re
from fractions import Fraction

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from redraft.store.records import Problem, Step, Stop, Trajectory, Verdict

LEGEND = (
    "✓ or ✗ before a step: whether its equation holds. Percentages: how sure the model was of its words.\n"
    "The verdict below a draft: its answer, compared with the known one."
)


def heading(name: str, problem: Problem) -> RenderableType:
    """A rule with the problem's level and subject, and its question."""
    facts = [f"level {problem.level}" if problem.level else "", problem.subject or ""]
    title = Text(" · ".join([name, *filter(None, facts)]), style="bold cyan")
    return Group(Rule(title, align="left", style="dim cyan"), Padding(Text(problem.question), (0, 0, 1, 0)))


def turn(path: Trajectory, number: int, verdict: Verdict | None = None, key: str | None = None) -> RenderableType:
    """One draft of a path: the feedback that it answers, its steps, its answer and what became of it."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=9, style="dim")
    table.add_column(width=1)
    table.add_column(ratio=1)
    table.add_column(justify="right", width=4, style="dim")
    said = path.feedback(number)
    if said:
        table.add_row("feedback", "", Text(f"“{said.text}”", style="yellow"), "")
    for index, step in enumerate(path.draft(number)):
        name = f"draft {number}" if index == 0 else ""
        table.add_row(name, mark(step.text), Text(step.text.strip()), sure(step))
    table.add_row("", "", _ending(path, number, verdict, key), "")
    return table


def mark(text: str) -> Text:
    """A tick where the step's equations hold, a cross where one does not, a dot where there is none."""
    held = [_holds(*match.groups()) for match in EQUATION.finditer(text)]
    if not held:
        return Text("·", style="dim")
    return Text("✓", style="green") if all(held) else Text("✗", style="red")


def sure(step: Step) -> str:
    """The probability a token, in the geometric mean."""
    if step.logprob is None or not step.tokens:
        return ""
    return f"{math.exp(step.logprob / step.tokens):.0%}"


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


def _holds(left: str, sign: str, right: str, result: str) -> bool:
    a, b, c = (Fraction(number.replace(",", "")) for number in (left, right, result))
    if sign in "/÷":
        return b != 0 and a == b * c
    return {"+": a + b, "-": a - b, "−": a - b}.get(sign, a * b) == c


NUMBER = r"(\d[\d,]*(?:\.\d+)?)"
EQUATION = re.compile(rf"(?<![\d.]){NUMBER}\s*([-+*/×÷−])\s*{NUMBER}\s*=\s*(-?\d[\d,]*(?:\.\d+)?)")
