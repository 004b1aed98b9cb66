"""Returns trajectories and tables as HTML, for notebooks. Texts are escaped. Colours are transparent, so that they suit
dark and light pages."""

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from redraft.store.errors import plural

if TYPE_CHECKING:  # trajectory imports this module
    from redraft.store.trajectory import Grade, Step, Trajectory

GREEN, RED, AMBER = "rgba(40,160,80,{a})", "rgba(220,60,50,{a})", "rgba(200,140,20,{a})"
GREY = "rgba(130,130,130,{a})"
WORDS = {"right": ("✓ right", GREEN), "wrong": ("✗ wrong", RED), "undecided": ("? undecided", AMBER)}  # by verdict
ORACLE = "oracle"
BOX = "max-width:60em;line-height:1.45;text-align:left"
SCALE = "A step's colour and number: its value, else the model's probability a token, from 0% (red) to 100% (green)."


def trajectory(trajectory: "Trajectory") -> str:
    """Returns the HTML of a trajectory: the question and each draft. A draft shows the feedback that it answers, its
    steps coloured by their values, its answer and its grades."""
    drafts = "".join(_draft(trajectory, number) for number in range(1, trajectory.turn + 1))
    return f'<div style="{BOX}">{_question(trajectory)}{drafts}{_note(SCALE)}</div>'


def trajectories(trajectories: "Sequence[Trajectory]", most: int = 50) -> str:
    """Returns HTML with one line for each trajectory: its answer and its length. A click on the line opens the whole
    trajectory; the first one is open. At most `most` trajectories are shown; the last line says how many more there
    are."""
    made = [_folded(trajectory, number, opened=number == 1) for number, trajectory in enumerate(trajectories[:most], 1)]
    rest = _note(f"and {len(trajectories) - most:,} more") if len(trajectories) > most else ""
    if not trajectories:
        return _note("no trajectories")
    return f'<div style="{BOX}">{_question(trajectories[0])}{"".join(made)}{rest}{_note(SCALE)}</div>'


def table(rows: Sequence[Sequence[object]], head: Sequence[str] = (), caption: str = "", most: int = 200) -> str:
    """Returns an HTML table of texts and numbers. The first column is the name of the row. At most `most` rows are
    shown; the last line says how many more there are."""
    cell = "padding:.15em .8em .15em 0;vertical-align:top;background:transparent"
    line = "border:0;background:transparent"

    def column(value: object, at: int) -> str:
        side = "right" if isinstance(value, int | float) and not isinstance(value, bool) else "left"
        text = "" if value is None else escape(str(value))
        return f'<td style="{cell};text-align:{side}{";font-weight:600" if at == 0 else ""}">{text}</td>'

    titles = "".join(f'<th style="{cell};text-align:left;opacity:.65">{escape(name)}</th>' for name in head)
    lines = [
        f'<tr style="{line}">{"".join(column(value, at) for at, value in enumerate(row))}</tr>' for row in rows[:most]
    ]
    header = f'<thead><tr style="{line}">{titles}</tr></thead>' if titles else ""
    below = _note(f"and {len(rows) - most:,} more rows") if len(rows) > most else ""
    style = "border-collapse:collapse;margin:.2em 0 .8em;color:inherit;font-size:inherit"
    grid = f'<table style="{style}">{header}<tbody>{"".join(lines)}</tbody></table>'
    return (title(caption) if caption else "") + grid + below


def title(text: str) -> str:
    """Returns the HTML of a heading."""
    return f'<div style="font-weight:600;margin:.3em 0">{escape(text)}</div>'


def bar(share: float, facts: str, colour: str = GREEN) -> str:
    """Returns the HTML of a progress bar that is filled to `share`, in [0, 1], with the text `facts` beside it."""
    whole = f"background:{GREY.format(a='.25')};width:20em;height:.7em;border-radius:3px;display:inline-block"
    part = f"background:{colour.format(a='.8')};width:{share:.1%};height:100%;border-radius:3px;display:block"
    inside = f'<span style="{whole}"><span style="{part}"></span></span>'
    return f'<div style="margin:.2em 0">{inside} <span style="opacity:.8;margin-left:.5em">{escape(facts)}</span></div>'


def notes(lines: Sequence[str], colour: str = AMBER) -> str:
    """Returns the HTML of remarks below a table. Each is a line with a coloured left border."""
    edge = f"border-left:3px solid {colour.format(a='.8')};padding-left:.6em;margin:.2em 0"
    return "".join(f'<div style="{edge}">{escape(line)}</div>' for line in lines)


def _question(trajectory: "Trajectory") -> str:
    style = "font-weight:600;white-space:pre-wrap;margin-bottom:.5em"
    return f'<div style="{style}">{escape(trajectory.question.text)}</div>'


