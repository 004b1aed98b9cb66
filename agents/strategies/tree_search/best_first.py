"""Best-first search over the steps of a solution: the most promising open trajectory is always the next to grow (Q*,
Wang et al. 2024, is one of the family)."""

import math
from heapq import heapify, heappop, heappush, nsmallest
from typing import Literal

from redraft.agents.agent import Agent, Watch, at_least_one
from redraft.agents.critics.critic import Critic
from redraft.agents.policies.policy import Stepwise
from redraft.agents.search.final_answer import solutions
from redraft.agents.search.level_search import count_visits
from redraft.agents.search.node import Node
from redraft.agents.search.search import Search, SearchRuntime, SearchState, notify
from redraft.agents.search.search_graph import choose_node, search_agent
from redraft.agents.search.termination import apply_critic, apply_depth_limit
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

    def cost(node: Node) -> float | None:
        if node.value is None:
            return None
        if rule == "greedy":
            return -node.value
        chances = [step.logprob for step in node.trajectory.steps]
        known = [chance for chance in chances if chance is not None]
        if len(known) < len(chances):
            return None
        left = (-math.log(node.value) if node.value else math.inf) if weight else 0.0
        return (weight * left - math.fsum(known)) / (node.depth if normalised else 1)

    async def critique(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search, asked = runtime.context, state.get("asked", 0)
        if asked >= iterations or (asked and not search.queue):
            return {"open": [], "done": True}
        node = search.nodes[heappop(search.queue)[1]] if asked else search.root
        if node.answered or await apply_critic(search, critic, node):
            chosen = node.trajectory.trajectory_id if node.answered else None
            return {"asked": asked + 1, "open": [], "done": node.answered, "chosen": chosen}
        return {"asked": asked + 1, "open": [node.index], "done": False}

    async def propose(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search = runtime.context
        [node] = search.at(state)
        await search.expand(policy, node, branch)
        added = apply_depth_limit(node, depth)
        return {"open": [child.index for child in added], "done": search.spent or search.stuck([node])}

    async def grade(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search, added = runtime.context, runtime.context.at(state)
        await value(search, added)
        for node in added:
            price = cost(node)
            if price is not None:
                heappush(search.queue, (price, node.index))
            elif node.value is None:
                node.close()
        if frontier is not None and len(search.queue) > frontier:
            search.queue[:] = nsmallest(frontier, search.queue)
            heapify(search.queue)
        notify(watch, added)
        return {"open": [], "done": state.get("done", False)}

    async def value(search: Search, added: list[Node]) -> None:
        await search.value(grader, added)
        count_visits(added)

    def cheapest(search: Search) -> Node | None:
        found = [(price, node.index) for node in solutions(search) if (price := cost(node)) is not None]
        return search.nodes[min(found)[1]] if found else next(iter(solutions(search)), None)

    choose = choose_node(policy, depth, value=value, pick=lambda search, state: cheapest(search), watch=watch)
    limit = 3 * iterations + 6
    return search_agent("best_first", critique=critique, propose=propose, grade=grade, choose=choose, limit=limit)
