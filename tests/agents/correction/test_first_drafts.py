"""The first drafts: the policy's own, or the pick of a strategy for each sample, with what it explored beside."""

from typing import Any

import pytest
from msgspec.structs import replace

from redraft.agents.agent import Agent
from redraft.agents.correction.first_drafts import first_drafts
from redraft.agents.policies.policy import whole
from redraft.agents.sampling.graph import Tree
from redraft.llm.client.client import Client
from redraft.llm.scripted import Scripted
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Role, Stop, Trajectory

QUESTION = Question("p", "How much?", unit="u")
POLICY = whole(Client(Scripted(lambda request, index: f"#### {index}")))


def explorer(*explored: dict[str, Any]) -> Agent:
    """A strategy that explores a trajectory with each of these facts, its step numbered in order; `empty` has none."""

    async def solve(question: Question) -> list[Trajectory]:
        found = []
        for number, facts in enumerate(explored):
            named = {name: value for name, value in facts.items() if name != "empty"}
            begun = Trajectory(question, role=Role.SEARCH)
            begun = begun if "empty" in facts else begun.grow(f"draft {number}", number)
            found.append(replace(begun, **named))
        return found

    return solve


async def tree_of(draft: Agent | None, samples: int) -> Tree:
    tree = Tree(QUESTION)
    await first_drafts(tree, POLICY, draft, samples)
    return tree


async def test_without_a_strategy_the_policy_writes_them() -> None:
    tree = await tree_of(None, 3)
    assert [(number, t.answer, t.role) for number, t in tree.trajectories.items()] == [
        (0, "0", Role.SAMPLE), (1, "1", Role.SAMPLE), (2, "2", Role.SAMPLE),
    ]  # fmt: skip
    assert tree.others == []


@pytest.mark.parametrize(
    ("explored", "begun"),
    [
        ([{"stop": Stop.ANSWERED}, {"stop": Stop.ANSWERED, "chosen": True}], "draft 1"),
        ([{"stop": Stop.FAILED}, {"stop": Stop.THRESHOLD}, {"stop": Stop.ANSWERED}], "draft 1"),
        ([{"stop": Stop.LENGTH}, {"stop": Stop.BUDGET}], "draft 0"),
    ],
)
async def test_the_choice_is_revised_otherwise_the_first_that_ended_otherwise_the_first(
    explored: list[dict[str, Any]], begun: str
) -> None:
    tree = await tree_of(explorer(*explored), 1)
    assert (tree.trajectories[0].text(), tree.trajectories[0].role, tree.trajectories[0].chosen) == (
        begun,
        Role.SAMPLE,
        False,
    )
    assert len(tree.others) == len(explored) - 1


@pytest.mark.parametrize(
    ("stop", "opened", "reason"),
    [
        (Stop.THRESHOLD, Stop.ANSWERED, None),
        (Stop.CRITIC, Stop.ANSWERED, None),
        (Stop.LENGTH, Stop.LENGTH, "why"),
        (Stop.FAILED, Stop.FAILED, "why"),
    ],
)
async def test_a_draft_that_a_rule_ended_is_an_ordinary_draft(stop: Stop, opened: Stop, reason: str | None) -> None:
    tree = await tree_of(explorer({"stop": stop, "reason": "why"}), 1)
    assert (tree.trajectories[0].stop, tree.trajectories[0].reason) == (opened, reason)


async def test_each_sample_is_solved_in_a_branch_of_its_own() -> None:
    grade = Grade("g", "inside", 1, value=0.5)
    tree = await tree_of(explorer({"stop": Stop.ANSWERED, "grades": (grade,)}, {"role": Role.ROLLOUT}), 2)
    assert [(t.trajectory_id, t.steps[0].step_id) for t in tree.trajectories.values()] == [
        ("u:0", "u/0"),
        ("u:1", "u/1/0"),
    ]
    assert [t.grades[0].trajectory_id for t in tree.trajectories.values()] == ["u:0", "u:1"]
    assert [(t.trajectory_id, t.role, t.sample) for t in tree.others] == [
        ("u/1", Role.ROLLOUT, 0),
        ("u/1/1", Role.ROLLOUT, 1),
    ]


async def test_a_strategy_that_explores_nothing_is_a_dead_end() -> None:
    tree = await tree_of(explorer(), 1)
    assert (tree.trajectories[0].stop, tree.trajectories[0].reason) == (Stop.DEAD_END, "There is no first draft.")
    assert tree.others == []


async def test_empty_trajectories_at_one_place_are_one_and_a_failure_has_precedence() -> None:
    explored = [{"stop": Stop.ANSWERED}, {"empty": 1, "stop": Stop.BUDGET}, {"empty": 1, "stop": Stop.FAILED}]
    tree = await tree_of(explorer(*explored, {"empty": 1, "stop": Stop.DEAD_END}), 1)
    assert [(t.trajectory_id, t.stop) for t in tree.others] == [("u/", Stop.FAILED)]
    tree = await tree_of(explorer(*explored[:2], {"empty": 1, "stop": Stop.DEAD_END}), 1)
    assert [(t.trajectory_id, t.stop) for t in tree.others] == [("u/", Stop.BUDGET)]
