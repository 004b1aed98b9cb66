"""Prints a summary on a terminal or in a log, and writes it as Markdown for a dashboard."""

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from redraft.flows.summary.summary import Summary, caveats, lines


def show(summary: Summary, console: Console) -> None:
    """Prints the summary in at most 100 characters per line."""
    console.print(render(summary))


def render(summary: Summary) -> RenderableType:
    """Returns the lines of the summary as one table, followed by the caveats."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(style="dim")
    *rows, (last, file, facts) = lines(summary)
    for name, value, note in rows:
        table.add_row(name, value, note)
    data = Text.assemble((last, "bold"), f"  {file}  ", (facts, "dim"))  # a long file name may need the whole width
    return Group(table, data, *(Text(note, style="yellow") for note in caveats(summary)))


def markdown(summary: Summary) -> str:
    """Returns the summary as a Markdown table, followed by the caveats."""
    rows = [f"| {name} | {value} | {note} |" for name, value, note in lines(summary)]
    return "\n".join(["| | | |", "|---|---|---|", *rows, "", *caveats(summary)])
