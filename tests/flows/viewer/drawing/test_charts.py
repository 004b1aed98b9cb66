"""Charts as SVG: what is where."""

import re
from xml.etree import ElementTree

import pytest

from redraft.flows.viewer.drawing.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Chart, Series, _Axis


def drawn(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(chart.svg())


def dots(root: ElementTree.Element) -> list[tuple[float, float]]:
    return [(float(each.get("cx", "")), float(each.get("cy", ""))) for each in root.iter("circle")]


def texts(root: ElementTree.Element, kind: str) -> list[str]:
    return [each.text or "" for each in root.iter("text") if kind in each.get("class", "").split()]


def test_points_lie_where_their_values_are() -> None:
    line = Series("a", [(0, 0.0, None, None), (1, 0.5, 0.25, 0.75), (2, 1.0, None, None)])
    root = drawn(Chart("Accuracy", "turn", "accuracy", [line], share=True))
    assert dots(root) == [
        (LEFT, HEIGHT - BOTTOM),
        (LEFT + (WIDTH - RIGHT - LEFT) / 2, TOP + (HEIGHT - BOTTOM - TOP) / 2),
        (WIDTH - RIGHT, TOP),
    ]
    [whisker] = [each.get("d", "") for each in root.iter("path") if "whisker" in each.get("class", "")]
    x, low, high = (float(number) for number in re.findall(r"[\d.]+", whisker))
    quarter = (HEIGHT - BOTTOM - TOP) / 4
    assert (x, low, high) == pytest.approx((LEFT + (WIDTH - RIGHT - LEFT) / 2, TOP + 3 * quarter, TOP + quarter))
    assert texts(root, "end") == ["0%", "20%", "40%", "60%", "80%", "100%"]
    assert root.get("aria-label") == "Accuracy: accuracy by turn"


def test_a_logarithmic_axis_has_powers_of_two_at_equal_distances() -> None:
    line = Series("a", [(k, k / 8, None, None) for k in (1, 2, 4, 8)])
    root = drawn(Chart("pass@k", "k", "pass@k", [line], log=True, share=True))
    places = [x for x, _ in dots(root)]
    third = (WIDTH - RIGHT - LEFT) / 3
    assert places == pytest.approx([LEFT + third * number for number in range(4)], abs=0.06)
    assert texts(root, "middle") == ["1", "2", "4", "8", "k"]


def test_names_stand_for_whole_numbers_and_at_most_eight_are_shown() -> None:
    line = Series("a", [(float(day), 1.0, None, None) for day in range(20)])
    root = drawn(Chart("Cost", "day", "dollars", [line], names=[f"d{day}" for day in range(20)]))
    assert texts(root, "middle")[:-1] == [f"d{day}" for day in range(0, 20, 3)]


def test_names_of_series_are_texts() -> None:
    line = Series("<script>alert(1)</script>", [(1.0, 1.0, None, None)])
    picture = Chart('"><script>', "x", "y", [line]).svg()
    assert "<script" not in picture
    assert dots(ElementTree.fromstring(picture)) != []


@pytest.mark.parametrize("values", [[0.0], [5.0], [0.0, 0.0], [-1.0, -1.0], [1e-9, 3e-9], [1.0, 1e9], [-2.0, 7.0]])
def test_any_values_have_ticks_within_the_picture(values: list[float]) -> None:
    axis = _Axis.over(values, HEIGHT - BOTTOM, TOP, round_ends=True)
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 11
    assert all(TOP - 0.01 <= axis.at(value) <= HEIGHT - BOTTOM + 0.01 for value in [*ticks, *values])


def test_a_chart_without_points_is_empty() -> None:
    assert Chart("a", "x", "y", []).empty
    assert Chart("a", "x", "y", [Series("a", [])]).empty
    assert not Chart("a", "x", "y", [Series("a", [(1, 1, None, None)])]).empty


def test_dashed_lines_are_told_apart() -> None:
    points = [(0.0, 0.0, None, None), (1.0, 1.0, None, None)]
    root = drawn(Chart("a", "x", "y", [Series("real", points), Series("ideal", points, dashed=True)]))
    lines = [each.get("class") for each in root.iter("path") if each.get("class", "").startswith("line")]
    assert lines == ["line c0", "line c1 dashed"]


def test_ticks_are_short_and_turns_are_whole_numbers() -> None:
    line = Series("a", [(1, 21_533.3, None, None), (2, 30_644.0, None, None), (3, 12_500_000.0, None, None)])
    found = texts(drawn(Chart("Tokens", "turn", "tokens", [line], whole=True)), "tick")
    assert [text for text in found if "." in text or "e" in text] == []
    assert found[-3:] == ["1", "2", "3"]
    half = Series("a", [(1, 0.1, None, None), (3, 0.2, None, None)])
    assert texts(drawn(Chart("Accuracy", "turn", "accuracy", [half], whole=True)), "middle")[:3] == ["1", "2", "3"]
