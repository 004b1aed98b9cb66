"""The choice of the final draft when correction has ended. Its answer is the answer of the question."""

from collections.abc import Callable, Mapping
from operator import attrgetter

from redraft.agents.correction.drafts import answered_drafts, with_role
from redraft.agents.sampling.graph import Tree, selected_trajectory
from redraft.graders.answers.canonical import canonical
from redraft.graders.selectors import best, majority
from redraft.store.trajectory import Role, Stop, Trajectory

Pick = Callable[[Tree], Trajectory | None]
"""A function that returns the picked trajectory of a tree; None if no draft has an answer."""


def pick_last(tree: Tree) -> Trajectory | None:
    """Returns the last draft with the best grade. Without grades, returns the winner of a vote among the last drafts.

    If no sample ended with an answer, the same rule chooses among the drafts that were written before a failed call, or
    before a budget was used up.
    """
    trajectories = list(tree.trajectories.values())
    if not tree.graded:
        if ended := selected_trajectory(majority(trajectories), trajectories):
            return ended
        stood = [draft for trajectory in trajectories for draft in list(answered_drafts(trajectory))[-1:]]
        return _draft_alone(selected_trajectory(majority(stood), stood))
    grades = {trajectory.sample: grade for trajectory, grade in tree.graded}
    ended = selected_trajectory(
        best(trajectories, [grades[trajectory.sample] for trajectory in trajectories]), trajectories
    )
    stood = {
        trajectory.sample: (trajectory, grade) for trajectory, grade in tree.graded if trajectory.stop is Stop.ANSWERED
    }
    drafts = [draft for draft, _ in stood.values()]
    return ended or _draft_alone(selected_trajectory(best(drafts, [grade for _, grade in stood.values()]), drafts))


def pick_best(tree: Tree) -> Trajectory | None:
    """Returns the draft with the best grade among all drafts of all turns."""
    if not tree.graded:
        return None
    drafts, grades = zip(*tree.graded, strict=True)
    return _trajectory_ending_in(tree, selected_trajectory(best(drafts, grades), drafts))


def pick_majority(tree: Tree) -> Trajectory | None:
    """Returns a draft with the most frequent answer among all drafts of all turns and samples (Qu et al. 2024). If
    answers are equally frequent, the answer of the earliest turn wins. A trajectory whose last draft has the winning
    answer is preferred to an earlier draft of another trajectory."""
    drafts = sorted(
        (draft for trajectory in tree.trajectories.values() for draft in answered_drafts(trajectory)),
        key=attrgetter("turn", "sample"),
    )
    draft = selected_trajectory(majority(drafts), drafts)
    if draft is None:
        return None
    key = _answer_key(draft)
    ended = (
        trajectory
        for trajectory in tree.trajectories.values()
        if trajectory.stop is not Stop.FAILED and _answer_key(trajectory) == key
    )
    return next(ended, None) or _trajectory_ending_in(tree, draft)


def _answer_key(trajectory: Trajectory) -> str | None:
    return canonical(trajectory.answer, trajectory.question.kind)


def _trajectory_ending_in(tree: Tree, draft: Trajectory | None) -> Trajectory | None:
    """Returns the trajectory that ends with a draft. If the trajectory continued after the draft or failed, returns
    only its part up to the draft."""
    trajectory = tree.trajectories[draft.sample] if draft else None
    return (
        trajectory
        if trajectory and draft and draft.turn == trajectory.turn and trajectory.stop is not Stop.FAILED
        else _draft_alone(draft)
    )


def _draft_alone(draft: Trajectory | None) -> Trajectory | None:
    """Returns the trajectory up to a draft, with the role SEARCH. It is not an independent sample, because the whole
    trajectory remains in the tree."""
    return draft and with_role(draft, Role.SEARCH, draft.sample)


PICKS: Mapping[str, Pick] = {"last": pick_last, "best": pick_best, "majority": pick_majority}
