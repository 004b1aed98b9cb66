"""Depth-first search over steps, as Tree of Thoughts has it (Yao et al. 2023, Algorithm 2)."""

from redraft.agents.agent import Watch
from redraft.agents.critics.critic import Critic
from redraft.agents.policies.policy import Policy
from redraft.agents.search.final_answer import best_node, solutions
from redraft.agents.search.level_search import Value, count_visits, top_nodes
from redraft.agents.search.node import Node
from redraft.agents.search.search import Search, SearchAgent, SearchRuntime, SearchState, notify
from redraft.agents.search.search_graph import choose_node, search_agent
from redraft.agents.search.termination import apply_critic, apply_depth_limit


def depth_first(
    policy: Policy,
    critic: Critic,
    value: Value,
    *,
    k: int,
    b: int,
    threshold: float,
    visits: int,
    depth: int,
    watch: Watch | None,
) -> SearchAgent:
    """Takes the last state that waits, up to `visits` times: a solution is the answer; an open one is continued by `k`
    steps, of which the `b` best with a value of at least `threshold` wait, the best to be taken first. A search that
    ends without has the best of what it found, if need be by writing the best open trajectory to its end."""

    async def critique(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search, asked = runtime.context, state.get("asked", 0)
        if asked >= visits or (asked and not search.queue):
            return {"open": [], "done": True}
        node = search.nodes[search.queue.pop()[1]] if asked else search.root
        if node.answered or await apply_critic(search, critic, node):
            chosen = node.trajectory.trajectory_id if node.answered else None
            return {"asked": asked + 1, "open": [], "done": node.answered, "chosen": chosen}
        return {"asked": asked + 1, "open": [node.index], "done": False}

    async def propose(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search = runtime.context
        [node] = search.at(state)
        await search.expand(policy, node, k)
        added = apply_depth_limit(node, depth)
        return {"open": [child.index for child in added], "done": search.spent or search.stuck([node])}

    async def grade(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search, added = runtime.context, runtime.context.at(state)
        await value(search, added)
        count_visits(added)
        going = top_nodes([node for node in added if node.value is not None and node.value >= threshold], b)
        for node in added:
            if node not in going:
                node.close()
        search.queue += [(node.value or 0.0, node.index) for node in reversed(going)]
        notify(watch, added)
        return {"open": [], "done": state.get("done", False)}

    async def ended(search: Search, added: list[Node]) -> None:
        await value(search, added[-1:])
        count_visits(added)

    choose = choose_node(
        policy, depth, value=ended, pick=lambda search, state: best_node(solutions(search)), watch=watch
    )
    limit = 3 * visits + 6
    return search_agent("tree_of_thoughts", critique=critique, propose=propose, grade=grade, choose=choose, limit=limit)
