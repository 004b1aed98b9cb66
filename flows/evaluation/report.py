"""Prints an evaluation on a terminal, and formats it as Markdown."""

from collections.abc import Sequence
from textwrap import wrap

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from redraft.flows.evaluation.evaluation import Evaluation
from redraft.flows.evaluation.table import Line, tables


def show(evaluation: Evaluation, console: Console) -> None:
    """Prints the comparison at the width of the console."""
    console.print(render(evaluation, console.width))


def render(evaluation: Evaluation, width: int = 100) -> RenderableType:
    """Returns the tables at a width of `width` characters, followed by the footnotes and the caveats."""
    parts: list[RenderableType] = [
        Text.assemble((evaluation.heading, "bold"), (f"  {evaluation.db}", "dim")),
        Text(""),
    ]
    for title, head, rows in tables(evaluation.methods, bool(evaluation.baselines)):
        parts += [Text(title, style="bold"), _table(head, _fit(head, rows, width)), Text("")]
    parts += [Text(note) for note in evaluation.footnotes()]
    return Group(*parts, *(Text(caveat, style="yellow") for caveat in evaluation.caveats()))


def markdown(evaluation: Evaluation) -> str:
    """Returns the tables as Markdown, followed by the footnotes and the caveats."""
    parts = [evaluation.heading, ""]
    for title, head, rows in tables(evaluation.methods, bool(evaluation.baselines)):
        lines = [head, ("---",) * len(head), *rows]
        parts += [f"{title}:", "", *("| " + " | ".join(line) + " |" for line in lines), ""]
    return "\n".join([*parts, *(f"- {line}" for line in (*evaluation.footnotes(), *evaluation.caveats()))])


def _table(head: Line, rows: list[Line]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column(head[0], no_wrap=True, overflow="fold")
    for name in head[1:]:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _fit(head: Line, rows: Sequence[Line], width: int) -> list[Line]:
    """Returns the rows with each method's name wrapped to the width that the other columns leave. If a name needs more
    lines than its method has rows, rows without numbers are added. A word is split only if it is longer than this
    width."""
    columns = list(zip(head, *rows, strict=True))[1:]
    room = max(NAME, width - sum(max(map(cell_len, column)) + 1 for column in columns) - 1)
    made: list[Line] = []
    left: list[str] = []
    for name, *row in [*rows, ("end",)]:
        if name:
            made += [(text, *[""] * len(columns)) for text in left]
            left = [piece for line in _words(name, room) for piece in wrap(line, room)]
        if row:
            made.append((left.pop(0) if left else "", *row))
    return made


def _words(name: str, room: int) -> list[str]:
    return wrap(name, room, break_long_words=False, break_on_hyphens=False)


NAME = 20  # minimum width of the column of names, in characters
