"""A summary as people read it: a rich table on a terminal, plain text in a log, Markdown for a dashboard."""

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from redraft.flows.display.plural import counted
from redraft.flows.summary.summary import Summary
from redraft.graders.statistics import Interval
from redraft.store.html import notes as remarks
from redraft.store.html import table


def show(summary: Summary, console: Console) -> None:
    """Prints the summary in at most 100 columns."""
    console.print(render(summary))


def render(summary: Summary) -> RenderableType:
    """The summary's lines as one table, with what a reader has to know about them below."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(style="dim")
    *rows, (last, path, facts) = lines(summary)
    for name, value, note in rows:
        table.add_row(name, value, note)
    data = Text.assemble((last, "bold"), f"  {path}  ", (facts, "dim"))  # a long path would leave no room for the rest
    return Group(table, data, *(Text(note, style="yellow") for note in notes(summary)))


def markdown(summary: Summary) -> str:
    """The same as a Markdown table."""
    rows = [f"| {name} | {value} | {note} |" for name, value, note in lines(summary)]
    return "\n".join(["| | | |", "|---|---|---|", *rows, "", *notes(summary)])


def html(summary: Summary) -> str:
    """The same as an HTML table."""
    return table(lines(summary)) + remarks(notes(summary))


def lines(summary: Summary) -> list[tuple[str, str, str]]:
    """Name, value and remark of every line."""
    s = summary
    made = [("problems", f"{s.problems:,}", ""), ("trajectories", f"{s.trajectories:,}", _stored(s))]
    if s.first and s.last:
        made += [
            ("first draft right", *_share(s.first)),
            ("last draft right", *_share(s.last)),
            ("wrong to right", f"{s.wrong_to_right:,}", f"and right to wrong {s.right_to_wrong:,}"),
            ("pass@1", f"{s.pass_at_1:.1%}", ""),
        ]
        if s.samples > 1:
            made.append((f"pass@{s.samples}", f"{s.pass_at_k:.1%}", f"any of {s.samples} first drafts is right"))
        if s.most_samples > 1:
            choices = s.selectors.items()
            made += [(name, f"{value:.1%}", _among(s) if name == "majority" else "") for name, value in choices]
    if s.chosen:
        made.append(("the agent's pick", *_share(s.chosen)))
    return [
        *made,
        ("tokens written", f"{s.tokens:,}", f"{s.tokens_per_second:,.0f} a second"),
        ("time", f"{s.seconds:.1f} s", f"{s.calls:,} calls{_cost(s)}"),
        ("data", s.db, f"strategy {s.strategy}{_parts(s)}, model {s.model}"),
    ]


def notes(summary: Summary) -> list[str]:
    """What qualifies the numbers."""
    s = summary
    found = [f"{count:,} failed: {reason}" for reason, count in s.failures.items()]
    if found:
        found.append("What failed is in no accuracy above. The same command tries it again.")
    if s.spent:
        found.append(f"{s.spent} What it did not reach is in no accuracy above; the same command goes on from here.")
    if s.ended_by_budget:
        found.append(
            f"{s.ended_by_budget:,} of {s.trajectories:,} trajectories ended by their problem's budget; those that had"
            " no draft by then are in no accuracy."
        )
    if s.oracle_used:
        found.append(f"{_oracle(s)} (oracle_used): an upper bound, not a fair score.")
    if s.drafts and not s.likelihoods and "likelihood" in (s.feedback, s.grader):
        found.append(
            "The model gave no log-probabilities: likelihood could not judge; choose another feedback or grader."
        )
    if s.ungraded:
        found.append(_ungraded(s))
    if s.undecided:
        found.append(f"{counted(s.undecided, 'draft')} could not be compared with the known answer: left out.")
    if not s.trajectories:
        found.append("The strategy gave no drafts.")
    if not s.known_problems:
        found.append("No problem here has a known answer, so that nothing is right or wrong.")
    elif (s.first or s.chosen) and s.graded_problems < s.problems:
        found.append(f"Accuracies are of {s.graded_problems:,} of {s.problems:,} problems.")
    return found


def _among(summary: Summary) -> str:
    few, many = summary.samples, summary.most_samples
    return f"and below: chosen among {few if few == many else f'{few} to {many}'} first drafts"


def _stored(summary: Summary) -> str:
    more = summary.asked is not None and summary.samples > summary.asked
    return f"{summary.redrafted:,} redrafted" + (f", {summary.samples} a problem stored" if more else "")


def _parts(summary: Summary) -> str:
    """The feedback and the grader, where the strategy has them."""
    named = {"feedback": summary.feedback, "grader": summary.grader}
    told = ", ".join(f"{part} {name}" for part, name in named.items() if name)
    return f" ({told})" if told else ""


def _oracle(summary: Summary) -> str:
    if summary.feedback == "oracle" and summary.redrafted:
        return "The redrafts were told by the known answer"
    return f"The known answer was used{' in choosing' if summary.grader == 'oracle' else ''}"


def _ungraded(summary: Summary) -> str:
    none = "" if summary.graded else ", and no other has one"
    have = f"{counted(summary.ungraded, 'draft')} {'has' if summary.ungraded == 1 else 'have'}"
    because = (summary.ungraded_because or "no reason was given").removesuffix(".")
    return f"{have} no grade by {summary.ungraded_by}{none}: mostly {because}."


def _share(interval: Interval) -> tuple[str, str]:
    return f"{interval.estimate:.1%}", f"95% between {interval.low:.1%} and {interval.high:.1%}"


def _cost(summary: Summary) -> str:
    return f", ${summary.cost_usd:,.4f}" if summary.cost_usd else ""
