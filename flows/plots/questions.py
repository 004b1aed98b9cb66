"""Draws the questions of a store as points. The distances between points show how different the questions are."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from redraft.flows.plots.accuracy import COLOURS, GREY, STYLE, PlotError, check, library
from redraft.store.errors import plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Projection = Literal["pca", "tsne"]
MOST = 2_000  # maximum number of points per kind
TITLES = {"pca": "first two principal components", "tsne": "t-SNE"}


def check_plot(file: str | Path, projection: Projection, *, overwrite: bool = False) -> None:
    """Raises PlotError if `plot_questions` could not write this file, or if a package is not installed."""
    check(file, overwrite=overwrite)
    if projection == "tsne":
        _tsne_class()


def plot_questions(vectors: Mapping[str, np.ndarray], file: str | Path, projection: Projection = "pca") -> None:
    """Draws embeddings by kind, each an array of shape (N, d), to an SVG, PNG or PDF file. The same numbers give the
    same bytes. Raises PlotError."""
    matplotlib = library()
    with matplotlib.rc_context(STYLE):
        fixed = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        draw(vectors, projection).savefig(file, dpi=160, metadata=fixed.get(Path(file).suffix.lower()))


def draw(vectors: Mapping[str, np.ndarray], projection: Projection = "pca") -> "Figure":
    """Returns the picture: a point for each question, in the colour of its kind. The first kind, the base set, is grey.
    If a kind has more than MOST questions, only every second, third, and so on is drawn."""
    from matplotlib.figure import Figure

    shown = {name: found[:: -(-len(found) // MOST) or 1] for name, found in vectors.items() if len(found)}
    places = (pca if projection == "pca" else tsne)(np.concatenate(list(shown.values())))
    figure = Figure(figsize=(8, 6.4), layout="constrained")
    panel = figure.subplots()
    start = 0
    for number, (name, found) in enumerate(shown.items()):
        own = places[start : start + len(found)]
        start += len(found)
        colour = COLOURS[(number - 1) % len(COLOURS)] if number else GREY
        label = f"{name}, {plural(len(vectors[name]), 'question')}"
        panel.scatter(own[:, 0], own[:, 1], s=14, color=colour, alpha=0.7, linewidths=0, label=label)
    panel.set_xticks([])
    panel.set_yticks([])
    panel.set_title(f"Embeddings of questions, {TITLES[projection]}", fontsize=11)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def pca(vectors: np.ndarray) -> np.ndarray:
    """Returns the first two principal components of the rows, shape (N, 2). To fix the signs, the component of each
    direction with the largest absolute value is positive."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, directions = np.linalg.eigh(centred.T @ centred)
    first = directions[:, ::-1][:, :2]
    if first.shape[1] < 2:  # embeddings with a single component
        first = np.hstack([first, np.zeros((len(first), 1))])
    largest = np.abs(first).argmax(axis=0)
    signs = np.where(first[largest, [0, 1]] < 0, -1.0, 1.0)
    return centred @ (first * signs)


def tsne(vectors: np.ndarray) -> np.ndarray:
    """Returns the rows in two dimensions by t-SNE (van der Maaten and Hinton 2008), initialized with the principal
    components, shape (N, 2). If there are fewer than four distinct rows, t-SNE is not meaningful, and the principal
    components are returned. Raises PlotError if openTSNE is not installed."""
    method, begun = _tsne_class(), pca(vectors)
    if len(np.unique(vectors, axis=0)) < 4:
        return begun
    perplexity = min(30.0, (len(vectors) - 1) / 3)
    begun *= 1e-4 / begun[:, 0].std()
    return np.asarray(
        method(perplexity=perplexity, initialization=begun, random_state=0).fit(vectors.astype(np.float64))
    )


def _tsne_class() -> Any:
    try:
        from openTSNE import TSNE  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as error:
        cure = "pip install 'redraft[tsne]', or take --projection pca"
        raise PlotError(f"t-SNE needs the package openTSNE, which is not installed: {cure}") from error
    return TSNE
