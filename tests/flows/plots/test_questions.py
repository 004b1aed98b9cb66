"""Questions as points: by principal components against the singular values, and by t-SNE, which keeps neighbours."""

import sys
from pathlib import Path

import numpy as np
import pytest

from redraft.flows.plots.accuracy import PlotError
from redraft.flows.plots.questions import MOST, check_plot, draw, pca, plot_questions, tsne


def groups(size: int = 30, dimensions: int = 64) -> np.ndarray:
    """Three groups of rows, far apart: each has a direction of its own."""
    rng = np.random.default_rng(3)
    centres = np.eye(3, dimensions) * 4
    return np.concatenate([centre + 0.3 * rng.normal(size=(size, dimensions)) for centre in centres]).astype(np.float32)


def test_principal_components_are_those_of_the_singular_values() -> None:
    rows = groups().astype(np.float64)
    left, sizes, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    expected = left[:, :2] * sizes[:2]
    found = pca(rows)
    assert np.abs(found) == pytest.approx(np.abs(expected), abs=1e-8)
    assert pca(rows[::-1])[::-1] == pytest.approx(found, abs=1e-8)  # the order of rows changes no sign


def test_two_components_are_those_with_the_largest_variance() -> None:
    spread = np.array([[3.0, 1.0, 0.1], [-3.0, 1.0, -0.1], [3.0, -1.0, -0.1], [-3.0, -1.0, 0.1]], np.float32)
    assert pca(spread + 7) == pytest.approx(spread[:, :2], abs=1e-5)


def test_t_sne_keeps_groups_apart_in_which_each_point_has_its_neighbours() -> None:
    places = tsne(groups())
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    nearest = np.argsort(apart, axis=1)[:, :5] // 30
    assert (nearest == np.arange(90)[:, None] // 30).all()


def test_the_same_numbers_have_the_same_places() -> None:
    assert (tsne(groups(10)) == tsne(groups(10))).all()


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 12])
@pytest.mark.parametrize("dimensions", [1, 2, 8])
@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.filterwarnings("error")
def test_few_alike_or_short_rows_have_places_too(number: int, dimensions: int, alike: bool) -> None:
    rng = np.random.default_rng(5)
    rows = np.ones((number, dimensions)) if alike else rng.normal(size=(number, dimensions))
    for project in (pca, tsne):
        places = project(rows.astype(np.float32))
        assert places.shape == (number, 2)
        assert np.isfinite(places).all()


def test_each_kind_is_drawn_in_its_colour_and_a_large_one_in_part() -> None:
    rng = np.random.default_rng(7)
    rows = {"base set": rng.normal(size=(MOST + 1, 4)), "fobar": rng.normal(size=(5, 4)), "none": np.zeros((0, 4))}
    figure = draw(rows)
    [panel] = figure.axes
    assert [len(np.asarray(points.get_offsets())) for points in panel.collections] == [MOST // 2 + 1, 5]
    assert [points.get_label() for points in panel.collections] == ["base set, 2,001 questions", "fobar, 5 questions"]
    assert len({tuple(np.asarray(points.get_facecolor())[0]) for points in panel.collections}) == 2


@pytest.mark.parametrize("projection", ["pca", "tsne"])
def test_a_picture_says_how_it_was_made_and_is_the_same_again(projection: str, tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        plot_questions({"base set": groups(8), "fobar": groups(4) + 1}, tmp_path / name, projection)  # type: ignore[arg-type]
    text = (tmp_path / "a.svg").read_text()
    assert {"pca": "first two principal components", "tsne": "t-SNE"}[projection] in text
    assert text == (tmp_path / "b.svg").read_text()


def test_without_the_package_a_line_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    with pytest.raises(PlotError, match=r"t-SNE needs the package openTSNE.*pip install 'redraft\[tsne\]'"):
        check_plot(tmp_path / "a.svg", "tsne")
    check_plot(tmp_path / "a.svg", "pca")
