"""Lookahead search: a beam search that values a candidate by a rollout from it (Snell et al. 2024)."""

from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from redraft.agents.agent import Agent, Watch, at_least_one
from redraft.agents.critics.critic import Critic
from redraft.agents.policies.policy import Policy, Stepwise, stepwise
from redraft.agents.search.final_answer import FINAL_RULES
from redraft.agents.search.level_search import Plan, level_search, top_nodes
from redraft.agents.search.node import Node, probability, recorded_grade
from redraft.agents.search.search import Search
from redraft.agents.strategies.tree_search.beam import check_beam
from redraft.graders.grader import Grader
from redraft.llm.client.client import Client
from redraft.llm.gather import gather
from redraft.store.trajectory import Stop, Trajectory


def lookahead(
    policy: Stepwise,
    *,
    client: Client,
    grader: Grader,
    critic: Critic,
    k: int = 1,
    n: int = 4,
    width: int = 4,
    iterations: int = 40,
    distinct: bool = True,
    final: Literal["value", "vote"] = "value",
    watch: Watch | None = None,
) -> Agent:
    """Searches like `beam`, but values an open candidate by a rollout of `k` further steps at temperature 0.

    The value is the grader's value of the rollout. A rollout that ends early has fewer than `k` steps. Rollouts are
    stored outside the tree, with the role `rollout`, and all their tokens count. A candidate costs k + 1 steps, so at
    equal cost `beam` has k + 1 times as many candidates. The published code of search-and-learn draws rollouts for its
    beam search but then grades only the candidate; here the end of the rollout is graded. If a failed call or a budget
    cuts a rollout short, its candidate has no value and does not continue.

    Raises PartError for counts below 1, if `n` is not a multiple of `width`, and for an unknown `final`.

    Args:
        k: The number of steps that a rollout looks ahead.
        n: The number of candidates in a round.
        width: The number of next steps drawn for each trajectory that continues; n / width trajectories continue.
        iterations: The maximum number of rounds; the last one writes its candidates to their ends.
        distinct: Whether a step that repeats its sibling's text is dropped.
        final: How the answer is chosen among the finished candidates: `value` takes the one with the highest value;
            `vote` sums the values of each answer, and takes the best candidate of the answer with the highest sum.
    """
    at_least_one(k=k)
    check_beam(n, width, iterations, final)
    greedy = stepwise(client, temperature=0.0)

    async def value(search: Search, nodes: Sequence[Node]) -> None:
        new = [node for node in nodes if node.value is None]
        await search.value(grader, [node for node in new if node.ended])
        ahead = [node for node in new if not node.ended]
        rolled = await gather(_roll_out(search, greedy, node, k) for node in ahead)
        whole = [
            (node, trajectory)
            for node, trajectory in zip(ahead, rolled, strict=True)
            if not _is_cut_short(search, trajectory)
        ]
        grades = await search.grade(grader, [trajectory for _, trajectory in whole])
        for (node, trajectory), grade in zip(whole, grades, strict=True):
            node.value = probability(grade)
            kept = replace(trajectory, score=node.value, grades=(*trajectory.grades, recorded_grade(grade, trajectory)))
            search.rollouts += [kept] if kept.steps != node.trajectory.steps else []
        search.rollouts += [trajectory for trajectory in rolled if _is_cut_short(search, trajectory)]

    plan = Plan(
        width=n,
        value=value,
        keep=lambda search, nodes, asked: top_nodes(nodes, n // width),
        pick=lambda search, nodes: FINAL_RULES[final](search),
        resting=False,
        distinct=distinct,
    )
    return level_search("lookahead", plan, policy, critic, iterations, watch)


async def _roll_out(search: Search, policy: Policy, node: Node, k: int) -> Trajectory:
    """Returns the node's trajectory extended by up to `k` steps. It has fewer new steps if it ends, or if a call adds
    no step."""
    trajectory = replace(node.trajectory, score=None, grades=())
    for number in range(k):
        more = await search.roll(policy, node, 1, trajectory if number else None)
        if not more:
            break
        [trajectory] = more
        if trajectory.stop is not None:
            break
    return trajectory


def _is_cut_short(search: Search, trajectory: Trajectory) -> bool:
    """Returns True if the call after a rollout's last step failed, or was not made because a budget was used up."""
    nothing = search.lost.get(trajectory.place) if trajectory.stop is None else None
    return nothing is not None and nothing.stop in (Stop.FAILED, Stop.BUDGET)
