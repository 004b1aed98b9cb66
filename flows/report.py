"""A summary as people read it: a rich table on a terminal, plain text in a log, Markdown for a dashboard."""

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from redraft.flows.summary import Summary
from redraft.graders.statistics import Interval


def show(summary: Summary, console: Console) -> None:
    """Prints the summary in at most 100 columns."""
    console.print(render(summary))


def render(summary: Summary) -> RenderableType:
    """The summary's lines as one table, with what a reader has to know about them below."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(style="dim")
    for name, value, note in lines(summary):
        table.add_row(name, value, note)
    return Group(table, *(Text(note, style="yellow") for note in notes(summary)))


def markdown(summary: Summary) -> str:
    """The same as a Markdown table."""
    rows = [f"| {name} | {value} | {note} |" for name, value, note in lines(summary)]
    return "\n".join(["| | | |", "|---|---|---|", *rows, "", *notes(summary)])


def lines(summary: Summary) -> list[tuple[str, str, str]]:
    """Name, value and remark of every line."""
    s = summary
    made = [("problems", f"{s.problems:,}", ""), ("trajectories", f"{s.trajectories:,}", f"{s.redrafted:,} redrafted")]
    if s.first and s.last:
        made += [
            ("first draft right", *_share(s.first)),
            ("last draft right", *_share(s.last)),
            ("wrong to right", f"{s.wrong_to_right:,}", f"and right to wrong {s.right_to_wrong:,}"),
            ("pass@1", f"{s.pass_at_1:.1%}", ""),
            (f"pass@{s.samples}", f"{s.pass_at_k:.1%}", f"any of {s.samples} first drafts is right"),
            *((name, f"{value:.1%}", _among(s) if name == "majority" else "") for name, value in s.selectors.items()),
        ]
        if s.chosen:
            made.append(("the agent's pick", *_share(s.chosen)))
    return [
        *made,
        ("tokens written", f"{s.tokens:,}", f"{s.tokens_per_second:,.0f} a second"),
        ("time", f"{s.seconds:.1f} s", f"{s.calls:,} calls{_cost(s)}"),
        ("data", s.db, f"strategy {s.strategy}, model {s.model}"),
    ]


def notes(summary: Summary) -> list[str]:
    """What qualifies the numbers."""
    s = summary
    found = [f"{count:,} failed: {reason}" for reason, count in s.failures.items()]
    if found:
        found.append("What failed is in no accuracy above. The same command tries it again.")
    if s.oracle_used:
        found.append("The redrafts were told by the known answer (oracle_used): an upper bound, not a fair score.")
    if s.undecided:
        found.append(f"{s.undecided:,} drafts could not be compared with the known answer, and are left out.")
    if s.first is None:
        found.append("No problem here has a known answer, so that nothing is right or wrong.")
    elif s.graded_problems < s.problems:
        found.append(f"Accuracies are of {s.graded_problems:,} of {s.problems:,} problems.")
    return found


def _among(summary: Summary) -> str:
    return f"and below: chosen among {summary.samples} first drafts"


def _share(interval: Interval) -> tuple[str, str]:
    return f"{interval.estimate:.1%}", f"95% between {interval.low:.1%} and {interval.high:.1%}"


def _cost(summary: Summary) -> str:
    return f", ${summary.cost_usd:,.4f}" if summary.cost_usd else ""
