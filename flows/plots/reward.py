"""Draws two charts of graders: the accuracy of the best of k drafts by each grader, and the correlation of the grader's
values with the length of drafts."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redraft.flows.plots.accuracy import COLOURS, STYLE, PlotError, library
from redraft.store.tables.store import Store

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = dict[str, Any]


def plot_rewards(store: Store, file: str | Path) -> None:
    """Draws the views `reward_by_n` and `grader_bias` of a store to an SVG, PNG or PDF file, for the last drafts of all
    recipes. Raises PlotError if no independent samples were graded, or if matplotlib is not installed."""
    matplotlib = library()
    by_n, bias = _rows(store, BY_N), _rows(store, BIAS)
    if not by_n:
        raise PlotError(f"nothing to draw in {store.path}: grade independent samples first, by more than the oracle")
    with matplotlib.rc_context(STYLE):
        fixed = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        draw(by_n, bias).savefig(file, dpi=160, metadata=fixed.get(Path(file).suffix.lower()))


def draw(by_n: Sequence[Row], bias: Sequence[Row]) -> "Figure":
    """Returns the picture. The left panel shows, for each k, the accuracy of the grader's best of k drafts (solid
    line), and its value by the grader (dashed line) if values are probabilities. The right panel shows the correlation
    of length with the grader's value, and with being right."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter, ScalarFormatter

    names = list(dict.fromkeys(row["name"] for row in by_n))
    figure = Figure(figsize=(11, 4.4 + 0.2 * len(names)), layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, name in enumerate(names):
        _by_n(left, [row for row in by_n if row["name"] == name], name, COLOURS[number % len(COLOURS)])
    left.set_xscale("log", base=2)
    left.xaxis.set_major_formatter(ScalarFormatter())
    left.set_xlabel("samples to choose from")
    left.set_ylabel("right answers (solid), the grader's value (dashed)")
    left.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    _bias(right, bias)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(names)), frameon=False)
    for panel in (left, right):
        panel.grid(axis="both", color="#dddddd", linewidth=0.8)
        panel.set_axisbelow(True)
    return figure


def _by_n(panel: "Axes", rows: Sequence[Row], name: str, colour: str) -> None:
    ks = [row["k"] for row in rows]
    panel.plot(ks, [row["accuracy"] for row in rows], color=colour, marker="o", markersize=4, label=name)
    if all(0 <= row["value"] <= 1 for row in rows):
        panel.plot(ks, [row["value"] for row in rows], color=colour, linestyle="--", linewidth=1.2)


def _bias(panel: "Axes", rows: Sequence[Row]) -> None:
    """Draws two bars for each grader: the correlation of length with the grader's value, and the correlation of length
    with being right."""
    places = range(len(rows))
    for name, shift, colour in (("length_value", -0.2, COLOURS[1]), ("length_right", 0.2, "#777777")):
        panel.barh([place + shift for place in places], [row[name] or 0.0 for row in rows], 0.36, color=colour)
    panel.set_yticks(list(places), [row["name"] for row in rows])
    panel.invert_yaxis()
    panel.axvline(0, color="#000000", linewidth=0.8)
    panel.set_xlabel("correlation with length: of its value, and (grey) of being right")


def _rows(store: Store, sql: str) -> list[Row]:
    table = store.query(sql, patience=3600.0)
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


NAME = "concat_ws(' ', grader, grader_model, 'of', strategy, nullif(replicate, ''), substr(recipe, 1, 4))"
BY_N = f"SELECT {NAME} AS name, k, value, accuracy FROM reward_by_n WHERE draft = 'last' ORDER BY name, k"
BIAS = f"SELECT {NAME} AS name, length_value, length_right FROM grader_bias WHERE draft = 'last' ORDER BY name"
