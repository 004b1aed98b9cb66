"""Draws the table that `bench/scale/store.py` prints: processor seconds by trajectories, on logarithmic axes.

    python bench/scale/store.py --sizes 10000 100000 1000000 > table.md
    python bench/scale/store_picture.py table.md docs/scale.svg

A line parallel to the dotted lines is linear. The startup time, measured with the smallest store, is subtracted.
"""

import argparse
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from redraft.flows.plots.accuracy import COLOURS, GREY, STYLE

PANELS = {
    "Filters and exports": ("floor", "filter", "sft", "messages", "mended", "rise", "value"),
    "Views": ("pass_at_k", "best_of_n", "grader_bias", "corrections", "diversity", "step_quality", "first_errors"),
}
NAMES = {"floor": "hand-written statement"}


def read(table: str) -> tuple[list[int], dict[str, list[float]]]:
    """Returns the sizes of the stores, and a dict of the processor seconds of each command, minus those of the first
    store."""
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines() if "|" in line]
    head = next(row for row in rows if row[0].startswith("processor s"))
    sizes = [int(cell.replace(",", "")) for cell in head[1:] if cell != "exponent"]
    found = {}
    for name, *cells in rows[rows.index(head) + 1 :]:
        seconds = [float(cell.split(" / ")[0]) for cell in cells[: len(sizes)] if "/" in cell]
        if len(seconds) == len(sizes):
            found[name] = [max(each - seconds[0], 0.05) for each in seconds[1:]]
    return sizes[1:], found


def draw(sizes: list[int], found: dict[str, list[float]]) -> Figure:
    figure = Figure(figsize=(11, 5), layout="constrained")
    for panel, (title, names) in zip(figure.subplots(1, 2, sharey=True), PANELS.items(), strict=True):
        for start in (0.001, 0.01, 0.1, 1.0):
            linear = [start * size / sizes[0] for size in sizes]
            panel.plot(sizes, linear, color=GREY, linestyle=":", linewidth=0.8, zorder=1)
        for name, colour in zip([name for name in names if name in found], COLOURS, strict=False):
            dash = "--" if name == "floor" else "-"
            panel.plot(sizes, found[name], dash, color=colour, marker="o", markersize=4, label=NAMES.get(name, name))
        panel.set(xscale="log", yscale="log", title=title, xlabel="trajectories", ylim=(0.04, 300))
        panel.set_xticks(sizes, [f"{size:,}" for size in sizes])
        panel.minorticks_off()
        panel.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
        panel.legend(frameon=False, loc="upper left")
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
    figure.axes[0].set_ylabel("processor seconds")
    return figure


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help="what bench/scale/store.py printed")
    parser.add_argument("picture", type=Path, help="an SVG, PNG or PDF file")
    options = parser.parse_args()
    with mpl.rc_context(STYLE):  # pyright: ignore[reportArgumentType] - its keys are names of settings
        draw(*read(options.table.read_text())).savefig(options.picture, metadata={"Date": None})
