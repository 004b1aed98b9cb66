"""Process labels by divide and conquer. OmegaPRM (Luo et al. 2024) finds the first error of a wrong draft by binary
search. It chooses the drafts whose wrong answer is most surprising.

Public reimplementations make two mistakes that this one avoids. Some count a rollout as right if its last sentence
contains the key; here the oracle judges the answer. Some treat a right rollout as one big right step; here only the
steps that a search visits have values. Lengths are in tokens.
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
    """Grades the drafts of one problem together. The value of a step that a search visits is the fraction of right
    rollouts among `rollouts` that start at its end. The value of the last step, and of the draft, is the value of the
    answer. The reason in the grade of a searched draft names its first wrong step.

    A state is a prefix with its rollouts. The drafts of a question are the rollouts of the root state. Each of
    `searches` takes a wrong rollout of a state that also has right rollouts: the one with the highest Q + U. The search
    finds the rollout's first error by binary search over the steps after the state. It cuts the steps in the middle,
    samples `rollouts` rollouts from the cut, and continues with one half. Each cut is a new state, whose wrong rollouts
    may be searched later. Searching ends if no wrong rollout is left, or if another cut could exceed `most` rollouts.

    The search assumes that a prefix with an error never leads to a right answer. If such a prefix does lead to one, by
    luck or because the writer corrects the error, the search finds a later step. The first grade holds the rollouts,
    which have grades too.

    Reading the key counts as using an oracle. Raises PartError if a number is out of its range, and fatal ModelErrors.

    Args:
        rollouts: The number of rollouts at each cut.
        searches: The maximum number of binary searches for a first error.
        most: The maximum number of rollouts of a problem.
        alpha: The base of the factor alpha^(1 - MC) of Q, in (0, 1]: a small alpha prefers states with many right
            rollouts.
        beta: The base of the factor beta^(tokens / length) of Q, in (0, 1]: a small beta prefers short rollouts.
        length: The number of tokens by which a rollout's length is divided.
        c_puct: The weight of U, which favours states with few searches.
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
