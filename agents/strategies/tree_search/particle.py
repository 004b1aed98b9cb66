"""Particle filtering over the steps of a solution: samples in proportion to the grader's rewards instead of the single
best (Puri et al. 2025)."""

import random
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

from redraft.agents.agent import Agent, Watch, at_least_one
from redraft.agents.critics.critic import Critic
from redraft.agents.policies.policy import Stepwise
from redraft.agents.search.final_answer import best_node
from redraft.agents.search.level_search import Plan, grader_value, level_search
from redraft.agents.search.node import Node
from redraft.agents.search.search import Search
from redraft.graders.grader import Grader
from redraft.graders.selectors import majority
from redraft.llm.client.client import Client
from redraft.store.errors import PartError
from redraft.store.trajectory import Grade


def particle(
    policy: Stepwise,
    *,
    client: Client,
    grader: Grader,
    critic: Critic,
    n: int = 8,
    resampling: Literal["systematic", "multinomial"] = "systematic",
    weight: Literal["odds", "value"] = "odds",
    iterations: int = 40,
    final: Literal["value", "vote"] = "value",
    watch: Watch | None = None,
) -> Agent:
    """Grows `n` particles by a step a round, and then resamples them by their weights until all have ended.

    A particle that has ended in an answer keeps its weight and is resampled like the others. With V the grader's value
    of the text so far, the weight is V / (1 - V) (`weight` = odds), which is the paper's softmax over the logits of V;
    V is clipped to 1e-7 from 0 and 1. With `weight` = value, the weight is V itself. `resampling` = multinomial draws
    each particle alone, as the paper does; systematic draws all with one random number, so that each particle is drawn
    its expected number of times, rounded down or up. The run's seed, the question and the round seed the draws.
    Particles with one prefix are siblings, drawn in one call, so no token is counted twice; equal texts stay two
    particles.

    The answer is the best of the last particles by V; with `final` = vote it is their most frequent answer. A particle
    that failed, or has no value, is not drawn. The last of `iterations` rounds writes the particles to their ends.
    Raises PartError for counts below 1, and for an unknown `resampling`, `weight` or `final`.

    Args:
        n: The number of particles.
        resampling: How particles are resampled: all with one random number (`systematic`), or each alone
            (`multinomial`).
        weight: The weight by which a particle is drawn: the `odds` V / (1 - V) of its value V, or the `value` itself.
        iterations: The most rounds; the last one writes the particles to their ends.
        final: How the answer is chosen among the last particles: the best by `value`, or the most frequent (`vote`).
    """
    at_least_one(n=n, iterations=iterations)
    if resampling not in DRAWS or weight not in ("odds", "value") or final not in ("value", "vote"):
        raise PartError(
            f"no resampling={resampling!r} with weight={weight!r} and final={final!r}; there are systematic,"
            " multinomial, with odds, value, and value, vote"
        )

    def keep(search: Search, nodes: list[Node], asked: int) -> list[Node]:
        weights = [_odds(node.value or 0.0) if weight == "odds" else node.value or 0.0 for node in nodes]
        question = search.question
        seed = client.seed(question.unit, "resample", question.root, asked)
        drawn = DRAWS[resampling](weights if any(weights) else [1.0] * len(nodes), n, random.Random(seed))
        return [nodes[index] for index in drawn]

    def pick(search: Search, nodes: Sequence[Node]) -> Node | None:
        ended = [node for node in nodes if node.answered]
        if final == "value":
            return best_node(ended)
        grades = [
            Grade("search", node.trajectory.trajectory_id, node.trajectory.turn, value=node.value) for node in ended
        ]
        index = majority([node.trajectory for node in ended], grades).index
        return None if index is None else ended[index]

    plan = Plan(width=n, value=grader_value(grader), keep=keep, pick=pick, distinct=False)
    return level_search("particle", plan, policy, critic, iterations, watch)


def systematic(weights: Sequence[float], n: int, chance: random.Random) -> list[int]:
    """Returns `n` indices in order, at n evenly spaced points of the weights' sum; the first point is random."""
    ends, start = list(accumulate(weights)), chance.random()
    return [_index_at_share(ends, (start + place) / n) for place in range(n)]


def multinomial(weights: Sequence[float], n: int, chance: random.Random) -> list[int]:
    """Returns `n` indices in order, each drawn independently in proportion to the weights."""
    ends = list(accumulate(weights))
    return sorted(_index_at_share(ends, chance.random()) for _ in range(n))


def _index_at_share(ends: Sequence[float], share: float) -> int:
    """Returns the index whose part of the weights' sum contains this share, in [0, 1); never an index of weight 0."""
    return min(bisect_right(ends, share * ends[-1]), bisect_right(ends, ends[-1] * (1 - 1e-12)))


def _odds(value: float) -> float:
    value = min(max(value, 1e-7), 1 - 1e-7)
    return value / (1 - value)


DRAWS = {"systematic": systematic, "multinomial": multinomial}
