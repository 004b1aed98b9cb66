"""Search over a priority queue of open trajectories. The priority function makes the search best-first or
depth-first."""

import math
from collections.abc import Callable
from heapq import heapify, heappop, heappush, nsmallest

from redraft.agents.agent import Watch
from redraft.agents.critics.critic import Critic
from redraft.agents.policies.policy import Policy
from redraft.agents.search.level_search import Value, count_visits, top_nodes
from redraft.agents.search.node import Node
from redraft.agents.search.search import Priority, Search, SearchAgent, SearchRuntime, SearchState, notify
from redraft.agents.search.search_graph import choose_node, search_agent
from redraft.agents.search.stop import apply_critic, apply_depth_limit


def depth_first(node: Node) -> Priority:
    """Returns the priority of depth-first search: the deepest node first, and among siblings the highest value (Tree of
    Thoughts, Yao et al. 2023, Algorithm 2). Nodes in the queue at the same depth are always siblings, because all nodes
    below a node are taken before its next sibling."""
    return -node.depth, -(node.value or 0.0)


def queue_search(
    name: str,
    policy: Policy,
    critic: Critic,
    *,
    value: Value,
    priority: Callable[[Node], Priority | None],
    pick: Callable[[Search], Node | None],
    branch: int,
    visits: int,
    depth: int,
    width: int | None = None,
    threshold: float = -math.inf,
    frontier: int | None = None,
    value_completion: bool = True,
    watch: Watch | None,
) -> SearchAgent:
    """Returns an agent that takes the first node off the queue, up to `visits` times. If the node is a solution, it is
    the answer. If the node is open, `branch` next steps are drawn in one call.

    The `width` best new nodes join the queue if their value is at least `threshold`; the others are closed. A node
    whose `priority` is None remains open, but does not join the queue. If priorities are equal, the node that was drawn
    first is taken. The queue keeps only its first `frontier` nodes. If no solution is taken from the queue, `pick`
    chooses the answer. If there is no solution, the best open trajectory is written to its end. Then each new step gets
    a value, or only the last step if `value_completion` is False.
    """

    async def critique(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search, asked = runtime.context, state.get("asked", 0)
        if asked >= visits or (asked and not search.queue):
            return {"open": [], "done": True}
        node = search.nodes[heappop(search.queue)[1]] if asked else search.root
        if node.answered or await apply_critic(search, critic, node):
            chosen = node.trajectory.trajectory_id if node.answered else None
            return {"asked": asked + 1, "open": [], "done": node.answered, "chosen": chosen}
        return {"asked": asked + 1, "open": [node.index], "done": False}

    async def propose(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search = runtime.context
        [node] = search.open_nodes(state)
        await search.expand(policy, node, branch)
        added = apply_depth_limit(node, depth)
        return {"open": [child.index for child in added], "done": search.spent or search.stuck([node])}

    async def grade(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search, added = runtime.context, runtime.context.open_nodes(state)
        await set_values(search, added)
        admitted = top_nodes([node for node in added if node.value is not None and node.value >= threshold], width)
        for node in added:
            if node not in admitted:
                node.close()
            elif (place := priority(node)) is not None:
                heappush(search.queue, (place, node.index))
        if frontier is not None and len(search.queue) > frontier:
            search.queue[:] = nsmallest(frontier, search.queue)
            heapify(search.queue)
        notify(watch, added)
        return {"open": [], "done": state.get("done", False)}

    async def set_values(search: Search, added: list[Node]) -> None:
        await value(search, added)
        count_visits(added)

    choose = choose_node(
        policy,
        depth,
        value=lambda search, added: set_values(search, added if value_completion else added[-1:]),
        pick=lambda search, state: pick(search),
        watch=watch,
    )
    limit = 3 * visits + 6
    return search_agent(name, critique=critique, propose=propose, grade=grade, choose=choose, limit=limit)
