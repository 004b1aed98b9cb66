"""An evaluation's own words: its heading, what qualifies its numbers, its JSON and how a notebook shows it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from redraft.flows.evaluation.evaluation import Evaluation
from redraft.flows.evaluation.history import Cost
from redraft.flows.evaluation.result import Baseline, MethodResult, Row
from redraft.graders.statistics import Interval

HALF = Interval(0.5, 0.4, 0.6)
ROW = Row(1, HALF, Cost(10.0, 5.0, 1.0, 1.0), oracle_used=False)
METHOD = MethodResult("correct", "m", "correct", "r", "", True, 4, 8, (ROW,), oracle_used=False)
FOUND = Evaluation("r.duckdb", asked=3, problems=2, tasks=("one", ""), methods=(METHOD,))


def test_the_heading_names_the_tasks() -> None:
    assert FOUND.heading == "2 problems (one, unnamed), shares with 95% intervals"
    assert replace(FOUND, problems=1, tasks=("one",)).heading == "1 problem (one), shares with 95% intervals"


def test_its_repr_names_each_methods_accuracy() -> None:
    better = replace(METHOD, label="mcts", rows=(ROW, replace(ROW, accuracy=Interval(0.75, 0.5, 1.0))))
    found = replace(FOUND, problems=1200, methods=(METHOD, better))
    assert repr(found) == "<Evaluation 1,200 problems, correct 50.0% right, mcts 75.0% right: r.duckdb>"
    assert repr(replace(FOUND, methods=())) == "<Evaluation 2 problems, nothing measured: r.duckdb>"
    assert repr(replace(FOUND, methods=(replace(METHOD, rows=()),))).count("nothing measured") == 1


def test_nothing_measured_needs_no_footnotes() -> None:
    assert replace(FOUND, problems=0).footnotes() == []
    assert FOUND.footnotes() == ["Trajectories per problem: 4."]


FAILED = replace(METHOD, failures={"The line is dead.": 1200, "No memory.": 1})


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, []),
        (
            {"methods": (METHOD, FAILED)},
            [
                "correct: 1,200 failed: The line is dead.",
                "correct: 1 failed: No memory.",
                "The tables leave out failed trajectories. The same command tries them again.",
            ],
        ),
        ({"spent": "The budget is used up."}, ["The budget is used up. The same command continues from here."]),
        (
            {"spent": "The budget is used up.", "not_reached": ("mcts", "beam")},
            ["The budget is used up. The same command continues from here; not started: mcts, beam."],
        ),
        ({"remarks": ("Only one task.",)}, ["Only one task."]),
    ],
)
def test_what_qualifies_the_numbers(facts: dict[str, Any], said: list[str]) -> None:
    assert replace(FOUND, **facts).caveats() == said


def test_failures_of_all_methods_are_counted() -> None:
    assert FOUND.failed == 0
    assert replace(FOUND, methods=(FAILED, METHOD, FAILED)).failed == 2402


def test_its_json_holds_every_number() -> None:
    baseline = Baseline("m", 8, Cost(10.0), HALF, {1: HALF, 8: HALF})
    told = json.loads(replace(FOUND, baselines=(baseline,)).to_json())
    assert told["methods"][0]["rows"][0]["accuracy"] == {"estimate": 0.5, "low": 0.4, "high": 0.6}
    assert told["methods"][0]["rows"][0]["cost"] == {"tokens": 10.0, "prompt_tokens": 5.0, "calls": 1.0, "seconds": 1.0}
    assert list(told["baselines"][0]["votes"]) == ["1", "8"]
    assert (told["asked"], told["tasks"], told["spent"]) == (3, ["one", ""], None)


def test_a_notebook_shows_tables_and_caveats_with_nothing_unescaped() -> None:
    shown = replace(FOUND, methods=(replace(FAILED, label="<b>"),))._repr_html_()
    assert "2 problems (one, unnamed)" in shown
    assert "&lt;b&gt;" in shown
    assert "<b>:" not in shown
    assert "Trajectories per problem: 4." in shown
