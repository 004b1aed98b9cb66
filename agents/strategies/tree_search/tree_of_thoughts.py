"""Tree of Thoughts: deliberate search over steps, breadth first or depth first (Yao et al. 2023)."""

import random
from collections.abc import Sequence
from typing import Literal

from redraft.agents.agent import Agent, Watch, at_least_one
from redraft.agents.critics.critic import Critic
from redraft.agents.feedback.model_feedback import require_chat_model
from redraft.agents.policies.policy import Stepwise
from redraft.agents.search.final_answer import best_node, highest_value
from redraft.agents.search.level_search import Plan, Value, grader_value, level_search, top_nodes
from redraft.agents.search.node import Node
from redraft.agents.search.queue_search import depth_first, queue_search
from redraft.agents.search.search import Search
from redraft.agents.search.thought_prompts import judging_grader, proposing_policy, voting_value
from redraft.graders.grader import Grader
from redraft.llm.client.client import Client
from redraft.store.errors import PartError, alternatives


def tree_of_thoughts(
    policy: Stepwise,
    *,
    client: Client,
    grader: Grader,
    critic: Critic,
    method: Literal["bfs", "dfs"] = "bfs",
    generate: Literal["sample", "propose"] = "sample",
    evaluate: Literal["grader", "value", "vote"] = "grader",
    select: Literal["greedy", "sample"] = "greedy",
    k: int = 5,
    b: int = 5,
    n_evaluate: int = 3,
    threshold: float = 0.001,
    visits: int = 100,
    depth: int = 40,
    watch: Watch | None = None,
) -> Agent:
    """Searches a tree of thoughts (steps), breadth first or depth first. Each open state gets `k` next thoughts.

    With `generate=sample`, the next thoughts are drawn independently. With `generate=propose`, one call asks for a list
    of them. The values of the thoughts come from the `grader` or from the model itself. With `evaluate=value`, the
    model judges each thought separately, `n_evaluate` times (sure, likely, impossible). With `evaluate=vote`, the model
    sees all thoughts together and votes `n_evaluate` times.

    With `method=bfs`, the `b` best candidates are kept in each round, for `depth` rounds or until all of them have
    ended. With `select=sample`, b candidates are drawn in proportion to their values instead (evenly if all values are
    0). The run, the question and the round seed this draw. A candidate that has ended remains a candidate as long as it
    is selected. The answer is the best of the last b candidates.

    With `method=dfs`, the `b` best thoughts of a state are explored one after the other, each with its whole subtree. A
    thought with a value below `threshold` is pruned. The search ends at the first answer, or after `visits` states.

    A thought that repeats its sibling is dropped. A thought has no value if a call failed or the reply contains no
    judgement. Such a thought is not continued, and its value does not count as 0. The paper's tasks use
    `generate=propose` with `evaluate=value`, or `generate=sample` with `evaluate=vote`. In the paper's depth-first
    search the judge is asked about each clue of a crossword; here it is asked about each state. Raises PartError for
    counts below 1, for unknown names, and if a model that knows only its own prompt forms is to propose or evaluate.

    Args:
        method: How the tree is searched: breadth first (`bfs`) or depth first (`dfs`).
        generate: How next thoughts are written: each in its own reply (`sample`), or as a list in one call (`propose`).
        evaluate: The source of the thoughts' values: the `grader`, the model that judges each thought separately
            (`value`), or the model that votes among all thoughts (`vote`).
        select: How `bfs` selects candidates: by the highest values (`greedy`), or by a draw in proportion to the values
            (`sample`).
        k: The number of next thoughts of a state.
        b: The number of thoughts that continue: per round in `bfs`, per state in `dfs`.
        n_evaluate: The number of judgements, or votes, that the model gives.
        threshold: The value below which `dfs` prunes a thought.
        visits: The maximum number of states that `dfs` visits.
        depth: The maximum number of steps of a trajectory.
    """
    at_least_one(k=k, b=b, n_evaluate=n_evaluate, visits=visits, depth=depth)
    named = {"method": method, "generate": generate, "evaluate": evaluate, "select": select}
    for name, given in named.items():
        if given not in NAMES[name]:
            raise PartError(f"no {name}={given!r}; {alternatives(given, NAMES[name])}")
    if generate == "propose" or evaluate != "grader":
        require_chat_model(client, "tree_of_thoughts", "set generate=sample and evaluate=grader")
    writer = proposing_policy(client) if generate == "propose" else policy
    value = _evaluation(client, grader, evaluate, n_evaluate)
    if method == "dfs":
        return queue_search(
            "tree_of_thoughts",
            writer,
            critic,
            value=value,
            priority=depth_first,
            pick=highest_value,
            branch=k,
            visits=visits,
            depth=depth,
            width=b,
            threshold=threshold,
            value_completion=False,
            watch=watch,
        )

    def keep(search: Search, nodes: list[Node], asked: int) -> list[Node]:
        if select == "greedy" or not nodes:
            return top_nodes(nodes, b)
        question = search.question
        chance = random.Random(client.seed(question.unit, "select", question.root, asked))
        weights = [node.value or 0.0 for node in nodes]
        return chance.choices(nodes, weights if any(weights) else None, k=b)

    def pick(search: Search, nodes: Sequence[Node]) -> Node | None:
        return best_node([node for node in nodes if node.answered])

    plan = Plan(width=k, each=k, value=value, keep=keep, pick=pick)
    return level_search("tree_of_thoughts", plan, writer, critic, depth, watch)


def _evaluation(client: Client, grader: Grader, evaluate: str, times: int) -> Value:
    if evaluate == "vote":
        return voting_value(client, times)
    return grader_value(judging_grader(client, times) if evaluate == "value" else grader)


NAMES = {
    "method": ("bfs", "dfs"),
    "generate": ("sample", "propose"),
    "evaluate": ("grader", "value", "vote"),
    "select": ("greedy", "sample"),
}
