"""Process labels by divide and conquer: OmegaPRM (Luo et al. 2024) finds the first error of a wrong draft by binary
search, and spends its searches where rollouts are most surprising.

Public reimplementations make two mistakes that this one avoids. Some call a rollout right if its last sentence has the
key in it; here the oracle judges the answer. Some take a right rollout for one big right step; here only the steps that
a search visits have values. Lengths are in tokens.
"""

from collections.abc import Sequence

from msgspec import structs

from redraft.graders.answers.checker import Checker
from redraft.graders.grader import Grader
from redraft.graders.rewards.aggregate import unjudgeable
from redraft.graders.rewards.monte_carlo import Completer, RolloutSampler
from redraft.graders.rewards.omegaprm_search import Rule, Search, no_grade
from redraft.llm.gather import gather
from redraft.store.errors import PartError
from redraft.store.problems import Keyring, Question
from redraft.store.trajectory import Grade, Trajectory


def omegaprm(
    policy: Completer,
    keys: Keyring,
    *,
    rollouts: int = 8,
    searches: int = 20,
    most: int = 400,
    alpha: float = 0.5,
    beta: float = 0.9,
    length: float = 500.0,
    c_puct: float = 0.125,
    checker: Checker | None = None,
) -> Grader:
    """Grades the drafts of one problem together. A step that a search visits has the share of right rollouts among
    `rollouts` from its end; the last step, and the draft, have the value of the answer. The reason of a searched draft
    names its first wrong step.

    A state is a prefix with its rollouts; the drafts of a question are the rollouts of the root state. Each of
    `searches` takes the wrong rollout with the highest Q + U, from a state with right rollouts too. The search finds
    the rollout's first error by binary search over the steps after the state: it cuts the steps in the middle, samples
    `rollouts` rollouts from the cut, and continues with one half. Each cut is a new state, whose wrong rollouts may be
    searched later. Searching ends if no wrong rollout is left, or if another cut could exceed `most` rollouts.

    The search assumes that a prefix with an error never leads to a right answer. If such a prefix leads to a right
    answer, by luck or because the writer corrects the error, the search finds a later step. The first grade holds the
    rollouts, which have grades too.
    Reading the key counts as using an oracle. Raises PartError for a number that is too small, and fatal ModelErrors.

    Args:
        rollouts: The number of rollouts at each cut.
        searches: The most binary searches for a first error.
        most: The most rollouts of a problem.
        alpha: The base of Q's factor alpha^(1 - MC), in (0, 1]: a small one prefers states near to right.
        beta: The base of Q's factor beta^(tokens / length), in (0, 1]: a small one prefers short rollouts.
        length: The number of tokens to which a rollout's length is compared.
        c_puct: The weight of states with few visits.
    """
    if rollouts < 1 or searches < 0 or length <= 0:
        raise PartError(f"rollouts={rollouts} must be at least 1, searches={searches} 0, length={length:g} above 0")
    rule = Rule(alpha, beta, length, c_puct)
    checked = checker or Checker()

    async def problem(question: Question, trajectories: Sequence[Trajectory]) -> list[Grade]:
        if keys.open(question) is None:
            return [no_grade(trajectory, "the key of this problem is not known") for trajectory in trajectories]
        search = Search(RolloutSampler(policy, keys, checked), rule, rollouts, most)
        await search.begin(
            [
                trajectory
                for trajectory in trajectories
                if unjudgeable(trajectory) is None and trajectory.stop is not None
            ]
        )
        for _ in range(searches):
            if not await search.once():
                break
        grades = [search.grade(trajectory) for trajectory in trajectories]
        return [structs.replace(grades[0], rollouts=search.all_rollouts()), *grades[1:]]

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        groups: dict[tuple[str, str], list[int]] = {}
        for index, trajectory in enumerate(trajectories):
            groups.setdefault((trajectory.question.unit, trajectory.question.problem_id), []).append(index)
        parts = [[trajectories[index] for index in group] for group in groups.values()]
        graded = await gather(problem(part[0].question, part) for part in parts)
        places = [index for group in groups.values() for index in group]
        found = dict(zip(places, (grade for part in graded for grade in part), strict=True))
        return [found[index] for index in range(len(trajectories))]

    return grader