def _folded(trajectory: "Trajectory", number: int, *, opened: bool) -> str:
    turns = f", {trajectory.turn} drafts" if trajectory.turn > 1 else ""
    steps = plural(len(trajectory.steps), "step")
    facts = (
        f"{steps}, {trajectory.tokens:,} tokens{turns}{'' if trajectory.role == 'sample' else f', {trajectory.role}'}"
    )
    pick = " ★ chosen" if trajectory.chosen else ""
    summary = f"{number}. {_answer(trajectory, trajectory.turn)} {_faint(facts)}{_faint(pick)}"
    style = "cursor:pointer;padding:.15em 0"
    inside = "".join(_draft(trajectory, turn) for turn in range(1, trajectory.turn + 1))
    return (
        f'<details{" open" if opened else ""} style="margin:.2em 0"><summary style="{style}">{summary}</summary>'
        f'<div style="margin:.3em 0 .6em 1.2em">{inside}</div></details>'
    )


def _draft(trajectory: "Trajectory", turn: int) -> str:
    feedback = trajectory.feedback(turn)
    values = _values(trajectory, turn)
    steps = "".join(_step(step, value) for step, value in zip(trajectory.draft(turn), values, strict=True))
    label = _faint(f"draft {turn}") if trajectory.turn > 1 else ""
    grades = [
        _faint(f"{grade.grader} {_number(grade.value)}")
        for grade in _draft_grades(trajectory, turn)
        if grade.value is not None and grade.grader != ORACLE
    ]
    ending = f'<div style="margin:.3em 0 .8em">{_answer(trajectory, turn)} {" · ".join(grades)}</div>'
    return f"{_feedback(feedback) if feedback else ''}{label}{steps}{ending}"


def _step(step: "Step", value: float | None) -> str:
    """Returns the HTML of a step: its text on a background coloured by `value`, with the value in percent at the
    right."""
    colour = "transparent" if value is None else f"hsla({round(120 * value)},75%,45%,.26)"
    number = "" if value is None else f'<span style="opacity:.65;font-size:.85em">{value:.0%}</span>'
    box = f"display:flex;gap:1em;background:{colour};padding:.1em .5em;border-radius:3px;margin:1px 0"
    text = f'<span style="flex:1;white-space:pre-wrap">{escape(step.text.strip())}</span>'
    return f'<div style="{box}">{text}{number}</div>'


def _feedback(feedback: "Step") -> str:
    edge = f"border-left:3px solid {AMBER.format(a='.8')};padding:.1em .6em;margin:.4em 0;white-space:pre-wrap"
    return f'<div style="{edge}">{_faint(f"feedback ({feedback.by})")} {escape(feedback.text)}</div>'


def _answer(trajectory: "Trajectory", turn: int) -> str:
    """Returns the HTML of a draft's answer, and the oracle's verdict if there is one. If the draft did not end with an
    answer, the text says why it ended."""
    last = turn == trajectory.turn
    answer = trajectory.answer if last else trajectory.answers[turn - 1]
    stop = trajectory.stop if last else trajectory.stops[turn - 1]
    shown = "→ no answer" if answer is None else f"→ {answer}"
    verdict = next(
        (grade.verdict for grade in _draft_grades(trajectory, turn) if grade.grader == ORACLE and grade.verdict), None
    )
    badge = ""
    if verdict:
        word, colour = WORDS[verdict]
        style = f"background:{colour.format(a='.25')};border-radius:3px;padding:0 .4em;margin-left:.5em"
        badge = f'<span style="{style}">{word}</span>'
    why = "" if stop in (None, "answered") else stop.replace("_", " ")
    if last and stop == "failed":
        why = f"failed: {trajectory.reason}"
    return f"<b>{escape(shown)}</b>{badge} {_faint(why)}"


def _values(trajectory: "Trajectory", turn: int) -> list[float | None]:
    """Returns a value in [0, 1], or None, for each step of a draft. It is the value that a search gave the step, else
    the value that a grader gave, else the geometric mean of the probabilities of the step's tokens."""
    steps = trajectory.draft(turn)
    graded = [grade.steps for grade in _draft_grades(trajectory, turn) if len(grade.steps) == len(steps)]
    given = graded[-1] if graded else [None] * len(steps)
    return [_step_value(step, value) for step, value in zip(steps, given, strict=True)]


def _step_value(step: "Step", graded: float | None) -> float | None:
    value = graded if step.value is None else step.value
    if value is None and step.logprob is not None and step.tokens:
        value = step.logprob / step.tokens
    if value is None or math.isnan(value):
        return None
    return math.exp(value) if value < 0 else min(value, 1.0)  # below 0 it is a log-probability


def _draft_grades(trajectory: "Trajectory", turn: int) -> "list[Grade]":
    """Returns the grades that judge one draft as a whole."""
    return [grade for grade in trajectory.grades if grade.turn == turn and grade.step_id is None]


def _number(value: float) -> str:
    return f"{value:.3g}"


def _faint(text: str) -> str:
    return f'<span style="opacity:.65">{escape(text)}</span>' if text else ""


def _note(text: str) -> str:
    return f'<div style="opacity:.65;font-size:.85em">{escape(text)}</div>'
