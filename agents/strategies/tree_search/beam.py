"""Beam search over the steps of a solution, guided by a grader of steps (Snell et al. 2024; search-and-learn)."""

from typing import Literal

from redraft.agents.agent import Agent, Watch, at_least_one
from redraft.agents.critics.critic import Critic
from redraft.agents.policies.policy import Stepwise
from redraft.agents.search.final_answer import FINAL_RULES
from redraft.agents.search.level_search import Plan, grader_value, level_search, top_nodes
from redraft.graders.grader import Grader
from redraft.store.errors import PartError


def beam(
    policy: Stepwise,
    *,
    grader: Grader,
    critic: Critic,
    n: int = 4,
    width: int = 4,
    iterations: int = 40,
    distinct: bool = True,
    final: Literal["value", "vote"] = "value",
    watch: Watch | None = None,
) -> Agent:
    """Extends `n` candidates by one step per round, and keeps the n / `width` open candidates with the highest grader's
    values.

    Each candidate that is kept is continued `width` times, which makes `n` candidates again. In the last of
    `iterations` rounds, candidates are written to their ends. A candidate that ends in an answer leaves the beam, and
    the others are continued more often to fill it, as in the published method. This would fill the beam with copies, so
    `distinct` drops a step that repeats its sibling's text. Continuations of one prefix are drawn in one call: no step
    is stored, and no token counted, more than once.

    The answer is the finished candidate with the highest value. With `final=vote`, the values of each answer are
    summed, and the best candidate of the answer with the highest sum is picked. If fewer than `n` candidates are left,
    each is counted once. The grader decides how the values of steps become one value. Raises PartError for counts below
    1, if `n` is not a multiple of `width`, and for an unknown `final`.

    Args:
        n: The number of candidates in a round.
        width: The number of next steps drawn for each trajectory that continues; n / width trajectories continue.
        iterations: The maximum number of rounds; the last one writes its candidates to their ends.
        distinct: Whether a step that repeats its sibling's text is dropped.
        final: How the answer is chosen among the finished candidates: `value` takes the one with the highest value;
            `vote` sums the values of each answer, and takes the best candidate of the answer with the highest sum.
    """
    check_beam(n, width, iterations, final)

    plan = Plan(
        width=n,
        value=grader_value(grader),
        keep=lambda search, nodes, asked: top_nodes(nodes, n // width),
        pick=lambda search, nodes: FINAL_RULES[final](search),
        resting=False,
        distinct=distinct,
    )
    return level_search("beam", plan, policy, critic, iterations, watch)


def check_beam(n: int, width: int, iterations: int, final: str) -> None:
    """Raises PartError for counts below 1, if `n` is not a multiple of `width`, and for an unknown `final`."""
    at_least_one(n=n, width=width, iterations=iterations)
    if n % width:
        raise PartError(f"n={n} is no multiple of width={width}: n / width candidates are kept")
    if final not in ("value", "vote"):
        raise PartError(f"no final={final!r}; there are value, vote")
