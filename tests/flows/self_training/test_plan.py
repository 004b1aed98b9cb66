"""The identity of a loop: which settings make another loop, and which only go on with the same one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.self_train import SelfTrainArguments
from redraft.flows.self_training.plan import LoopPlan, loop_plan
from redraft.flows.self_training.training_method import MethodError
from redraft.llm.limits import Budget
from redraft.store import Problem
from redraft.store.errors import PartError

LINE = {"trainer.command": "train {rows} {base} {out}"}


@pytest.fixture
def plan(sums: Callable[..., list[Problem]]) -> Callable[..., LoopPlan]:
    """`plan(samples=2)`: the plan of a loop on four sums, measured on two others."""
    found = sums(6)

    def make(problems: int = 4, heldout: int = 2, **given: Any) -> LoopPlan:
        settings = {"trainer": "command", "arguments": LINE, **given}
        return loop_plan(SelfTrainArguments(**settings), found[:problems], found[4 : 4 + heldout])

    return make


@pytest.mark.parametrize(
    "given",
    [
        {"method": "rft"},
        {"samples": 3},
        {"temperature": 0.5},
        {"seed": 1},
        {"max_tokens": 64},
        {"top_k": 5},
        {"replicate": "again"},
        {"heldout_samples": 5},
        {"problems": 3},
        {"heldout": 1},
        {"arguments": {"trainer.command": "train {rows} {out}"}},
        {"arguments": {**LINE, "trainer.model": "mine/{out}"}},
        {"arguments": {**LINE, "pick": "weighted_majority"}},
        {"arguments": {**LINE, "policy.start": "base"}},
        {"arguments": {**LINE, "policy.keep": "2.0"}},
    ],
)
def test_what_changes_a_result_makes_another_loop(plan: Callable[..., LoopPlan], given: dict[str, Any]) -> None:
    assert plan(**given).loop_id != plan().loop_id


@pytest.mark.parametrize(
    "given",
    [
        {"rounds": 3},
        {"all_rounds": True},
        {"stop_on_alarm": True},
        {"concurrency": 2},
        {"budget": Budget(calls=3)},
        {"out": "elsewhere"},
    ],
)
def test_what_changes_no_result_is_the_same_loop(plan: Callable[..., LoopPlan], given: dict[str, Any]) -> None:
    assert plan(**given).loop_id == plan().loop_id


def test_settings_of_the_user_replace_those_of_the_method(plan: Callable[..., LoopPlan]) -> None:
    own, published = plan(method="rest_em", samples=2, temperature=0.0).drawing, plan(method="rest_em").drawing
    assert [own[name] for name in ("samples", "temperature", "top_k")] == [2, 0.0, 40]
    assert [published[name] for name in ("samples", "temperature", "top_k")] == [32, 0.7, 40]
    assert plan(method="rise", arguments={**LINE, "turns": "3"}).drawing["arguments"] == {
        "feedback": "fixed", "turns": "3", "branches": 16
    }  # fmt: skip


def test_every_round_draws_anew_and_is_measured_alike(plan: Callable[..., LoopPlan]) -> None:
    one = plan()
    assert len({one.drawn_replicate(number) for number in (1, 2, 3)}) == 3
    assert one.drawn_replicate(1) == plan(method="rft").drawn_replicate(1)  # loops may share what is drawn alike
    assert one.drawn_replicate(1) != plan(problems=3).drawn_replicate(1)
    assert one.measured_replicate == plan(method="rft", samples=3).measured_replicate
    assert one.measured_replicate != plan(heldout=1).measured_replicate
    measured = plan(method="rest_em", temperature=0.2, top_p=0.5).measuring
    assert [measured[name] for name in ("temperature", "top_p", "strategy", "samples")] == [1.0, None, "best_of_n", 4]


def test_a_loop_has_a_folder_of_its_own(plan: Callable[..., LoopPlan]) -> None:
    one, other = plan(out="there"), plan(out="there", samples=3)
    assert one.folder == Path("there") / f"mended-{one.loop_id[:8]}"
    assert other.folder != one.folder


def test_an_argument_that_the_trainer_lacks_is_told(plan: Callable[..., LoopPlan]) -> None:
    with pytest.raises(PartError, match="trainer 'command' has no argument 'epochs'"):
        plan(arguments={**LINE, "trainer.epochs": "2"})
    with pytest.raises(PartError, match="epochs='two' does not fit: it wants a whole number"):
        plan(trainer="embedded", arguments={"trainer.epochs": "two"})


def test_the_settings_of_a_method_are_those_of_the_embedded_trainer_alone(plan: Callable[..., LoopPlan]) -> None:
    assert plan(trainer="embedded", arguments={}).training == {"policy": {"rate": 8e-4, "replay": 0.1}}
    assert plan(trainer="embedded", arguments={"trainer.rate": "2e-3"}).training["policy"] == {
        "rate": 2e-3,
        "replay": 0.1,
    }
    assert plan().training == {"policy": {"command": "train {rows} {base} {out}"}}
    assert replace(plan(), loop_id="x").config == plan().config


def test_a_method_with_a_verifier_trains_two_models_and_names_them_to_its_grader(plan: Callable[..., LoopPlan]) -> None:
    found = plan(method="v_star")
    assert [(role, part.loss) for role, part in found.trained_parts.items()] == [("policy", "sft"), ("verifier", "dpo")]
    shipped, verifier = {"model": "embedded"}, {"model": "embedded:v"}
    assert found.judging(verifier, shipped) == {"grader.model": "embedded:v", "grader.reference": "embedded"}
    assert plan(method="rest_mcts").judging(verifier, {}) == {"grader.model": "embedded:v", "grader.aggregate": "last"}
    assert [plan(method=name).judged_by_base for name in ("v_star", "rest_mcts", "rft")] == [True, False, False]
    assert list(plan().trained_parts) == ["policy"]
    assert plan().judging(verifier, shipped) == {}
    assert "verifier" in found.config["method"]
    assert "verifier" not in plan().config["method"]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("v_star", {"reference": "hf", "reference_api_base": "http://b"}),
        ("math_shepherd", {"aggregate": "minimum", "profile": "steps"}),
        ("rest_mcts", {"aggregate": "last", "profile": "value"}),
    ],
)
def test_a_served_verifier_is_asked_at_its_address_in_the_form_in_which_it_was_trained(
    plan: Callable[..., LoopPlan], method: str, expected: dict[str, str]
) -> None:
    found = plan(method=method).judging({"model": "v", "api_base": "http://v"}, {"model": "hf", "api_base": "http://b"})
    asked = {"model": "v", "api_base": "http://v", **expected}
    assert found == {f"grader.{name}": value for name, value in asked.items()}


def test_settings_of_the_trainer_are_given_to_both_models(plan: Callable[..., LoopPlan]) -> None:
    found = plan(method="v_star", trainer="embedded", arguments={"trainer.epochs": 3})
    assert found.training == {"policy": {"epochs": 3}, "verifier": {"epochs": 3}}


@pytest.mark.parametrize(
    ("method", "arguments", "line"),
    [
        ("rft", {"policy.start": "verifier"}, "policy.start='verifier': a policy begins with base, last, or verifier"),
        ("v_star", {"policy.start": "policy"}, "policy.start='policy': a policy begins with base, last, or verifier"),
        ("v_star", {"verifier.start": "verifier"}, "a verifier begins with base, last or policy"),
        ("v_star", {"policy.start": "first"}, "policy.start='first': Input should be 'base', 'last', 'policy' or"),
    ],
)
def test_a_training_begins_with_a_model_that_is_there(
    plan: Callable[..., LoopPlan], method: str, arguments: dict[str, str], line: str
) -> None:
    with pytest.raises(MethodError, match=line):
        plan(method=method, arguments={**LINE, **arguments})
