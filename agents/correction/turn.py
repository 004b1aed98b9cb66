"""A turn of correction: some trajectories end, the others get new drafts, and one of several redrafts continues."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from redraft.agents.correction.drafts import with_role
from redraft.agents.critics.critic import Critic, Opinion, critique_grade
from redraft.agents.feedback.feedback import Feedback, Remark
from redraft.agents.policies.policy import Policy
from redraft.agents.sampling.graph import Tree, grade_trajectories
from redraft.graders.answers.canonical import canonical
from redraft.graders.grader import Grader
from redraft.graders.selectors import best
from redraft.llm.gather import gather
from redraft.llm.model import ModelError
from redraft.store.trajectory import Role, Stop, Trajectory


@dataclass(frozen=True, slots=True)
class DraftLimits:
    """The limits that end a trajectory: the number of drafts is `turns`, the grade is at least `threshold`, or (with
    `agree`) two successive drafts have the same answer."""

    turns: int
    threshold: float | None = None
    agree: bool = False

    def ended(self, trajectory: Trajectory, turn: int) -> Trajectory:
        """Returns the trajectory, with `stop` and `reason` set if its draft reaches a limit. If it reaches several
        limits, `stop` names only one of them: the threshold before the agreement, and the number of turns last."""
        if trajectory.stop is not Stop.ANSWERED:
            return trajectory
        if self.threshold is not None and trajectory.score is not None and trajectory.score >= self.threshold:
            reached = f"Its grade of {trajectory.score:.4g} reaches the threshold of {self.threshold:g}."
            return replace(trajectory, stop=Stop.THRESHOLD, reason=reached)
        if self.agree and _repeats_answer(trajectory):
            return replace(
                trajectory, stop=Stop.AGREED, reason=f"Two drafts in turn give the answer {trajectory.answer}."
            )
        return (
            replace(trajectory, reason=f"The limit of turns={self.turns} is reached.")
            if turn >= self.turns
            else trajectory
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """The result of one turn of a trajectory: the `trajectory` itself, or `siblings` if one of several redrafts is to
    replace it. `lost` is a trajectory that represents the redrafts without text."""

    trajectory: Trajectory
    siblings: tuple[Trajectory, ...] = ()
    lost: Trajectory | None = None


async def apply_critic(critic: Critic, trajectory: Trajectory) -> Trajectory:
    """Returns the trajectory with the critic's opinion added to its grades. The trajectory is ended if the critic calls
    it finished or hopeless. If the critic's call failed, the trajectory has failed, because a failed call is no
    opinion."""
    try:
        critique = await critic(trajectory)
    except ModelError as error:
        return _failed_trajectory(trajectory, error)
    trajectory = replace(trajectory, grades=(*trajectory.grades, critique_grade(critique, trajectory)))
    return (
        trajectory
        if critique.opinion is Opinion.GO_ON
        else replace(trajectory, stop=Stop.CRITIC, reason=critique.reason)
    )


async def next_turns(
    writer: Policy, feedback: Feedback, trajectories: Sequence[Trajectory], branches: int
) -> list[Turn]:
    """Returns the next turn of each trajectory, in order. A trajectory without a remark is unchanged."""
    try:
        remarks = await feedback(trajectories)
    except ModelError as error:
        return [Turn(_failed_trajectory(trajectory, error)) for trajectory in trajectories]

    async def answered(trajectory: Trajectory, remark: Remark | ModelError | None) -> Turn:
        if isinstance(remark, ModelError):
            return Turn(_failed_trajectory(trajectory, remark))
        if remark is None:
            return Turn(replace(trajectory, reason=f"Feedback {_feedback_name(feedback)!r} has nothing to say."))
        opened = _open_turn(trajectory, remark)
        return _close_turn(trajectory, opened, await writer(opened, branches))

    return await gather(answered(trajectory, said) for trajectory, said in zip(trajectories, remarks, strict=True))


async def keep_best_siblings(tree: Tree, grader: Grader, samples: Sequence[int]) -> None:
    """Grades the siblings of these samples. The sibling with the best grade continues for each sample; if grades are
    equal, the first. If no sibling has both a grade and an answer, the first sibling that ended by itself continues.
    The other siblings remain in the tree with the role SEARCH."""
    scored = iter(await grade_trajectories(grader, [draft for sample in samples for draft in tree.siblings[sample]]))
    for sample in samples:
        drafts, grades = zip(*(next(scored) for _ in tree.siblings.pop(sample)), strict=True)
        ended = (index for index, draft in enumerate(drafts) if draft.stop is Stop.ANSWERED)
        index = best(drafts, grades).index
        index = next(ended, 0) if index is None else index
        winner = with_role(drafts[index], Role.SAMPLE, sample)
        tree.keep([winner])
        tree.graded.append((winner, winner.grades[-1]))
        tree.others += drafts[:index] + drafts[index + 1 :]


def _open_turn(trajectory: Trajectory, remark: Remark) -> Trajectory:
    """Returns the trajectory with the remark and with the first `remark.keep` steps of its draft as the beginning of
    the next draft. The model does not draw these steps again: they have 0 tokens, and their log-probability is 0 if it
    was known. The last step of the draft is never kept."""
    draft = trajectory.draft()
    opened = trajectory.respond(remark.text, remark.by)
    for step in draft[: min(remark.keep, len(draft) - 1)]:
        opened = opened.grow(step.text, 0, logprob=None if step.logprob is None else 0.0)
    return opened


def _close_turn(trajectory: Trajectory, opened: Trajectory, drawn: Sequence[Trajectory]) -> Turn:
    """Returns the turn of the `trajectory`. `opened` is the trajectory with the remark, and `drawn` are the redrafts
    that follow it."""
    redrafts = [draft for draft in drawn if len(draft.steps) > len(opened.steps)]
    empty = [draft for draft in drawn if len(draft.steps) == len(opened.steps)]
    lost = next((draft for draft in empty if draft.stop is Stop.FAILED), empty[0] if empty else None)
    if redrafts and len(drawn) > 1:
        siblings = tuple(with_role(draft, Role.SEARCH, trajectory.sample) for draft in redrafts)
        return Turn(trajectory, siblings, lost and with_role(lost, Role.SEARCH, trajectory.sample))
    if lost and lost.stop is Stop.BUDGET:  # no call was made, so the last draft counts
        return Turn(replace(trajectory, stop=Stop.BUDGET, reason=lost.reason))
    return Turn(lost or drawn[0])


def _repeats_answer(trajectory: Trajectory) -> bool:
    answers = [canonical(answer, trajectory.question.kind) for answer in (*trajectory.answers[-1:], trajectory.answer)]
    return len(answers) == 2 and answers[0] is not None and answers[0] == answers[1]


def _failed_trajectory(trajectory: Trajectory, error: ModelError) -> Trajectory:
    if error.fatal:
        raise error
    return replace(trajectory, stop=error.stop, reason=str(error))


def _feedback_name(feedback: Feedback) -> str:
    """Returns the name of a feedback, which is the name of the factory that built it."""
    return getattr(feedback, "__qualname__", type(feedback).__name__).partition(".")[0]
