"""Draws an evaluation as a picture: accuracy against tokens, calls and seconds, with intervals.

The picture needs matplotlib, which draws SVG and PNG with error bars and logarithmic axes. Only the extra
`redraft[plot]` installs matplotlib, because it takes 25 MB and most runs draw no picture.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redraft.flows.evaluation.evaluation import Evaluation
from redraft.flows.evaluation.history import Cost
from redraft.flows.evaluation.result import Baseline, MethodResult
from redraft.graders.statistics import Interval
from redraft.store.errors import RedraftError, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class PlotError(RedraftError):
    """Raised if a picture cannot be drawn."""


def check(file: str | Path, *, overwrite: bool = False) -> None:
    """Raises PlotError if `plot` could not write this file: its extension is unknown, its folder does not exist, the
    file exists and `overwrite` is false, or matplotlib is not installed."""
    if Path(file).suffix.lower() not in ENDINGS:
        raise PlotError(f"{file} is no picture that can be drawn: name it .svg, .png or .pdf")
    if Path(file).exists() and not overwrite:
        raise PlotError(f"{file} exists: name another, or replace it with --overwrite")
    if not Path(file).absolute().parent.is_dir():
        raise PlotError(f"{Path(file).parent} is no folder: make it, or name another")
    library()


def plot(evaluation: Evaluation, file: str | Path) -> None:
    """Writes the picture of an evaluation to an SVG, PNG or PDF file. The same numbers give the same bytes. Raises
    PlotError."""
    matplotlib = library()
    with matplotlib.rc_context(STYLE):
        figure = draw(evaluation)
        fixed = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        figure.savefig(file, dpi=160, metadata=fixed.get(Path(file).suffix.lower()))


def draw(evaluation: Evaluation) -> "Figure":
    """Returns the picture of an evaluation. It has a panel for each kind of cost, with all methods in each panel, and a
    legend below the panels."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    names = [_named(method, evaluation) for method in evaluation.methods]
    columns = max(1, min(3, LETTERS // (max(map(len, names), default=0) + 8)))
    lines = -(-(len(names) + len(evaluation.baselines)) // columns)
    figure = Figure(figsize=(11, 4.2 + 0.21 * lines), layout="constrained")
    panels: Sequence[Axes] = figure.subplots(1, len(COSTS), sharey=True)
    for panel, (label, amount) in zip(panels, COSTS.items(), strict=True):
        for baseline in evaluation.baselines:
            _vote(panel, baseline, amount, evaluation)
        for number, method in enumerate(evaluation.methods):
            _method(panel, method, names[number], number, amount)
        _axis(panel, label)
    panels[0].set_ylabel("right answers")
    panels[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)
    tasks = ", ".join(task or "unnamed" for task in evaluation.tasks)
    figure.suptitle(f"{plural(evaluation.problems, 'problem')} ({tasks}), 95% intervals", fontsize=11)
    return figure


def _method(panel: "Axes", method: MethodResult, name: str, number: int, amount: Callable[[Cost], float]) -> None:
    """Draws the points of a method and the line that joins its turns. If the method used an oracle, the points are
    hollow and the line is dashed."""
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number // len(COLOURS) % len(MARKERS)]
    rows = [row for row in method.rows if amount(row.cost) > 0]
    panel.errorbar(
        [amount(row.cost) for row in rows],
        [row.accuracy.estimate for row in rows],
        _errors([row.accuracy for row in rows]),
        label=name,
        color=colour,
        marker=marker,
        markersize=6,
        markerfacecolor="white" if method.oracle_used else colour,
        linestyle="--" if method.oracle_used else "-",
        linewidth=1.6,
        elinewidth=0.9,
        zorder=3,
    )


def _named(method: MethodResult, evaluation: Evaluation) -> str:
    several = len({one.model for one in evaluation.methods}) > 1
    name = f"{method.label} ({method.model})" if several else method.label
    return f"{name}, {_helped(method)} by an oracle" if method.oracle_used else name


def _helped(method: MethodResult) -> str:
    """Returns a word for the effect of an oracle in a method, such as "stopped"."""
    told = "told" if method.feedback == "oracle" else "stopped" if method.oracle_stops else ""
    chosen = "chosen" if method.oracle_chooses else ""
    return " and ".join(filter(None, (told, chosen))) or "seen"


def _vote(panel: "Axes", baseline: Baseline, amount: Callable[[Cost], float], evaluation: Evaluation) -> None:
    """Draws the accuracy of self-consistency against its cost, for several numbers of drafts, with a band of 95%
    intervals."""
    cost = amount(baseline.cost)
    if not cost:
        return
    name = "self-consistency" + (f" ({baseline.model})" if len(evaluation.baselines) > 1 else "")
    at = [cost * k for k in baseline.votes]
    found = list(baseline.votes.values())
    panel.plot(at, [one.estimate for one in found], color=GREY, linewidth=1.6, marker="|", label=name, zorder=2)
    panel.fill_between(at, [one.low for one in found], [one.high for one in found], color=GREY, alpha=0.18, lw=0)


def _axis(panel: "Axes", label: str) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    panel.set_xscale("log")
    panel.xaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5)))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:,g}"))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.set_xlabel(label)
    panel.grid(axis="y", color="#dddddd", linewidth=0.8)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


def _errors(found: Sequence[Interval]) -> list[list[float]]:
    """Returns two lists: the distances from the estimates to the lower bounds, and to the upper bounds. No distance is
    negative."""
    below = [max(0.0, one.estimate - one.low) for one in found]
    return [below, [max(0.0, one.high - one.estimate) for one in found]]


def library() -> Any:
    """Returns the module matplotlib. Raises PlotError if it is not installed."""
    try:
        import matplotlib
    except ImportError as error:
        raise PlotError("pictures need matplotlib: pip install 'redraft[plot]'") from error
    return matplotlib


ENDINGS = (".svg", ".png", ".pdf")
LETTERS = 165  # the width of the legend in characters
COSTS: dict[str, Callable[[Cost], float]] = {
    "tokens written a problem": lambda cost: cost.tokens,
    "calls a problem": lambda cost: cost.calls,
    "seconds of calls a problem, under load": lambda cost: cost.seconds,
}
GREY = "#777777"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""The colours of Okabe and Ito, which people with colour blindness can distinguish."""

MARKERS = ("o", "s", "^", "D")
STYLE = {"svg.fonttype": "none", "svg.hashsalt": "redraft", "font.size": 9.5, "legend.fontsize": 9}
