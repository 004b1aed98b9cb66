"""Trajectories and tables as HTML, for notebooks: texts are escaped, and colours are transparent, so that they suit a
dark page and a light one."""

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # records show themselves by this module
    from redraft.store.trajectory import Grade, Step, Trajectory

GREEN, RED, AMBER = "rgba(40,160,80,{a})", "rgba(220,60,50,{a})", "rgba(200,140,20,{a})"
GREY = "rgba(130,130,130,{a})"
WORDS = {"right": ("✓ right", GREEN), "wrong": ("✗ wrong", RED), "undecided": ("? undecided", AMBER)}  # by verdicts
ORACLE = "oracle"
BOX = "max-width:60em;line-height:1.45;text-align:left"
SCALE = "A step's colour and number: its value, else the model's probability a token, from 0% (red) to 100% (green)."


def trajectory(path: "Trajectory") -> str:
    """The question, and each draft of the path: its steps, coloured by their values, its answer and its grades, and
    what was said between two drafts."""
    drafts = "".join(_draft(path, number) for number in range(1, path.turn + 1))
    return f'<div style="{BOX}">{_asked(path)}{drafts}{_note(SCALE)}</div>'


def trajectories(paths: "Sequence[Trajectory]", most: int = 50) -> str:
    """A line for each path with its answer, its grades and its length, which opens to the whole; the first is open. Of
    more than `most` paths the others are counted."""
    made = [_folded(path, number, opened=number == 1) for number, path in enumerate(paths[:most], 1)]
    rest = _note(f"and {len(paths) - most:,} more") if len(paths) > most else ""
    if not paths:
        return _note("no trajectories")
    return f'<div style="{BOX}">{_asked(paths[0])}{"".join(made)}{rest}{_note(SCALE)}</div>'


def table(rows: Sequence[Sequence[object]], head: Sequence[str] = (), caption: str = "", most: int = 200) -> str:
    """A table of texts and numbers, of which the first column is the name of the row. Of more than `most` rows the
    others are counted."""
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
    """A heading."""
    return f'<div style="font-weight:600;margin:.3em 0">{escape(text)}</div>'


def bar(share: float, facts: str, colour: str = GREEN) -> str:
    """A bar that is full to a `share` in [0, 1], with its facts beside it."""
    whole = f"background:{GREY.format(a='.25')};width:20em;height:.7em;border-radius:3px;display:inline-block"
    part = f"background:{colour.format(a='.8')};width:{share:.1%};height:100%;border-radius:3px;display:block"
    inside = f'<span style="{whole}"><span style="{part}"></span></span>'
    return f'<div style="margin:.2em 0">{inside} <span style="opacity:.8;margin-left:.5em">{escape(facts)}</span></div>'


def notes(lines: Sequence[str], colour: str = AMBER) -> str:
    """Remarks below a table, each a line with a coloured edge."""
    edge = f"border-left:3px solid {colour.format(a='.8')};padding-left:.6em;margin:.2em 0"
    return "".join(f'<div style="{edge}">{escape(line)}</div>' for line in lines)


def _asked(path: "Trajectory") -> str:
    style = "font-weight:600;white-space:pre-wrap;margin-bottom:.5em"
    return f'<div style="{style}">{escape(path.question.text)}</div>'


def _folded(path: "Trajectory", number: int, *, opened: bool) -> str:
    turns = f", {path.turn} drafts" if path.turn > 1 else ""
    steps = "1 step" if len(path.steps) == 1 else f"{len(path.steps)} steps"
    facts = f"{steps}, {path.tokens:,} tokens{turns}{'' if path.role == 'sample' else f', {path.role}'}"
    pick = " ★ chosen" if path.chosen else ""
    summary = f"{number}. {_answer(path, path.turn)} {_faint(facts)}{_faint(pick)}"
    style = "cursor:pointer;padding:.15em 0"
    inside = "".join(_draft(path, turn) for turn in range(1, path.turn + 1))
    return (
        f'<details{" open" if opened else ""} style="margin:.2em 0"><summary style="{style}">{summary}</summary>'
        f'<div style="margin:.3em 0 .6em 1.2em">{inside}</div></details>'
    )


