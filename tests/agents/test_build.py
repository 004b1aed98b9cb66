"""Parts by name, put together: what is found, what is handed in, and what is said of a wrong name."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from redraft.agents import build, load, solve
from redraft.agents.agent import Agent
from redraft.agents.build import prompt_texts, resolve
from redraft.agents.policies.continuation import STEP_SCHEMA
from redraft.agents.policies.policy import Policy
from redraft.agents.strategies.best_of_n import best_of_n
from redraft.llm.client.client import Client
from redraft.llm.model import Choice, Finish, Message
from redraft.llm.prompts.prompts import Example, Prompts
from redraft.llm.prompts.templates import TEMPLATES
from redraft.llm.scripted import Scripted
from redraft.store.errors import PartError
from redraft.store.problems import Keyring, Kind, Problem, Question
from redraft.store.trajectory import Trajectory

QUESTION = Question("p", "How much?", unit="u")


def client() -> Client:
    return Client(Scripted(lambda request, index: f"#### {index + len(request.messages)}"))


def test_a_strategy_is_found_by_name_and_a_factory_passes_through() -> None:
    assert load("best_of_n") is best_of_n
    assert load("redraft.agents.strategies.best_of_n:best_of_n") is best_of_n
    assert load(best_of_n) is best_of_n


@pytest.mark.parametrize(
    ("strategy", "arguments", "message"),
    [
        ("gredy", {}, r"no strategy 'gredy'; there are .*best_of_n, correct, .*greedy, .*self_consistency"),
        ("correct", {"feedback": "doubt"}, r"no feedback 'doubt'; there are critic, fixed, .*likelihood, none, oracle"),
        ("correct", {"critic": "me"}, r"no critic 'me'; there are model, none"),
        ("best_of_n", {"grader": "orcale"}, r"no grader 'orcale'; there are .*likelihood, .*oracle"),
        ("greedy", {"turns": 3}, r"no argument 'turns' of strategy 'greedy'; there are none"),
        (
            "self_consistency",
            {"adaptve": True},
            r"no argument 'adaptve' of strategy 'self_consistency'; there are adaptive,",
        ),
        (
            "correct",
            {"feedback": "likelihood", "feedback.limit": 1},
            r"no argument 'feedback.limit' of feedback 'likelihood'; there are .* feedback.threshold$",
        ),
        ("correct", {"turns": "many"}, r"turns='many' does not fit: it wants a whole number"),
        ("correct", {"pick": "worst"}, r"pick='worst' does not fit: it wants last or best"),
        ("correct", {"samples": 0}, r"samples=0 is too few; it must be at least 1"),
        ("correct", {"feedback": "oracle"}, r"feedback 'oracle' reads the known answers, and none are given here"),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(strategy: str, arguments: dict, message: str) -> None:
    with pytest.raises(PartError, match=message):
        build(strategy, client(), **arguments)


async def test_a_strategy_gets_its_parts_and_they_get_their_arguments() -> None:
    agent = build(
        "correct", client(), keys=Keyring({"p": "3"}), samples=1, feedback="oracle", turns="2", grader="likelihood"
    )
    [trajectory] = await agent(QUESTION)
    assert (trajectory.answers, trajectory.answer) == (("1",), "3")

    dotted: dict[str, Any] = {"feedback.threshold": "-0.1"}
    doubtful = build("correct", client(), feedback="likelihood", turns=2, **dotted)
    [trajectory] = await doubtful(QUESTION)
    assert trajectory.turn == 1


async def test_what_a_strategy_does_not_have_is_not_asked_of_it() -> None:
    [trajectory] = await build("greedy", client(), samples=8, grader="likelihood", critic="model", keys=Keyring())(
        QUESTION
    )
    assert trajectory.answer == "1"


async def test_a_users_own_strategy_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "twice.py").write_text(TWICE)
    agent = build(f"{tmp_path}/twice.py:twice", client(), samples=3, again="2")
    assert [trajectory.answer for trajectory in await agent(QUESTION)] == ["1", "2", "3", "1", "2", "3"]


async def test_a_users_own_policy_takes_the_place_of_the_default() -> None:
    def fixed(*, text: str = "#### 5") -> Policy:
        async def propose(trajectory: Trajectory, n: int, first: int = 0) -> list[Trajectory]:
            return [trajectory.grow(text, number) for number in range(first, first + n)]

        return propose

    dotted: dict[str, Any] = {"policy.text": "Hm."}
    [trajectory] = await build("correct", client(), policy=fixed, **dotted)(QUESTION)
    assert trajectory.text() == "Hm."


def test_everything_that_a_calls_text_depends_on_is_part_of_a_recipe() -> None:
    model = Scripted(lambda request, index: "", templates={"solve": "solve\n{question}"})
    parts = {template.part for template in TEMPLATES.values()}
    own = prompt_texts(Client(model, prompts=Prompts(templates={"judge": "Right?"})), parts)
    assert own["templates"].keys() == TEMPLATES.keys()
    assert (own["templates"]["solve"], own["templates"]["solve_choice"]) == ("solve\n{question}",) * 2
    assert (own["templates"]["judge"], own["templates"]["finished"]) == ("Right?", TEMPLATES["finished"].text)
    assert own["step_schema"] == STEP_SCHEMA
    unsaid = prompt_texts(Client(model))["templates"].keys()
    alone = {name for name, template in TEMPLATES.items() if template.part}
    assert own["templates"].keys() - unsaid == alone, "what one part alone says is in its recipes only"

    different = [
        Prompts(),
        Prompts(system="Be brief."),
        Prompts(examples=(Example("1+1?", "2"),)),
        Prompts(examples=(Example("1+1?", "2", Kind.CHOICE),)),
        Prompts(chat_template="x"),
        Prompts(chat_template="x", bos_token="<s>"),
        *(Prompts(templates={name: "Other."}) for name in TEMPLATES),
    ]
    said = [
        json.dumps(prompt_texts(Client(Scripted(lambda request, index: ""), prompts=one), parts)) for one in different
    ]
    assert len(set(said)) == len(said)


async def test_feedback_speaks_in_the_runs_own_words() -> None:
    own = Prompts(templates={"may_be_wrong": "Hm?", "is_wrong": "No!", "doubtful": "{line}?"})
    model = Scripted(lambda request, index: Choice("7 it is", Finish.END, 3, (-9.0, -9.0, -9.0), (0, 2, 5)))
    for feedback, said in (("none", "Hm?"), ("oracle", "No!"), ("likelihood", "1?")):
        agent = build(
            "correct", Client(model, prompts=own), keys=Keyring({"p": "8"}), samples=1, turns=2, feedback=feedback
        )
        await agent(QUESTION)
        assert model.requests[-1].messages[-1] == Message("user", said)


def test_what_a_strategy_is_built_with_is_known_before_it_is_built() -> None:
    given: dict[str, Any] = {"turns": "2", "feedback": "oracle", "policy.temperature": "0.5"}
    assert resolve("correct", given) == {
        "policy": "whole",
        "policy.temperature": 0.5,
        "policy.separator": None,
        "policy.window": None,
        "feedback": "oracle",
        "critic": "none",
        "grader": None,
        "draft": None,
        "teacher": None,
        "samples": 1,
        "turns": 2,
        "branches": 1,
        "threshold": None,
        "agree": False,
        "pick": "last",
        **dict.fromkeys(("policy.model", "policy.api_base", "feedback.model", "feedback.api_base")),
    }
    assert resolve("best_of_n", {})["grader.reduce"] == "mean"
    with pytest.raises(PartError, match="turns='many' does not fit"):
        resolve("correct", {"turns": "many"})


async def test_solve_is_one_line() -> None:
    [problem] = [Problem("Rita has 3 boxes with 4 pens in each. How many pens does she have?", "12")]
    trajectories = await solve(problem.question, "self_consistency", samples=4, seed=1, max_tokens=120)
    again = await solve(problem.question, "self_consistency", samples=4, seed=1, max_tokens=120)
    assert sorted(trajectory.sample for trajectory in trajectories) == [0, 1, 2, 3]
    assert trajectories == again


def test_importing_agents_does_not_import_their_heavy_parts() -> None:
    code = "import sys, redraft.agents; print([m for m in ('langgraph', 'litellm', 'duckdb') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_a_strategy_is_an_agent() -> None:
    agent: Agent = build("greedy", client())
    assert callable(agent)


TWICE = """
from redraft.agents.agent import Agent
from redraft.agents.policies.policy import Policy
from redraft.store.problems import Question
from redraft.store.trajectory import Trajectory


def twice(policy: Policy, *, samples: int = 2, again: int = 1) -> Agent:
    async def solve(question: Question) -> list[Trajectory]:
        return [trajectory for _ in range(again) for trajectory in await policy(Trajectory(question), samples)]

    return solve
"""


async def test_a_solution_whose_agent_read_the_answer_says_so() -> None:
    question = "Leo has 4 bags with 6 pens each. How many pens does Leo have?"
    blind = await solve(question, "correct", answer="24", max_tokens=60, feedback="fixed", turns=2)
    told = await solve(question, "correct", answer="24", max_tokens=60, feedback="oracle", turns=2)
    assert [{each.oracle_used for each in found} for found in (blind, told)] == [{False}, {True}]
