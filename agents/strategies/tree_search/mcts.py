"""Monte-Carlo tree search over the steps of a solution, by UCT or PUCT (Kocsis and Szepesvari 2006; Silver et al. 2018;
over reasoning: Hao et al. 2023)."""

import random
from typing import Literal

from redraft.agents.agent import Agent, Watch, at_least_one
from redraft.agents.critics.critic import Critic
from redraft.agents.policies.policy import Stepwise
from redraft.agents.search.final_answer import FINAL_RULES
from redraft.agents.search.node import Node, back_up_all
from redraft.agents.search.rollout import rollout_value
from redraft.agents.search.search import Search, SearchRuntime, SearchState, notify
from redraft.agents.search.search_graph import choose_node, search_agent
from redraft.agents.search.selection import add_dirichlet_noise, normalize_priors, puct, release, select_leaves, uct
from redraft.agents.search.stop import apply_critic, apply_depth_limit
from redraft.graders.grader import Grader
from redraft.llm.client.client import Client
from redraft.llm.gather import gather
from redraft.store.errors import PartError


def mcts(
    policy: Stepwise,
    *,
    grader: Grader,
    critic: Critic,
    client: Client | None = None,
    iterations: int = 32,
    branch: int = 3,
    parallel: int = 4,
    rule: Literal["uct", "puct"] = "uct",
    exploration: float = 1.0,
    c_init: float = 1.25,
    c_base: float = 19652.0,
    noise: float = 0.0,
    noise_alpha: float = 0.3,
    rollouts: int = 0,
    depth: int = 40,
    final: Literal["visits", "value", "vote"] = "visits",
    watch: Watch | None = None,
) -> Agent:
    """Runs `iterations` iterations of tree search: selects a leaf by UCT or PUCT, expands it by `branch` steps, and
    backs up the values of the new steps.

    A node's visits are the number of nodes with a value at and below it, and its value is the mean of their values. In
    each round, `parallel` leaves are selected, each as if the leaves before it had lost (virtual loss), and expanded at
    once. Therefore `parallel` affects the result, and the concurrency of calls does not. A step's value is the grader's
    value of the trajectory up to it, in [0, 1]. With `rollouts` above 0, the policy completes an open step to that
    number of drafts, which are stored outside the tree. The value of the step is then the mean of the drafts' values. A
    step has no value if its call failed or the grader could not decide. Such a step is not counted as a visit, and does
    not change the values of the nodes above it.

    Solutions, dead ends and trajectories of `depth` nodes are never expanded or selected again. The search ends early
    if no other leaf is left, if a budget is used up, and after three successive rounds in which every call failed. The
    critic is asked about a node before it is expanded. The answer is the solution at the end of the most visited path
    (`final=visits`), the solution with the highest value (`final=value`), or the best solution of the answer whose
    values have the highest sum (`final=vote`). If there is no solution, the best open trajectory is first written to
    its end, so an unfinished trajectory is never the answer.

    With `noise` in (0, 1] (AlphaZero uses 0.25), the root's priors P of PUCT become (1 - `noise`) P + `noise` D. D is
    drawn from the symmetric Dirichlet distribution with concentration `noise_alpha`. The run's seed and the question
    seed the draw, which needs the run's `client`.

    Raises PartError if a count is too small, if `noise` is invalid, or if `rule` or `final` is unknown.

    Args:
        iterations: The number of leaves that are selected and expanded.
        branch: The number of next steps that one call draws for a trajectory.
        parallel: The number of leaves that are selected in a round and expanded at once; it affects the result.
        rule: How a leaf is selected: by `uct`, or by `puct`, in which the policy's probabilities are priors.
        exploration: The weight of the exploration term of `uct`, which favours rarely visited nodes.
        c_init: The weight of the prior, under `puct`.
        c_base: How slowly that weight grows with visits, under `puct`.
        noise: The share of Dirichlet noise in the root's priors, in [0, 1]; only `puct` uses it.
        noise_alpha: The concentration of that noise, above 0.
        rollouts: The number of drafts that complete an open step and whose mean value is the step's value; 0 takes the
            grader's value of the step.
        depth: The maximum number of steps of a trajectory.
        final: Which solution is the answer: the end of the most visited path (`visits`), the highest `value`, or the
            best of the answer whose values have the highest sum (`vote`).
    """
    at_least_one(iterations=iterations, branch=branch, parallel=parallel, depth=depth)
    if final not in FINAL_RULES or rule not in ("uct", "puct"):
        raise PartError(f"no rule={rule!r} with final={final!r}; there are uct, puct, and {', '.join(FINAL_RULES)}")
    if not 0 <= noise <= 1 or noise_alpha <= 0 or (noise and (rule != "puct" or client is None)):
        raise PartError(
            f"noise={noise} with noise_alpha={noise_alpha} and rule={rule!r}: noise is a share from 0 to 1 of PUCT's"
            " priors, its alpha above 0, and a client seeds it"
        )
    score = uct(exploration) if rule == "uct" else puct(c_init, c_base)

    async def critique(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search = runtime.context
        before = state.get("asked", 0)
        found = select_leaves(search.root, score, min(parallel, iterations - before))
        await gather(apply_critic(search, critic, node) for node in found)
        for node in found:
            release(node)
            if node.ended:
                node.close()
        asked, going = before + len(found), [node.index for node in found if not node.ended]
        ended = not found or search.root.closed or asked >= iterations
        return {"asked": asked, "open": going, "done": ended and not going}

    async def propose(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search, opened = runtime.context, runtime.context.open_nodes(state)
        await search.expand_all(policy, opened, branch)
        added = [child for node in opened for child in apply_depth_limit(node, depth)]
        for node in opened:
            normalize_priors(node.children)
        if noise and client and search.root in opened:
            question = search.question
            chance = random.Random(client.seed(question.unit, "noise", question.root, 0))
            add_dirichlet_noise(search.root.children, noise, noise_alpha, chance)
        return {"open": [node.index for node in added], "done": search.stuck(opened) or search.spent}

    async def grade(state: SearchState, runtime: SearchRuntime) -> SearchState:
        search, added = runtime.context, runtime.context.open_nodes(state)
        rolled = [node for node in added if rollouts and not node.ended]
        await search.value(grader, [node for node in added if node not in rolled])
        means = await gather(rollout_value(search, policy, grader, node, rollouts, depth) for node in rolled)
        for node, mean in zip(rolled, means, strict=True):
            node.value = mean
        back_up_all(added)
        notify(watch, added)
        over = search.root.closed or state.get("asked", 0) >= iterations
        return {"open": [], "done": state.get("done", False) or over}

    async def ended(search: Search, added: list[Node]) -> None:
        await search.value(grader, added)
        back_up_all(added)

    choose = choose_node(policy, depth, value=ended, pick=lambda search, state: FINAL_RULES[final](search), watch=watch)
    limit = 3 * iterations + 4
    return search_agent("mcts", critique=critique, propose=propose, grade=grade, choose=choose, limit=limit)
