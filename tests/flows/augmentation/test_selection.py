"""Which methods a run has, with which arguments, and what they are called in recipes."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from redraft.flows.augmentation.selection import Method, find_method, left_out, split_arguments
from redraft.flows.augmentations.augmentation import Augmentation
from redraft.llm.providers.embedded.model import embedded
from redraft.llm.scripted import Scripted
from redraft.store import Problem
from redraft.store.errors import PartError
from redraft.store.plugins.discovery import names

KNOWN = Problem("What is 3 * 4?", "12")
UNKNOWN = Problem("What is 3 * 5?")


def recipe(method: Method, wording: Callable[[str], str] = str.upper, samples: int = 4, base: str = "base") -> str:
    return method.recipe(base, samples, wording)


def test_all_methods_are_found_by_their_files() -> None:
    chosen, own, rest = split_arguments(None, {})
    assert chosen == names("augmentation")
    assert own.keys() == set(chosen)
    assert rest == {}
    for name in chosen:
        assert find_method(name, {}).identity == f"redraft.flows.augmentations.{name}:{name}"


def test_arguments_go_to_their_methods_and_the_others_to_the_strategy() -> None:
    given = {"rephrase.rewrites": "3", "fobar.most": "2", "adaptive": "true", "policy.temperature": "0.5"}
    _, own, rest = split_arguments(["rephrase", "fobar"], given)
    assert own == {"rephrase": {"rewrites": "3"}, "fobar": {"most": "2"}}
    assert rest == {"adaptive": "true", "policy.temperature": "0.5"}
    assert find_method("rephrase", own["rephrase"]).arguments == {"rewrites": 3, "agreement": 0.0}


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("rephrase", {"rewrites": "many"}, "rewrites='many' does not fit: it wants a whole number"),
        ("rephrase", {"rewrites": 0}, "rewrites=0 is too few"),
        ("fobar", {"most": 0}, "most=0 is too few; it must be at least 1"),
        ("self_verification", {"most": -1}, "most=-1 is too few"),
        ("fobar", {"rewrites": 2}, "method 'fobar' has no argument 'rewrites'"),
        ("nope", {}, "no augmentation 'nope'"),
    ],
)
def test_a_wrong_argument_is_a_line(name: str, given: Mapping[str, Any], message: str) -> None:
    with pytest.raises(PartError, match=message):
        find_method(name, given)


@pytest.mark.parametrize(
    ("spec", "cure"),
    [
        (
            "evolve low=0.2",
            "'evolve low=0.2': set the arguments of a method apart, as in --method evolve --set evolve.low",
        ),
        ("fobar,rephrase", "'fobar,rephrase': name each method by itself, as in --method fobar --method rephrase"),
        ("fobar rephrase", "'fobar rephrase': name each method by itself"),
    ],
)
def test_a_method_is_one_name(spec: str, cure: str) -> None:
    with pytest.raises(PartError, match=cure):
        split_arguments([spec], {})


@pytest.mark.parametrize("name", [name for name in names("augmentation") if name != "evolve"])
def test_an_agreement_is_a_share(name: str) -> None:
    for agreement in (0, 0.5, 1):
        find_method(name, {"agreement": agreement})
    for agreement in (-0.1, 1.5, 50.0):
        with pytest.raises(PartError, match=f"agreement={agreement}: give a number from 0 to 1, such as 0.5"):
            find_method(name, {"agreement": agreement})


def test_a_recipe_differs_where_the_rewrites_would() -> None:
    method = find_method("rephrase", {})
    assert recipe(method) == recipe(find_method("rephrase", {"rewrites": 1}))
    others = [
        recipe(find_method("rephrase", {"rewrites": 2})),
        recipe(find_method("fobar", {})),
        recipe(method, wording=str.lower),
        recipe(method, samples=5),
        recipe(method, base="other"),
    ]
    assert len({recipe(method), *others}) == 6


@pytest.mark.parametrize(
    ("problems", "out"),
    [
        ([KNOWN], {}),
        ([KNOWN, UNKNOWN], {}),
        ([UNKNOWN], {"rephrase": "no problem has a known answer", "answers": "no problem has a known answer"}),
    ],
)
def test_what_needs_an_answer_is_left_out_without_one(problems: list[Problem], out: dict[str, str]) -> None:
    methods = [find_method(name, {}) for name in ("rephrase", "answers", "fractions")]
    found = left_out(methods, Scripted(lambda request, index: ""), problems)
    assert {method.name: reason for method, reason in found} == out


def test_a_model_with_wordings_of_its_own_does_what_it_was_trained_for() -> None:
    methods = [find_method(name, {}) for name in names("augmentation")]
    out = {method.name for method, _ in left_out(methods, embedded(), [KNOWN])}
    assert {method.name for method in methods} - out == {"answers", "fobar", "rephrase"}
    worded = {method.name for method, _ in left_out(methods, embedded(), [KNOWN], ["fractions"])}
    assert out - worded == {"fractions"}


def test_a_function_is_a_method_with_its_name() -> None:
    def mine(*, times: int = 2) -> Augmentation:
        async def make(problem: Problem, workshop: object) -> list[Any]:
            return []

        return Augmentation(make)

    method = find_method(mine, {"times": "3"})
    assert (method.name, method.arguments) == ("mine", {"times": 3})
    assert method.identity.endswith("mine")
