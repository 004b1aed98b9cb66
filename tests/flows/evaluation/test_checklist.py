"""Each item of the checklist, broken alone."""

from dataclasses import replace
from typing import Any

import pytest

from redraft.flows.evaluation.checklist import check
from redraft.flows.evaluation.evaluation import Evaluation
from redraft.flows.evaluation.history import Cost
from redraft.flows.evaluation.result import Baseline, Control, EqualCost, MethodResult, Moves, Row
from redraft.graders.statistics import Interval

HALF = Interval(0.5, 0.4, 0.6)
FIRST = Row(1, HALF, Cost(10, 5, 1, 1), oracle_used=False, moves=Moves(8, 4))
SECOND = replace(FIRST, turn=2, moves=Moves(8, 4, revised_right=2), equal_cost=EqualCost(2.0, HALF, HALF))
GUESSED = replace(SECOND, control=Control(2, HALF, HALF))
METHOD = MethodResult(
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
        ({"tasks": ("one",)}, "Only one task (one): the result may not hold for others."),
        (
            {"baselines": ()},
            "No baseline of equal cost: self-consistency was left out, so a gain may come from more drafts.",
        ),
        (
            {"temperature": 0},
            "The baseline's drafts were sampled at temperature 0 and are alike, so a vote of them adds nothing.",
        ),
        ({"asked": 3}, "1 of 3 problems are left out: not every method has a judged draft of them."),
        (
            {"methods": (METHOD, replace(METHOD, first_prompts="b"))},
            "Methods asked m for first drafts with different prompts, so a gain may come from the prompt.",
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
            ["the known answer decided when to stop; no user has it, so this is an upper bound, not a result."],
        ),
        (
            {"oracle_used": True, "oracle_chooses": True, "feedback": "none"},
            [
                "the known answer chose among the drafts; no user has it, so this is an upper bound, not a result.",
                "an oracle decided, but there is no control of random guesses.",
            ],
        ),
        (
            {"oracle_used": True, "oracle_stops": True, "oracle_chooses": True, "rows": (FIRST, GUESSED)},
            [
                "the known answer decided when to stop and chose among the drafts; no user has it, so this is an upper"
                " bound, not a result."
            ],
        ),
        ({"unpicked": True}, ["its pick is not measured: the store does not have its grader's grade of each draft."]),
        (
            {"feedback": "tests"},
            ["redrafts had information that first drafts had not (the problem's tests): unfair-asymmetric."],
        ),
        (
            {"other_models": ("big",)},
            ["another model took part (big): a gain from its knowledge is no self-correction."],
        ),
        (
            {"rows": (FIRST, replace(SECOND, equal_cost=None))},
            ["no baseline of equal cost: the tokens of the method or of the baseline were not counted."],
        ),
        (
            {"rows": (FIRST, replace(SECOND, equal_cost=EqualCost(8.0, HALF, HALF, short=True)))},
            ["self-consistency had fewer tokens: at most 8 drafts per problem were sampled."],
        ),
        (
            {"rows": (FIRST, replace(SECOND, moves=Moves(8, 4)))},
            ["no draft was revised, so right to wrong is unknown: this says nothing about correction."],
        ),
        ({"undecided": 1200}, ["1,200 samples left out: the oracle could not judge one of their drafts."]),
        (
            {"unjudged": True},
            ["the model gave no log-probabilities, so likelihood could not judge: choose another grader."],
        ),
    ],
)
def test_what_one_method_lacks(facts: dict[str, Any], said: list[str]) -> None:
    found = check(replace(SOUND, methods=(replace(METHOD, **facts),)))
    assert found == [f"correct: {text}" for text in said]


def test_with_several_models_a_line_names_its_own() -> None:
    other = replace(METHOD, model="n", undecided=1)
    assert check(replace(SOUND, methods=(METHOD, other))) == [
        "correct on n: 1 sample left out: the oracle could not judge one of their drafts."
    ]
