"""Diverse verifier tree search: independent greedy subtrees, so that one candidate with a high value does not displace
all others (Beeching et al. 2024, search-and-learn)."""

from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from redraft.agents.agent import Agent, Watch
from redraft.agents.critics.critic import Critic
from redraft.agents.policies.policy import Stepwise
from redraft.agents.search.final_answer import best_node, vote_winner
from redraft.agents.search.level_search import Plan, grader_value, level_search, top_nodes
from redraft.agents.search.node import Node
from redraft.agents.search.search import Search
from redraft.agents.strategies.tree_search.beam import check_beam
from redraft.graders.answers.extract import extract
from redraft.graders.grader import Grader
from redraft.store.trajectory import Stop


def dvts(
    policy: Stepwise,
    *,
    grader: Grader,
    critic: Critic,
    n: int = 4,
    width: int = 4,
    iterations: int = 40,
    final: Literal["value", "vote"] = "value",
    watch: Watch | None = None,
) -> Agent:
    """Searches n / `width` independent subtrees. In each round, every subtree draws `width` next steps and keeps the
    best one.

    The best step is the step with the highest grader's value of the text so far. A subtree grows until its best
    candidate ends or contains `\\boxed{`. In the last of `iterations` rounds, all candidates are written to their ends.
    The final candidates are the last `width` of each subtree, `n` in all. The answer is the candidate with the highest
    value among those with an answer. With `final=vote`, the values of each answer are summed, and the best candidate of
    the answer with the highest sum is picked.

    The first steps are drawn in one call, and each subtree gets `width` of them. Equal texts in two subtrees count as
    two candidates. A subtree in which no candidate has a value ends. Raises PartError for counts below 1, if `n` is not
    a multiple of `width`, and for an unknown `final`.

    Args:
        n: The number of candidates in a round, over all subtrees.
        width: The number of next steps that a subtree draws in a round; there are n / width subtrees.
        iterations: The maximum number of rounds; the last one writes its candidates to their ends.
        final: How the answer is chosen among the finished candidates: `value` takes the one with the highest value;
            `vote` sums the values of each answer, and takes the best candidate of the answer with the highest sum.
    """
    check_beam(n, width, iterations, final)
    grade = grader_value(grader)

    async def value(search: Search, nodes: Sequence[Node]) -> None:
        for node in nodes:
            _end_if_boxed(node)
        await grade(search, nodes)

    def keep(search: Search, nodes: list[Node], asked: int) -> list[Node]:
        subtrees: dict[int, list[Node]] = {}
        for node in nodes:
            subtrees.setdefault([*node.lineage()][-2].number // width, []).append(node)
        return [node for members in subtrees.values() for node in _survivors(members)]

    def pick(search: Search, nodes: Sequence[Node]) -> Node | None:
        ends = [node for node in nodes if node.answered]
        return vote_winner(ends) if final == "vote" else best_node(ends)

    plan = Plan(width=n, each=width, value=value, keep=keep, pick=pick, distinct=False)
    return level_search("dvts", plan, policy, critic, iterations, watch)


def _survivors(members: list[Node]) -> list[Node]:
    """Returns the best of a subtree's candidates. If the best candidate has ended, the subtree has ended, and all its
    ended candidates are returned."""
    [top] = top_nodes(members, 1)
    return [node for node in members if node.ended] if top.ended else [top]


def _end_if_boxed(node: Node) -> None:
    """Ends the node's trajectory with its answer if the node's text contains `\\boxed{`."""
    if not node.ended and "boxed{" in node.text:
        answer = extract(node.trajectory.text(), node.trajectory.question.kind)
        node.trajectory = replace(node.trajectory, stop=Stop.ANSWERED, answer=answer)
