"""The pictures: which points, lines and names stand in them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.evaluation.evaluation import Evaluation
from redraft.flows.evaluation.history import Cost
from redraft.flows.evaluation.result import Baseline, MethodResult, Row
from redraft.flows.plots.accuracy import COLOURS, COSTS, PlotError, check, draw
from redraft.flows.plots.reward import draw as draw_rewards
from redraft.flows.plots.reward import plot_rewards
from redraft.graders.statistics import Interval
from redraft.store import Store


def row(turn: int | None, share: float, cost: Cost) -> Row:
    return Row(turn, Interval(share, share - 0.1, share + 0.2), cost, oracle_used=False)


METHOD = MethodResult(
    "correct", "m", "correct", "r", "", True, 1, 2,
    (row(1, 0.4, Cost(10.0, 5.0, 1.0, 0.5)), row(2, 0.6, Cost(25.0, 9.0, 2.0, 1.5))), oracle_used=False,
)  # fmt: skip
LOW = Interval(0.3, 0.2, 0.4)
BASELINE = Baseline("m", 2, Cost(8.0, 5.0, 1.0, 0.0), LOW, {1: LOW, 2: Interval(0.5, 0.4, 0.6)})
FOUND = Evaluation("r.duckdb", 2, 2, ("sums",), (METHOD,), (BASELINE,))


def panels_of(found: Evaluation) -> list[Any]:
    return list(draw(found).axes)


def names(found: Evaluation) -> list[str]:
    return [text.get_text() for legend in draw(found).legends for text in legend.get_texts()]


def test_each_panel_has_the_methods_turns_over_one_kind_of_cost() -> None:
    panels = panels_of(FOUND)
    assert [panel.get_xlabel() for panel in panels] == list(COSTS)
    drawn = [panel.containers[0].lines[0].get_xydata().tolist() for panel in panels]
    assert drawn == [[[10.0, 0.4], [25.0, 0.6]], [[1.0, 0.4], [2.0, 0.6]], [[0.5, 0.4], [1.5, 0.6]]]
    assert {panel.get_xscale() for panel in panels} == {"log"}


def test_error_bars_reach_the_ends_of_the_intervals() -> None:
    _, _, [bars] = panels_of(FOUND)[0].containers[0].lines
    ends = [[(round(x), round(y, 6)) for x, y in segment] for segment in bars.get_segments()]
    assert ends == [[(10, 0.3), (10, 0.6)], [(25, 0.5), (25, 0.8)]]


def test_the_vote_costs_as_many_drafts_as_it_has() -> None:
    panels = panels_of(FOUND)
    [vote] = [line for line in panels[0].lines if line.get_label() == "self-consistency"]
    assert vote.get_xydata().tolist() == [[8.0, 0.3], [16.0, 0.5]]
    assert "self-consistency" not in [line.get_label() for line in panels[2].lines]  # nobody timed its drafts


def test_a_row_without_a_cost_is_no_point() -> None:
    free = replace(METHOD, rows=(row(1, 0.4, Cost()), row(2, 0.6, Cost(25.0))))
    panels = panels_of(replace(FOUND, methods=(free,), baselines=()))
    assert [len(panel.containers[0].lines[0].get_xydata()) for panel in panels] == [1, 0, 0]


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({}, "correct"),
        ({"oracle_used": True}, "correct, seen by an oracle"),
        ({"oracle_used": True, "feedback": "oracle"}, "correct, told by an oracle"),
        ({"oracle_used": True, "oracle_stops": True}, "correct, stopped by an oracle"),
        (
            {"oracle_used": True, "oracle_stops": True, "oracle_chooses": True},
            "correct, stopped and chosen by an oracle",
        ),
    ],
)
def test_the_legend_says_what_an_oracle_did(facts: dict[str, Any], name: str) -> None:
    assert names(replace(FOUND, methods=(replace(METHOD, **facts),), baselines=())) == [name]


def test_models_are_named_if_there_are_several() -> None:
    several = replace(
        FOUND, methods=(METHOD, replace(METHOD, model="n")), baselines=(BASELINE, replace(BASELINE, model="n"))
    )
    assert sorted(names(several)) == ["correct (m)", "correct (n)", "self-consistency (m)", "self-consistency (n)"]


def test_more_methods_than_colours_have_other_marks() -> None:
    many = tuple(replace(METHOD, label=f"m{number}") for number in range(len(COLOURS) + 1))
    drawn = [each.lines[0] for each in panels_of(replace(FOUND, methods=many))[0].containers]
    assert (drawn[0].get_color(), drawn[0].get_marker()) == (COLOURS[0], "o")
    assert (drawn[-1].get_color(), drawn[-1].get_marker()) == (COLOURS[0], "s")


@pytest.mark.parametrize("name", ["a.svg", "a.PNG", "a.pdf"])
def test_an_ending_that_can_be_drawn_passes(name: str, tmp_path: Path) -> None:
    check(tmp_path / name)


@pytest.mark.parametrize("name", ["a", "a.jpg", "svg"])
def test_another_ending_is_a_mistake(name: str, tmp_path: Path) -> None:
    with pytest.raises(PlotError, match=rf"{name} is no picture that can be drawn: name it \.svg, \.png or \.pdf"):
        check(tmp_path / name)


def test_a_graders_value_is_drawn_where_it_is_a_probability() -> None:
    def by_n(name: str, *values: float) -> list[dict[str, object]]:
        ks = ((1, 0.4), (2, 0.5))
        return [{"name": name, "k": k, "accuracy": a, "value": v} for (k, a), v in zip(ks, values, strict=True)]

    bias = [
        {"name": "prm", "length_value": 0.5, "length_right": None},
        {"name": "sum", "length_value": -0.9, "length_right": 0.1},
    ]
    figure: Any = draw_rewards([*by_n("prm", 0.7, 0.9), *by_n("sum", -9.0, -4.0)], bias)
    left, right = figure.axes
    lines = [(line.get_label(), line.get_linestyle(), line.get_ydata().tolist()) for line in left.lines]
    assert [line for line in lines if line[1] == "-"] == [("prm", "-", [0.4, 0.5]), ("sum", "-", [0.4, 0.5])]
    assert [line[2] for line in lines if line[1] == "--"] == [[0.7, 0.9]]
    assert [bar.get_width() for bar in right.patches] == [0.5, -0.9, 0.0, 0.1]
    assert [label.get_text() for label in right.get_yticklabels()] == ["prm", "sum"]


def test_a_store_without_graded_samples_has_nothing_to_draw(tmp_path: Path) -> None:
    store = Store(tmp_path / "r.duckdb")
    with pytest.raises(PlotError, match=r"^nothing to draw in .*r\.duckdb: grade independent samples first, by more"):
        plot_rewards(store, tmp_path / "a.svg")
    assert not (tmp_path / "a.svg").exists()
