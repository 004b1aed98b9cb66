"""Best-first search over the steps of a solution: the most promising open trajectory is always the next to grow (Q*,
Wang et al. 2024, is one of the family)."""

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
    """Takes the cheapest trajectory off the frontier, up to `iterations` times: one that has ended in an answer is the
    search's answer; an open one is continued by `branch` steps in one call, which go to the frontier with their costs.

    With V the grader's value of a trajectory, "greedy" has the cost -V. "astar" has -log p - `weight` log V, p the
    probability that the policy gave to the trajectory's steps: the first answer taken off is then the cheapest of all,
    where weight is 1 and V is at least a child's V times the child's probability. Products make short trajectories win:
    `normalised` divides a trajectory's cost by its steps. Of equals the first drawn is taken. A frontier of more than
    `frontier` trajectories keeps the cheapest.

    Trajectories without a value, and under "astar" without log-probabilities, are kept but never taken. The critic is
    asked about a trajectory before it is continued. Where the search ends without having taken an answer, the cheapest
    that it found is the answer; without any, the best open trajectory is first written to its end. Raises PartError for
    counts below 1, a negative weight, and another `rule`.

    Args:
        rule: What makes a trajectory cheap: a high value (`greedy`), or a high value and a high probability of its
            steps (`astar`).
        weight: How much the value counts beside the probability, at least 0; `astar` alone uses it.
        normalised: Whether a trajectory's cost is divided by its number of steps.
        iterations: The most trajectories that are taken off the frontier.
        branch: The number of next steps that one call draws for a trajectory.
        frontier: The most trajectories that wait; none keeps all.
        depth: The most steps of a trajectory.
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
