"""A summary as lines on a terminal and as Markdown."""

from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from redraft.flows.summary.report import markdown, show
from redraft.flows.summary.summary import Summary, caveats, lines
from redraft.graders.statistics import Interval

HALF = Interval(0.5, 0.25, 0.75)
BARE = Summary("r.duckdb", "run", "recipe", "greedy", "m", problems=2, trajectories=2, known_problems=2, seconds=2.0)
WHOLE = replace(
    BARE, strategy="correct", feedback="self", grader="prm", problems=1200, trajectories=4800, graded_problems=1200,
    first=HALF, last=HALF, chosen=HALF, wrong_to_right=30, right_to_wrong=1000, redrafted=2400, samples=2,
    most_samples=4, pass_at_1=0.5, pass_at_k=0.75, selectors={"majority": 0.6, "best by mean likelihood": 0.65},
    tokens=10_000, calls=50, cost_usd=0.0123, asked=4,
)  # fmt: skip


def told(summary: Summary) -> dict[str, tuple[str, str]]:
    return {name: (value, note) for name, value, note in lines(summary)}


def test_a_summary_without_judged_drafts_has_its_costs() -> None:
    assert list(told(BARE)) == ["problems", "trajectories", "tokens written", "time", "data"]
    assert told(BARE)["time"] == ("2.0 s", "0 calls")
    assert told(BARE)["data"] == ("r.duckdb", "strategy greedy, model m")


def test_every_line_of_a_whole_summary() -> None:
    share = ("50.0%", "95% between 25.0% and 75.0%")
    assert told(WHOLE) == {
        "problems": ("1,200", ""),
        "trajectories": ("4,800", "2,400 redrafted"),
        "first draft right": share,
        "last draft right": share,
        "wrong to right": ("30", "and right to wrong 1,000"),
        "pass@1": ("50.0%", ""),
        "pass@2": ("75.0%", "any of 2 first drafts is right"),
        "majority": ("60.0%", "and below: chosen among 2 to 4 first drafts"),
        "best by mean likelihood": ("65.0%", ""),
        "the agent's pick": share,
        "tokens written": ("10,000", "5,000 a second"),
        "time": ("2.0 s", "50 calls, $0.0123"),
        "data": ("r.duckdb", "strategy correct (feedback self, grader prm), model m"),
    }


def test_one_draft_a_problem_has_no_choice() -> None:
    single = told(replace(WHOLE, samples=1, most_samples=1))
    assert not {"pass@2", "majority"} & single.keys()


def test_more_samples_than_were_asked_for_are_told() -> None:
    assert told(replace(WHOLE, asked=1))["trajectories"] == ("4,800", "2,400 redrafted, 2 a problem stored")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"known_problems": 0}, "No problem here has a known answer, so no draft counts as right or wrong."),
        ({"chosen": HALF, "graded_problems": 1}, "The accuracies are over 1 of 2 problems."),
        ({"trajectories": 0}, "The strategy gave no drafts."),
        ({"undecided": 1}, "Left out: 1 draft that could not be compared with the known answer."),
        ({"undecided": 2}, "Left out: 2 drafts that could not be compared with the known answer."),
        ({"oracle_used": True}, "The known answer was used (oracle_used): an upper bound, not a fair score."),
        (
            {"oracle_used": True, "grader": "oracle"},
            "The known answer was used to choose a draft (oracle_used): an upper bound, not a fair score.",
        ),
        (
            {"oracle_used": True, "feedback": "oracle", "redrafted": 1},
            "The feedback for redrafts used the known answer (oracle_used): an upper bound, not a fair score.",
        ),
        (
            {"ungraded": 1, "ungraded_by": "judge", "ungraded_because": "It is silent."},
            "1 draft has no grade by judge, and no other draft has one; most frequent reason: It is silent.",
        ),
        (
            {"ungraded": 5, "graded": 1, "ungraded_by": "judge"},
            "5 drafts have no grade by judge; most frequent reason: no reason was given.",
        ),
        (
            {"drafts": 2, "feedback": "likelihood"},
            "The model gave no log-probabilities, so likelihood could not judge: choose another feedback or grader.",
        ),
    ],
)
def test_each_caveat_alone(facts: dict[str, Any], said: str) -> None:
    assert caveats(replace(BARE, **facts)) == [said]


def test_failures_are_listed_by_reason() -> None:
    assert caveats(replace(BARE, failures={"The line is dead.": 1200})) == [
        "1,200 failed: The line is dead.",
        "The accuracies above leave out failed trajectories. The same command tries them again.",
    ]


def test_the_terminal_shows_lines_and_caveats_in_its_width() -> None:
    console = Console(file=StringIO(), record=True, width=100)
    show(replace(WHOLE, undecided=1), console)
    shown = console.export_text().splitlines()
    assert shown[0].split() == ["problems", "1,200"]
    assert shown[-2] == "data  r.duckdb  strategy correct (feedback self, grader prm), model m"
    assert shown[-1] == "Left out: 1 draft that could not be compared with the known answer."
    assert max(map(len, shown)) <= 100


def test_markdown_is_a_table_with_the_caveats_below() -> None:
    assert markdown(replace(BARE, undecided=1)).splitlines() == [
        "| | | |",
        "|---|---|---|",
        "| problems | 2 |  |",
        "| trajectories | 2 | 0 redrafted |",
        "| tokens written | 0 | 0 a second |",
        "| time | 2.0 s | 0 calls |",
        "| data | r.duckdb | strategy greedy, model m |",
        "",
        "Left out: 1 draft that could not be compared with the known answer.",
    ]
