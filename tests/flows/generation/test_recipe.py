"""A recipe: whatever decides what the drafts will be is in it, and nothing else."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from redraft.agents.agent import Agent
from redraft.agents.policies.policy import Policy
from redraft.agents.strategies.best_of_n import best_of_n
from redraft.flows.generation.recipe import recipe
from redraft.flows.generation.strategy import find_strategy
from redraft.graders.likelihood import likelihood
from redraft.llm.client.client import Client
from redraft.llm.model import Sampling
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.scripted import Scripted
from redraft.llm.truncation import Truncation
from redraft.store.errors import PartError

NOTHING: Mapping[str, Any] = MappingProxyType({})


def of(
    strategy: str | Callable[..., Agent] = "correct",
    arguments: Mapping[str, Any] = NOTHING,
    *,
    grader: Any = None,
    critic: Any = None,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
    prompts: Prompts = Prompts(),  # noqa: B008 - frozen
) -> str:
    """The recipe of a run on a scripted model."""
    client = Client(Scripted(lambda request, index: ""), sampling=sampling, prompts=prompts)
    given: dict[str, Any] = {"measures": ("oracle",), "problem_budget": {}}
    return recipe(client, find_strategy(strategy), grader=grader, critic=critic, arguments=arguments, **given)


def short(*, words: int) -> Callable[..., Agent]:
    """A strategy as a release has it, with so many words by default."""

    def brief(policy: Policy, *, samples: int = words, words: int = words) -> Agent:
        raise AssertionError("nothing is built")

    brief.__qualname__ = "brief"
    return brief


@pytest.mark.parametrize(
    "changed",
    [
        {"strategy": "best_of_n"},
        {"arguments": {"turns": 4}},
        {"arguments": {"feedback": "none"}},
        {"arguments": {"feedback.threshold": -0.3}},
        {"arguments": {"policy": "stepwise"}},
        {"arguments": {"policy.separator": "---"}},
        {"grader": "likelihood"},
        {"critic": "model"},
        {"sampling": Sampling(seed=1)},
        {"sampling": Sampling(temperature=0.5)},
        {"sampling": Sampling(max_tokens=5)},
        {"sampling": Sampling(truncation=Truncation(top_p=0.9))},
        {"sampling": Sampling(truncation=Truncation(top_k=20))},
        {"sampling": Sampling(truncation=Truncation(min_p=0.1))},
        {"prompts": Prompts(system="Be brief.")},
        {"prompts": Prompts(templates={"is_wrong": "No."})},
    ],
)
def test_what_changes_the_drafts_is_another_recipe(changed: dict[str, Any]) -> None:
    assert of(**changed) != of()


def test_runs_of_earlier_versions_keep_their_recipes() -> None:
    """What they made is not paid for again: a setting, or a wording, that came later is no part of these."""
    found = of(), of("best_of_n", grader="likelihood"), of("self_consistency")
    assert found == ("f26ca4e15f2746d6", "e9ba0dbd8e61152c", "d738c677c3d6befd")


@pytest.mark.parametrize(
    "same",
    [
        {"arguments": {"turns": 3}},
        {"arguments": {"turns": "3", "feedback": "likelihood", "feedback.threshold": "-0.2"}},
        {"arguments": {"samples": 9}},
        {"critic": "none"},
    ],
)
def test_how_it_is_given_and_how_many_there_are_is_not(same: dict[str, Any]) -> None:
    assert of(**same) == of()


def test_a_changed_default_is_another_recipe_and_a_changed_number_of_samples_is_not() -> None:
    old, new = short(words=5), short(words=6)
    assert of(old) != of(new)
    assert of(old, {"words": 7}) == of(new, {"words": 7})


def test_a_part_is_known_by_what_its_file_says(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    text = "def mine(*, high: float = 1.0):\n    return None\n"
    file.write_text(text)
    before = of("best_of_n", grader=f"{file}:mine")
    file.write_text(text + "# changed\n")
    assert of("best_of_n", grader=f"{file}:mine") != before
    assert of(best_of_n, grader=likelihood) == of(best_of_n, grader=likelihood)


def test_the_prompts_file_counts_by_its_content_not_by_its_place(tmp_path: Path) -> None:
    text = 'system = "Be brief."\n[[examples]]\nquestion = "1+1?"\nsolution = "2"\n'
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "prompts.toml").write_text(text)
    first, second = (of(prompts=Prompts.read(tmp_path / folder / "prompts.toml")) for folder in ("a", "b"))
    assert first == second
    (tmp_path / "a" / "prompts.toml").write_text(text.replace('"2"', '"two"'))
    assert of(prompts=Prompts.read(tmp_path / "a" / "prompts.toml")) != first


def test_a_part_that_there_is_not_is_told() -> None:
    with pytest.raises(PartError, match="no feedback 'doubt'; there are"):
        of(arguments={"feedback": "doubt"})
