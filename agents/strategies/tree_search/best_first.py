"""Best-first search over the steps of a solution: the cheapest open trajectory is extended next. Q* (Wang et al. 2024)
is a search of this kind."""

import math
from typing import Literal

from redraft.agents.agent import Agent, Watch, at_least_one
from redraft.agents.critics.critic import Critic
from redraft.agents.policies.policy import Stepwise
from redraft.agents.search.final_answer import solutions
from redraft.agents.search.level_search import grader_value
from redraft.agents.search.node import Node
from redraft.agents.search.queue_search import queue_search
from redraft.agents.search.search import Priority, Search
from redraft.graders.grader import Grader
from redraft.store.errors import PartError


def best_first(
    policy: Stepwise,
    *,
    grader: Grader,
    critic: Critic,
    rule: Literal["greedy", "astar"] = "greedy",
    weight: float = 1.0,
    normalised: bool = False,
    iterations: int = 32,
    branch: int = 3,
    frontier: int | None = None,
    depth: int = 40,
    watch: Watch | None = None,
) -> Agent:
    """Extends the cheapest open trajectory in each iteration. The answer is the first solution that is the cheapest of
    the frontier.

    In each of at most `iterations` iterations, the cheapest trajectory is removed from the frontier. If it is a
    solution, it is the answer. If it is open, `branch` next steps are drawn in one call, and the new trajectories join
    the frontier with their costs.

    Let V be the grader's value of a trajectory. With `rule=greedy`, the cost is -V. With `rule=astar`, the cost is -log
    p - `weight` log V, where p is the policy's probability of the trajectory's steps. Under `astar`, the first solution
    that is removed is the cheapest of all if `weight` is 1 and V is at least the child's V times the child's
    probability. Products favour short trajectories, so `normalised` divides the cost by the number of steps. If costs
    are equal, the trajectory that was drawn first is taken. If the frontier has more than `frontier` trajectories, only
    the cheapest are kept.

    A trajectory without a value is stored but never taken; with `rule=astar`, the same holds without log-probabilities.
    The critic is asked about a trajectory before it is continued. If the search ends before it has taken a solution,
    the cheapest solution is the answer. If there is no solution, the best open trajectory is first written to its end.
    Raises PartError for counts below 1, a negative weight, and an unknown `rule`.

    Args:
        rule: What makes a trajectory cheap: a high value (`greedy`), or a high value and a high probability of its
            steps (`astar`).
        weight: The weight of the value relative to the probability, at least 0; only `astar` uses it.
        normalised: Whether a trajectory's cost is divided by its number of steps.
        iterations: The maximum number of trajectories that are taken from the frontier.
        branch: The number of next steps that one call draws for a trajectory.
        frontier: The maximum number of trajectories in the frontier; `none` means no limit.
        depth: The maximum number of steps of a trajectory.
    """
    at_least_one(iterations=iterations, branch=branch, depth=depth, frontier=1 if frontier is None else frontier)
    if rule not in ("greedy", "astar") or weight < 0:
        raise PartError(f"no rule={rule!r} with weight={weight}; there are greedy, astar, and a weight of at least 0")

    def cost(node: Node) -> Priority | None:
        if node.value is None:
            return None
        if rule == "greedy":
            return (-node.value,)
        chances = [step.logprob for step in node.trajectory.steps]
        known = [chance for chance in chances if chance is not None]
        if len(known) < len(chances):
            return None
        left = (-math.log(node.value) if node.value else math.inf) if weight else 0.0
        return ((weight * left - math.fsum(known)) / (node.depth if normalised else 1),)

    def cheapest(search: Search) -> Node | None:
        found = [(price, node.index) for node in solutions(search) if (price := cost(node)) is not None]
        return search.nodes[min(found)[1]] if found else next(iter(solutions(search)), None)

    return queue_search(
        "best_first",
        policy,
        critic,
        value=grader_value(grader),
        priority=cost,
        pick=cheapest,
        branch=branch,
        visits=iterations,
        depth=depth,
        frontier=frontier,
        watch=watch,
    )
