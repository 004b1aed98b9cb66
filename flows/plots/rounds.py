"""Draws a self-training loop: accuracy by round with its intervals, and next to it the diversity."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redraft.flows.plots.accuracy import COLOURS, GREY, STYLE, PlotError, library
from redraft.store.tables.sql import literal
from redraft.store.tables.store import Store

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = dict[str, Any]


def plot_rounds(store: Store, loop_id: str, file: str | Path) -> None:
    """Draws the views `collapse` and `alarms` of a loop to an SVG, PNG or PDF file. Raises PlotError if no round was
    measured, or if matplotlib is not installed."""
    matplotlib = library()
    found, sounding = (_rows(store, sql.format(loop_id=literal(loop_id))) for sql in (INDICATORS, ALARMS))
    if not found:
        raise PlotError(f"nothing to draw in {store.path}: no round of loop {loop_id} was measured")
    with matplotlib.rc_context(STYLE):
        fixed = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        draw(found, sounding).savefig(file, dpi=160, metadata=fixed.get(Path(file).suffix.lower()))


def draw(found: Sequence[Row], sounding: Sequence[Row]) -> "Figure":
    """Returns the picture. The left panel shows pass@1, the vote and pass@N by round. The right panel shows the
    measures of diversity and the loss on references, as ratios to the first round that has them. A dotted vertical line
    marks a round with an alarm; its label names the alarm."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    figure = Figure(figsize=(11, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    most = max((row["k"] for row in found if row["indicator"] == "pass_at_k"), default=1)
    shares = [("pass_at_k", most, f"pass@{most}"), ("majority", None, "majority vote"), ("pass_at_k", 1, "pass@1")]
    for (name, k, label), colour in zip(shares[most == 1 :], COLOURS, strict=False):
        _line(left, _series(found, name, k), label, colour)
    for (name, k, label), colour in zip(DIVERSITY, COLOURS, strict=False):
        _line(right, _ratios(_series(found, name, k)), label, colour)
    left.set_ylabel("right answers on held-out problems")
    left.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    right.set_ylabel("ratio to the first model")
    right.axhline(1, color=GREY, linewidth=0.8)
    alarms: dict[int, list[str]] = {}
    for row in sounding:
        alarms.setdefault(row["round"], []).append(row["alarm"].replace("_", " "))
    rounds = sorted({row["round"] for row in found})
    for panel in (left, right):
        panel.set_xticks(rounds, [_label(number, alarms) for number in rounds])
        panel.set_xlabel("round (0: the first model)")
        panel.grid(axis="y", color="#dddddd", linewidth=0.8)
        panel.set_axisbelow(True)
        panel.margins(x=0.08)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
        for number, label in zip(rounds, panel.get_xticklabels(), strict=True):
            if number in alarms:
                panel.axvline(number, color=RED, linestyle=":", linewidth=1.4, zorder=1)
                label.set_color(RED)
        panel.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3 if panel is left else 2)
    problems = max((row["problems"] for row in found if row["indicator"] == "pass_at_k"), default=0)
    figure.suptitle(f"{problems:,} held-out problems, {most} samples each, 95% intervals", fontsize=11)
    return figure


def _label(number: int, alarms: Mapping[int, Sequence[str]]) -> str:
    return "\n".join([str(number), *(["alarm:"] if number in alarms else []), *alarms.get(number, ())])


def _line(panel: "Axes", rows: Sequence[Row], label: str, colour: str) -> None:
    if not rows:
        return
    bounds = [
        [max(0.0, row["value"] - row["value_lo"]) for row in rows],
        [max(0.0, row["value_hi"] - row["value"]) for row in rows],
    ]
    panel.errorbar(
        [row["round"] for row in rows], [row["value"] for row in rows], bounds, label=label, color=colour, marker="o",
        markersize=5, linewidth=1.6, elinewidth=0.9, capsize=2,
    )  # fmt: skip


def _series(found: Sequence[Row], name: str, k: int | None) -> list[Row]:
    return [row for row in found if row["indicator"] == name and row["k"] == k and row["value_lo"] is not None]


def _ratios(rows: Sequence[Row]) -> list[Row]:
    """Returns the value 1 followed by the changes, each divided by the first value, with the paired intervals of the
    changes."""
    first = rows[0]["value"] if rows else 0
    if not first:
        return []
    return [
        {
            "round": row["round"],
            "value": 1 + (row["change"] or 0) / first,
            "value_lo": 1 + (row["change_lo"] or 0) / first,
            "value_hi": 1 + (row["change_hi"] or 0) / first,
        }
        for row in rows
    ]


def _rows(store: Store, sql: str) -> list[Row]:
    table = store.query(sql, patience=3600.0)
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


RED = "#b00020"
DIVERSITY = (
    ("entropy_bits", None, "entropy of answers"),
    ("distinct_ngrams", 4, "different 4-grams at equal length"),
    ("signatures", None, "different equations a problem"),
    ("reference_loss", None, "loss on reference solutions"),
    ("tokens", None, "length"),
)
INDICATORS = """
SELECT round, indicator, k, value, value_lo, value_hi, change, change_lo, change_hi, problems FROM collapse
WHERE loop_id = {loop_id} AND level IS NULL ORDER BY round, indicator, k"""
ALARMS = "SELECT round, alarm FROM alarms WHERE loop_id = {loop_id} AND sounds ORDER BY round, alarm"
