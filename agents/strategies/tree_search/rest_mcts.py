"""ReST-MCTS*: tree search guided by a value of partial solutions and a self-critic (Zhang et al. 2024, Algorithm 2)."""

import math
from typing import Literal

from redraft.agents.agent import Agent, Watch, at_least_one
from redraft.agents.critics.critic import Critic
from redraft.agents.policies.policy import Stepwise
from redraft.agents.search.final_answer import FINAL_RULES
from redraft.agents.search.node import Node
from redraft.agents.search.rollout import greedy_rollout_value
from redraft.agents.search.search import Search, SearchRuntime, SearchState, notify
from redraft.agents.search.search_graph import choose_node, search_agent
from redraft.agents.search.stop import apply_critic, apply_depth_limit
from redraft.graders.grader import Grader
from redraft.store.errors import PartError
from redraft.store.trajectory import Stop


def rest_mcts(
    policy: Stepwise,
    *,
    grader: Grader,
    critic: Critic,
    iterations: int = 50,
    branch: int = 3,
    end_gate: float = 0.9,
    exploration: float = 0.7,
    alpha: float = 0.5,
    roll_branch: int = 1,
    roll_forward_steps: int = 3,
    inf: float = 1.0,
    depth: int = 40,
    full: bool = False,
    final: Literal["value", "vote"] = "value",
    watch: Watch | None = None,
) -> Agent:
    """Selects, critiques, expands, simulates and backs up, `iterations` times, as in the published code of ReST-MCTS*.

    Select: from the root, follow the child with the highest V + exploration * sqrt(2 ln N_parent / N), or V + `inf` if
    the child was never visited. Among equals, follow the first. If a selected solution (a trajectory that has ended in
    an answer) has V >= `end_gate`, it ends the search. With `full`, no solution ends the search, and all solutions are
    collected. Critique: the critic decides whether the trajectory is finished, is hopeless, or goes on with advice.
    Expand: draw `branch` steps in one call, with the advice; the grader gives each a value V in [0, 1]. Simulate: from
    the best new step, draw `roll_branch` steps up to `roll_forward_steps` times, and continue from the best step each
    time, until the trajectory ends or the critic ends it. With v the highest value on this path, V = (1 - alpha) V +
    alpha v, and N is 1. Back up: N grows by 1 from the expanded node to the root, and each V becomes the mean of the
    children's V, weighted by their N.

    The answer is the solution that ended the search, otherwise the solution with the highest V. With `final=vote`, the
    V of each answer are summed, and the best solution of the answer with the highest sum is picked. If there is no
    solution, the best open trajectory is first written to its end.

    The published code differs in four points. The published code selects a solution below the gate again, which uses up
    iterations. It can return an unfinished trajectory as the answer. It counts a rollout without a value as 0; here
    such a rollout leaves V unchanged. Here a failed call does not finish a trajectory, has no value, and is no visit.
    The search ends early if nothing is left to select, if a budget is used up, and after three successive failed
    expansions.

    Raises PartError for counts below 1, and for an unknown `final`.

    Args:
        iterations: The number of selections.
        branch: The number of next steps that one call draws for a trajectory.
        end_gate: The value at which a selected solution ends the search.
        exploration: The weight of the exploration term, which favours rarely visited nodes.
        alpha: The weight of the simulated value in an expanded step's value, in [0, 1].
        roll_branch: The number of steps that a simulation draws at a time; the best one continues.
        roll_forward_steps: The maximum number of steps of a simulation.
        inf: The bonus of a trajectory that was never visited.
        depth: The maximum number of steps of a trajectory.
        full: Whether the search continues after a solution, and collects all solutions.
        final: Which solution is the answer if none ended the search: the one with the highest `value`, or the best of
            the answer whose values have the highest sum (`vote`).
    """
    at_least_one(iterations=iterations, branch=branch, roll_branch=roll_branch, depth=depth)
    if final not in ("value", "vote"):
        raise PartError(f"no final={final!r}; there are value, vote")
    gate = math.inf if full else end_gate

    async def critique(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search, asked = runtime.context, state.get("asked", 0)
        node = _select(search.root, exploration, inf, gate)
        if node is None or node.ended or asked >= iterations:
            return {
                "open": [],
                "done": True,
                "chosen": node.trajectory.trajectory_id if node and node.answered else None,
            }
        if not await apply_critic(search, critic, node):
            return {"asked": asked + 1, "open": [node.index], "done": False}
        back_up(node)
        node.close()
        found = node.answered and _value(node) >= gate
        return {
            "asked": asked + 1,
            "open": [],
            "done": found,
            "chosen": node.trajectory.trajectory_id if found else None,
        }

    async def propose(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search = runtime.context
        [node] = search.open_nodes(state)
        await search.expand(policy, node, branch)
        return {"open": [node.index], "done": search.spent or search.stuck([node])}

    async def grade(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search = runtime.context
        [node] = search.open_nodes(state)
        await search.value(grader, apply_depth_limit(node, depth))
        _close_unvalued(node)
        best = max((child for child in node.children if not child.closed), key=_value, default=None)
        if best and not search.spent:
            seen = await greedy_rollout_value(search, policy, grader, critic, best, roll_branch, roll_forward_steps)
            best.value = _value(best) if seen is None else (1 - alpha) * _value(best) + alpha * seen
            best.visits += 1
            if best.ended and not best.answered:  # the critic calls the node hopeless
                best.close()
        if best or node.trajectory.stop is Stop.DEAD_END:
            back_up(node)
        notify(watch, node.children)
        return {"open": [], "done": state.get("done", False) or search.spent}

    async def value(search: Search, added: list[Node]) -> None:
        await search.value(grader, added)

    choose = choose_node(policy, depth, value=value, pick=lambda search, state: FINAL_RULES[final](search), watch=watch)
    limit = 3 * iterations + 4
    return search_agent("rest_mcts", critique=critique, propose=propose, grade=grade, choose=choose, limit=limit)


def back_up(node: Node) -> None:
    """Counts a visit of the node and of its ancestors. The value of a node with visited children becomes the mean of
    their values, weighted by visits."""
    for each in node.lineage():
        each.visits += 1
        seen = [child for child in each.children if child.visits]
        if seen:
            each.value = sum(child.visits * _value(child) for child in seen) / sum(child.visits for child in seen)


def _select(root: Node, exploration: float, inf: float, gate: float) -> Node | None:
    """Returns the node to visit next: an open node, or a solution whose value is at least `gate`. Returns None if all
    nodes are closed. A solution below the gate is closed during the selection."""

    def score(node: Node) -> float:
        above = node.parent.visits if node.parent else 0
        if not node.visits:
            return _value(node) + inf
        return _value(node) + exploration * math.sqrt(2 * math.log(max(1, above)) / node.visits)

    while not root.closed:
        node = root
        while node.children:
            node = max((child for child in node.children if not child.closed), key=score)
        if not node.ended or _value(node) >= gate:
            return node
        node.close()
    return None


def _close_unvalued(node: Node) -> None:
    for child in node.children:
        if child.value is None and not child.closed:
            child.close()


def _value(node: Node) -> float:
    """Returns the value of a node, or 0 if the node has no value, such as the root before its first backup."""
    return 0.0 if node.value is None else node.value
