"""Each item of the checklist, broken alone."""

from dataclasses import replace
from typing import Any

import pytest

from redraft.flows.evaluation.checklist import check
from redraft.flows.evaluation.history import Cost
from redraft.flows.evaluation.result import Baseline, Compared, Control, EqualCost, Evaluation, Moves, Row
from redraft.graders.statistics import Interval

HALF = Interval(0.5, 0.4, 0.6)
FIRST = Row(1, HALF, Cost(10, 5, 1, 1), oracle_used=False, moves=Moves(8, 4))
SECOND = replace(FIRST, turn=2, moves=Moves(8, 4, revised_right=2), equal_cost=EqualCost(2.0, HALF, HALF))
GUESSED = replace(SECOND, control=Control(2, HALF, HALF))
METHOD = Compared(
    label="correct", model="m", strategy="correct", recipe="r", replicate="", in_turns=True, samples=4, trajectories=8,
    rows=(FIRST, SECOND), oracle_used=False, feedback="none", first_prompts="a",
)  # fmt: skip
SOUND = Evaluation(
    db="d", asked=2, problems=2, tasks=("one", "two"), methods=(METHOD,),
    baselines=(Baseline("m", 8, Cost(10, 5, 1, 1), HALF, {1: HALF}),),
)  # fmt: skip


def test_a_sound_comparison_breaks_nothing() -> None:
    assert check(SOUND) == []


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"tasks": ("one",)}, "One task only (one): what holds for it may hold for no other."),
        (
            {"baselines": ()},
            "No baseline of equal cost: self-consistency was left out, so that more drafts may explain any gain.",
        ),
        (
            {"temperature": 0},
            "The baseline's drafts were drawn at temperature 0 and are alike: it is no self-consistency.",
        ),
        ({"asked": 3}, "1 of 3 problems are left out: not every method has a judged draft of them."),
        (
            {"methods": (METHOD, replace(METHOD, first_prompts="b"))},
            "First drafts of m were asked for in different words by method: the prompt may explain a gain.",
        ),
        ({"problems": 0}, "No problem has a judged draft under every method: nothing is compared."),
    ],
)
def test_what_the_whole_comparison_lacks(facts: dict[str, Any], said: str) -> None:
    assert check(replace(SOUND, **facts)) == [said]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (
            {
                "oracle_used": True,
                "oracle_stops": True,
                "feedback": "oracle",
                "rows": (FIRST, replace(SECOND, control=Control(2, HALF, HALF))),
            },
            ["the known answer decided when to stop, which no user has: an upper bound, no result."],
        ),
        (
            {"oracle_used": True, "oracle_chooses": True, "feedback": "none"},
            [
                "the known answer chose among the drafts, which no user has: an upper bound, no result.",
                "an oracle decided, and no random guesses stand beside it.",
            ],
        ),
        (
            {"oracle_used": True, "oracle_stops": True, "oracle_chooses": True, "rows": (FIRST, GUESSED)},
            [
                "the known answer decided when to stop and chose among the drafts, which no user has: an upper bound,"
                " no result."
            ],
        ),
        ({"unpicked": True}, ["its pick is not measured: the store does not tell its grader's opinion of each draft."]),
        (
            {"feedback": "tests"},
            ["redrafts were told what first drafts were not (the problem's tests): unfair-asymmetric."],
        ),
        (
            {"other_models": ("big",)},
            ["another model took part (big): what it knows is no self-correction."],
        ),
        (
            {"rows": (FIRST, replace(SECOND, equal_cost=None))},
            ["no baseline of equal cost: its tokens, or those of a draft, were not counted."],
        ),
        (
            {"rows": (FIRST, replace(SECOND, equal_cost=EqualCost(8.0, HALF, HALF, short=True)))},
            ["self-consistency had fewer tokens: no more than 8 drafts a problem were sampled."],
        ),
        (
            {"rows": (FIRST, replace(SECOND, moves=Moves(8, 4)))},
            ["no draft was revised, so that right to wrong is unknown: this says nothing about correction."],
        ),
        ({"undecided": 1200}, ["1,200 samples left out, of which the oracle could not decide a draft."]),
        (
            {"unjudged": True},
            ["the model gave no log-probabilities, so that likelihood could not judge: choose another grader."],
        ),
    ],
)
def test_what_one_method_lacks(facts: dict[str, Any], said: list[str]) -> None:
    found = check(replace(SOUND, methods=(replace(METHOD, **facts),)))
    assert found == [f"correct: {text}" for text in said]


def test_with_several_models_a_line_names_its_own() -> None:
    other = replace(METHOD, model="n", undecided=1)
    assert check(replace(SOUND, methods=(METHOD, other))) == [
        "correct on n: 1 sample left out, of which the oracle could not decide a draft."
    ]
