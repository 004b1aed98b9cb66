"""`redraft strategies` and the help of options: what there is, found in folders, and a sentence for each argument."""

import inspect
import json
import subprocess
import sys
from typing import Any

import pytest

from redraft.agents.build import load
from redraft.agents.parts import PARTS, POLICIES
from redraft.agents.strategy_settings import describe, strategies
from redraft.store.errors import PartError
from redraft.store.plugins import docstrings
from redraft.store.plugins.discovery import KINDS, names
from redraft.store.plugins.discovery import load as find

SHIPPED = [(noun, name) for noun in KINDS for name in names(noun) if noun != "reader"]  # which takes no arguments
SHIPPED += [("policy", f"{POLICIES}:{name}") for name in PARTS["policy"].names()]
HANDED = {"client", "keys", "watch", "checker", "sandbox", "store", *PARTS}


@pytest.mark.parametrize(("noun", "name"), SHIPPED)
def test_every_argument_of_every_part_has_a_sentence(noun: str, name: str) -> None:
    factory = find(name, noun)
    assert docstrings.about(factory).endswith((".", ":", ";"))
    named = [argument for argument in inspect.signature(factory).parameters if argument not in HANDED]
    assert [argument for argument in named if not docstrings.argument(factory, argument)] == []
    help_text = inspect.getdoc(factory) or ""  # what help() shows is where the sentences come from
    assert [argument for argument in named if argument not in help_text] == []


def test_every_strategy_is_found_with_its_settings() -> None:
    found = {one.name: one for one in strategies()}
    assert list(found) == names("strategy")
    correct = {one.name: one for one in found["correct"].settings}
    assert (correct["turns"].default, correct["turns"].type) == (3, "a whole number")
    assert correct["turns"].about == "The maximum number of drafts of a trajectory, including the first."
    assert (correct["threshold"].default, correct["threshold"].type) == (None, "a number or none")
    assert (correct["feedback"].default, correct["feedback.threshold"].default) == ("likelihood", -0.2)
    assert correct["feedback"].choices == tuple(names("feedback"))
    assert (correct["critic"].default, correct["grader"].default) == ("none", None)
    assert {"by_steps", "stepwise", "whole"} <= set(correct["policy"].choices)
    assert found["greedy"].settings == ()


def test_another_part_has_other_settings() -> None:
    told = {one.name: one for one in describe("correct", {"feedback": "prm"}).settings}
    assert told["feedback.threshold"].required
    assert "feedback.grader.neutral" not in told
    assert {"feedback.keep", "feedback.limit_s"} <= {
        one.name for one in describe("correct", {"feedback": "tool"}).settings
    }
    with pytest.raises(PartError, match="no feedback 'nope'"):
        describe("correct", {"feedback": "nope"})


def test_an_argument_without_a_list_is_told_by_the_sentence_that_names_it() -> None:
    def listed(*, most: int = 1, least: int = 0, other: int = 0) -> None:
        """Does it. Never more than `most` of them (Li et al. 2023). Raises PartError for a `least` below 0.

        Args:
            least: The fewest,
                and no fewer.
        """

    assert docstrings.about(listed) == "Does it."
    assert docstrings.argument(listed, "most") == "Never more than `most` of them (Li et al. 2023)."
    assert docstrings.argument(listed, "least") == "The fewest, and no fewer."
    assert docstrings.argument(listed, "other") == ""


def test_the_command_shows_them(redraft: Any, tmp_path: Any) -> None:
    shown = redraft("strategies", "correct").stdout
    for word in (
        "turns=3",
        "feedback=likelihood",
        "feedback.threshold=-0.2",
        "policy.window=none",
        "(--samples)",
        "tool",
    ):
        assert word in shown
    everything = redraft("strategies").stdout
    assert all(f"\n{name}\n" in f"\n{everything}" for name in names("strategy"))
    assert json.loads(redraft("strategies", "mcts", "--json").stdout)[0]["name"] == "mcts"
    (tmp_path / "own.py").write_text(OWN)
    assert "at_least=2" in redraft("strategies", "own.py:mine").stdout
    (tmp_path / "own.py").write_text(f'"""What the file is about."""\n{OWN}'.replace('    """Mine', '    x = """Mine'))
    assert "What the file is about." in redraft("strategies", "own.py:mine").stdout


OWN = '''
from redraft.agents.agent import Agent
from redraft.agents.policies.policy import Policy

def mine(policy: Policy, *, at_least: int = 2) -> Agent:
    """Mine. The fewest is `at_least`."""
    return None
'''


@pytest.mark.parametrize(
    ("command", "nouns"),
    [
        ("generate", ["strategy", "grader", "critic", "feedback"]),
        ("evaluate", ["strategy"]),
        ("annotate", ["grader"]),
        ("filter", ["filter"]),
        ("export", ["filter", "format"]),
    ],
)
def test_help_lists_the_parts_that_ship(command: str, nouns: list[str], redraft: Any) -> None:
    shown = " ".join(redraft(command, "--help").stdout.split())
    for noun in nouns:
        assert ", ".join(names(noun)) in shown


def test_help_imports_no_graph() -> None:
    help_of = "from redraft.flows.cli.main import run; run(['generate', '--help'])"
    code = f"import sys; {help_of}; print('langgraph' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.endswith(b"False\n")


def test_help_of_a_strategy_shows_its_arguments() -> None:
    assert "turns: The maximum number of drafts of a trajectory" in (inspect.getdoc(load("correct")) or "")