def _draft(path: "Trajectory", turn: int) -> str:
    said = path.feedback(turn)
    values = _values(path, turn)
    steps = "".join(_step(step, value) for step, value in zip(path.draft(turn), values, strict=True))
    label = _faint(f"draft {turn}") if path.turn > 1 else ""
    grades = [
        _faint(f"{one.grader} {_number(one.value)}")
        for one in _of(path, turn)
        if one.value is not None and one.grader != ORACLE
    ]
    ending = f'<div style="margin:.3em 0 .8em">{_answer(path, turn)} {" · ".join(grades)}</div>'
    return f"{_remark(said) if said else ''}{label}{steps}{ending}"


def _step(step: "Step", value: float | None) -> str:
    """A step in its colour, with its number at the right."""
    colour = "transparent" if value is None else f"hsla({round(120 * value)},75%,45%,.26)"
    number = "" if value is None else f'<span style="opacity:.65;font-size:.85em">{value:.0%}</span>'
    box = f"display:flex;gap:1em;background:{colour};padding:.1em .5em;border-radius:3px;margin:1px 0"
    text = f'<span style="flex:1;white-space:pre-wrap">{escape(step.text.strip())}</span>'
    return f'<div style="{box}">{text}{number}</div>'


def _remark(said: "Step") -> str:
    edge = f"border-left:3px solid {AMBER.format(a='.8')};padding:.1em .6em;margin:.4em 0;white-space:pre-wrap"
    return f'<div style="{edge}">{_faint(f"feedback ({said.by})")} {escape(said.text)}</div>'


def _answer(path: "Trajectory", turn: int) -> str:
    """The answer of a draft, whether it is right if the oracle compared it, and how it ended if by no answer."""
    last = turn == path.turn
    answer = path.answer if last else path.answers[turn - 1]
    stop = path.stop if last else path.stops[turn - 1]
    told = "→ no answer" if answer is None else f"→ {answer}"
    verdict = next((one.verdict for one in _of(path, turn) if one.grader == ORACLE and one.verdict), None)
    badge = ""
    if verdict:
        word, colour = WORDS[verdict]
        style = f"background:{colour.format(a='.25')};border-radius:3px;padding:0 .4em;margin-left:.5em"
        badge = f'<span style="{style}">{word}</span>'
    why = "" if stop in (None, "answered") else stop.replace("_", " ")
    if last and stop == "failed":
        why = f"failed: {path.reason}"
    return f"<b>{escape(told)}</b>{badge} {_faint(why)}"


def _values(path: "Trajectory", turn: int) -> list[float | None]:
    """What each step of a draft is worth, in [0, 1]: the value that a search gave it, else a grader's, else the model's
    probability a token."""
    steps = path.draft(turn)
    graded = [one.steps for one in _of(path, turn) if len(one.steps) == len(steps)]
    given = graded[-1] if graded else [None] * len(steps)
    return [_worth(step, value) for step, value in zip(steps, given, strict=True)]


def _worth(step: "Step", graded: float | None) -> float | None:
    value = graded if step.value is None else step.value
    if value is None and step.logprob is not None and step.tokens:
        value = step.logprob / step.tokens
    if value is None or math.isnan(value):
        return None
    return math.exp(value) if value < 0 else min(value, 1.0)  # below 0 it is a log-probability


def _of(path: "Trajectory", turn: int) -> "list[Grade]":
    """The grades of one draft as a whole."""
    return [one for one in path.grades if one.turn == turn and one.step_id is None]


def _number(value: float) -> str:
    return f"{value:.3g}"


def _faint(text: str) -> str:
    return f'<span style="opacity:.65">{escape(text)}</span>' if text else ""


def _note(text: str) -> str:
    return f'<div style="opacity:.65;font-size:.85em">{escape(text)}</div>'
