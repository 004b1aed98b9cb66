"""Depth-first search over steps, as Tree of Thoughts has it (Yao et al. 2023, Algorithm 2)."""

from redraft.agents.agent import Watch
from redraft.agents.critics.critic import Critic
from redraft.agents.policies.policy import Policy
from redraft.agents.search.final_answer import highest, solutions
from redraft.agents.search.level_search import Value, best, counted
from redraft.agents.search.node import Node
from redraft.agents.search.search import Growth, Search, SearchAgent, Searching, shown
from redraft.agents.search.search_graph import choosing, wired
from redraft.agents.search.termination import bounded, criticised


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
    ends without has the best of what it found, if need be by writing the best open path to its end."""

    async def critique(state: Growth, runtime: Searching) -> Growth:
        search, asked = runtime.context, state.get("asked", 0)
        if asked >= visits or (asked and not search.queue):
            return {"open": [], "done": True}
        node = search.nodes[search.queue.pop()[1]] if asked else search.root
        if node.answered or await criticised(search, critic, node):
            chosen = node.path.trajectory_id if node.answered else None
            return {"asked": asked + 1, "open": [], "done": node.answered, "chosen": chosen}
        return {"asked": asked + 1, "open": [node.index], "done": False}

    async def propose(state: Growth, runtime: Searching) -> Growth:
        search = runtime.context
        [node] = search.at(state)
        await search.expand(policy, node, k)
        added = bounded(node, depth)
        return {"open": [child.index for child in added], "done": search.spent or search.stuck([node])}

    async def grade(state: Growth, runtime: Searching) -> Growth:
        search, added = runtime.context, runtime.context.at(state)
        await value(search, added)
        counted(added)
        going = best([node for node in added if node.value is not None and node.value >= threshold], b)
        for node in added:
            if node not in going:
                node.close()
        search.queue += [(node.value or 0.0, node.index) for node in reversed(going)]
        shown(watch, added)
        return {"open": [], "done": state.get("done", False)}

    async def ended(search: Search, added: list[Node]) -> None:
        await value(search, added[-1:])
        counted(added)

    choose = choosing(policy, depth, value=ended, pick=lambda search, state: highest(solutions(search)), watch=watch)
    limit = 3 * visits + 6
    return wired("tree_of_thoughts", critique=critique, propose=propose, grade=grade, choose=choose, limit=limit)
