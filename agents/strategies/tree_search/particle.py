"""Particle filtering over the steps of a solution: samples in proportion to the grader's values, in contrast to keeping
the best (Puri et al. 2025)."""

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
    """Extends `n` particles by one step per round, and then resamples them by their weights, until all have ended.

    A particle that has ended in an answer keeps its weight and is resampled like the others. Let V be the grader's
    value of the text so far. With `weight=odds`, the weight is V / (1 - V), which is the paper's softmax over the
    logits of V; V is clipped to [1e-7, 1 - 1e-7]. With `weight=value`, the weight is V itself. With
    `resampling=multinomial`, each particle is drawn independently, as in the paper. With `systematic`, one random
    number draws all of them, so the number of copies of a particle is its expected number, rounded down or up. The
    random generator is seeded by the run's seed, the question and the round. Particles with the same prefix are
    siblings that are drawn in one call, so no token is counted twice. Particles with equal texts remain separate
    particles.

    The answer is the particle with the highest V among the last particles; with `final=vote` it is their most frequent
    answer. A particle that failed, or has no value, is not resampled. In the last of `iterations` rounds, the particles
    are written to their ends. Raises PartError for counts below 1, and for an unknown `resampling`, `weight` or
    `final`.

    Args:
        n: The number of particles.
        resampling: How particles are resampled: all with one random number (`systematic`), or each independently
            (`multinomial`).
        weight: The weight by which a particle is resampled: the `odds` V / (1 - V) of its value V, or the `value`
            itself.
        iterations: The maximum number of rounds; the last one writes the particles to their ends.
        final: How the answer is chosen among the last particles: the highest `value`, or the most frequent answer
            (`vote`).
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
    """Returns `n` indices in ascending order, at `n` evenly spaced points of the weights' cumulative sum. The first
    point is random."""
    ends, start = list(accumulate(weights)), chance.random()
    return [_index_at_share(ends, (start + place) / n) for place in range(n)]


def multinomial(weights: Sequence[float], n: int, chance: random.Random) -> list[int]:
    """Returns `n` indices in ascending order, each drawn independently with a probability in proportion to its
    weight."""
    ends = list(accumulate(weights))
    return sorted(_index_at_share(ends, chance.random()) for _ in range(n))


def _index_at_share(ends: Sequence[float], share: float) -> int:
    """Returns the index at a share, in [0, 1), of the weights' cumulative sum `ends`. Never returns an index whose
    weight is 0."""
    return min(bisect_right(ends, share * ends[-1]), bisect_right(ends, ends[-1] * (1 - 1e-12)))


def _odds(value: float) -> float:
    value = min(max(value, 1e-7), 1 - 1e-7)
    return value / (1 - value)


DRAWS = {"systematic": systematic, "multinomial": multinomial}
