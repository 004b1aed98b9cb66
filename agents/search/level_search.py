"""Level search: in each round all open nodes are extended by a step and get values, and some of them continue. A `Plan`
turns level search into beam search, a particle filter or another method."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, cycle, islice

from redraft.agents.agent import Watch
from redraft.agents.critics.critic import Critic, go_on
from redraft.agents.policies.policy import Policy
from redraft.agents.search.final_answer import best_node, solutions
from redraft.agents.search.node import Node
from redraft.agents.search.search import Search, SearchAgent, SearchRuntime, SearchState, notify
from redraft.agents.search.search_graph import choose_node, search_agent
from redraft.agents.search.stop import apply_critic
from redraft.graders.grader import Grader
from redraft.llm.gather import gather

Value = Callable[[Search, Sequence[Node]], Awaitable[None]]
"""A function that sets the values of a round's candidates. Candidates of earlier rounds already have values."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules that decide which candidates of a round continue, and how.

    The question is continued `width` times. Afterwards each open node is continued `each` times. Without `each`, the
    open nodes are continued in turn until there are `width` candidates. `keep` returns the candidates of a round that
    continue; a candidate that it returns twice is continued twice as often. With `resting`, candidates that ended in an
    answer remain candidates. `pick` returns the solution that is the answer; it gets the candidates that the last round
    kept, and can read all nodes of the search. With `to_end`, the last round writes open candidates to their ends.
    """

    width: int
    value: Value
    keep: Callable[[Search, list[Node], int], list[Node]]
    pick: Callable[[Search, Sequence[Node]], Node | None]
    each: int | None = None
    resting: bool = True
    distinct: bool = True
    to_end: bool = True


def level_search(
    name: str, plan: Plan, policy: Policy, critic: Critic, iterations: int, watch: Watch | None
) -> SearchAgent:
    """Returns the agent that runs a plan for at most `iterations` rounds.

    The visits of a node are the number of nodes with a value at and below it. A node has no value if its call failed or
    the grader could not decide; such a node is not continued. The critic is asked about each node before the node is
    continued. If there is no solution at the end, the best open trajectory is written to its end, unless a budget is
    used up.
    """

    async def critique(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search = runtime.context
        nodes = search.open_nodes(state) if state.get("asked") else [search.root]
        await gather(apply_critic(search, critic, node) for node in dict.fromkeys(nodes))
        going = [node for node in nodes if not node.ended or (node.answered and plan.resting)]
        return {"open": [node.index for node in going], "done": not _open_nodes(going)}

    async def propose(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search, asked = runtime.context, state.get("asked", 0) + 1
        nodes = search.open_nodes(state) if asked > 1 else [search.root]
        carried = [node for node in nodes if node.ended]
        shares = _continuation_counts(plan, _open_nodes(nodes), len(carried))
        grown = await search.expand_all(policy, list(shares), list(shares.values()), distinct=plan.distinct)
        new = list(chain.from_iterable(grown))
        if asked >= iterations and plan.to_end:
            new = await _write_to_end(search, policy, new)
        kept = await keep(search, [*carried, *new], asked)
        done = search.spent or asked >= iterations or not _open_nodes(kept)
        return {"asked": asked, "open": [node.index for node in kept], "done": done}

    async def keep(search: Search, nodes: list[Node], asked: int) -> list[Node]:
        """Returns the nodes of a round that continue."""
        candidates = [node for node in nodes if node.answered or not node.ended]
        new = [node for node in candidates if node.value is None]
        await value(search, candidates)
        notify(watch, new)
        for node in nodes:
            if node.value is None:
                node.close()
        valued = [node for node in candidates if node.value is not None and (plan.resting or not node.ended)]
        return plan.keep(search, valued, asked)

    async def value(search: Search, nodes: list[Node]) -> None:
        new = [node for node in nodes if node.value is None]
        await plan.value(search, nodes)
        count_visits(new)

    def pick(search: Search, state: SearchState) -> Node | None:
        return plan.pick(search, search.open_nodes(state)) or best_node(solutions(search))

    choose = choose_node(
        policy, iterations, value=lambda search, added: value(search, added[-1:]), pick=pick, watch=watch
    )
    criticise = None if critic is go_on else critique
    return search_agent(name, critique=criticise, propose=propose, choose=choose, limit=2 * iterations + 4)


def grader_value(grader: Grader) -> Value:
    """Returns a function that sets a node's value to the grader's value."""

    async def value(search: Search, nodes: Sequence[Node]) -> None:
        await search.value(grader, [node for node in nodes if node.value is None])

    return value


def top_nodes(nodes: Iterable[Node], most: int | None) -> list[Node]:
    """Returns the `most` nodes with the highest values, highest first. If values are equal, the first node wins."""
    return sorted(nodes, key=lambda node: -(node.value or 0.0))[:most]


def count_visits(nodes: Iterable[Node]) -> None:
    """Adds a visit to each node with a value, and to all its ancestors."""
    for node in nodes:
        for each in node.lineage() if node.value is not None else ():
            each.visits += 1


def _open_nodes(nodes: Iterable[Node]) -> list[Node]:
    return [node for node in nodes if not node.ended]


def _continuation_counts(plan: Plan, nodes: Sequence[Node], carried: int) -> Counter[Node]:
    """Returns, for each open node, the number of continuations to draw."""
    if nodes[0].parent is None:
        return Counter({nodes[0]: plan.width})
    if plan.each is None:
        return Counter(islice(cycle(nodes), max(len(nodes), plan.width - carried)))
    return Counter({node: plan.each * times for node, times in Counter(nodes).items()})


async def _write_to_end(search: Search, policy: Policy, nodes: Sequence[Node]) -> list[Node]:
    """Extends every open node by one step per round until all have ended or a budget is used up. Returns the last
    nodes."""
    ends = list(nodes)
    while not search.spent and (going := [node for node in ends if not node.ended]):
        grown = dict(zip(going, await search.expand_all(policy, going, 1, distinct=False), strict=True))
        ends = [next(iter(grown.get(node, ())), node) for node in ends]
    return ends
