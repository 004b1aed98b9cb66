"""The final draft: the draft of a tree that is its answer when correction has ended."""

from collections.abc import Callable, Mapping
from operator import attrgetter

from redraft.agents.correction.drafts import answered_drafts, with_role
from redraft.agents.sampling.graph import Tree, selected_trajectory
from redraft.graders.answers.canonical import canonical
from redraft.graders.selectors import best, majority
from redraft.store.trajectory import Role, Stop, Trajectory

Pick = Callable[[Tree], Trajectory | None]
"""A function from a tree to its pick; None if no draft has an answer."""


def pick_last(tree: Tree) -> Trajectory | None:
    """The best graded of the last drafts; without grades, the winner of their vote.

    If no sample ended with an answer, the drafts before a failure, or before a budget's end, are chosen from in the
    same way.
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
    """The best graded of all drafts of all turns."""
    if not tree.graded:
        return None
    drafts, grades = zip(*tree.graded, strict=True)
    return _trajectory_ending_in(tree, selected_trajectory(best(drafts, grades), drafts))


def pick_majority(tree: Tree) -> Trajectory | None:
    """The most frequent answer of all drafts of all turns of all samples, of equals the earliest turn's (Qu et al.
    2024). A whole trajectory that ends in it is preferred to an earlier draft."""
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
    """The trajectory that ends with a draft; the draft alone if the trajectory went on or failed."""
    trajectory = tree.trajectories[draft.sample] if draft else None
    return (
        trajectory
        if trajectory and draft and draft.turn == trajectory.turn and trajectory.stop is not Stop.FAILED
        else _draft_alone(draft)
    )


def _draft_alone(draft: Trajectory | None) -> Trajectory | None:
    """The trajectory up to a draft, beside the whole trajectory: it is no independent sample, so it has the role of a
    search."""
    return draft and with_role(draft, Role.SEARCH, draft.sample)


PICKS: Mapping[str, Pick] = {"last": pick_last, "best": pick_best, "majority": pick_majority}
