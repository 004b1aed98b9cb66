"""One turn of correction: who ends a path, what is redrafted, and which of several redrafts goes on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from redraft.agents.correction.drafts import moved
from redraft.agents.critics.critic import Critic, Opinion, critique_grade
from redraft.agents.feedback.feedback import Feedback, Remark
from redraft.agents.policies.policy import Policy
from redraft.agents.sampling.graph import Tree, judged
from redraft.graders.answers.extract import canonical
from redraft.graders.grader import Grader
from redraft.graders.selectors import best
from redraft.llm.gather import together
from redraft.llm.model import ModelError
from redraft.store.records import Role, Stop, Trajectory


@dataclass(frozen=True, slots=True)
class Limits:
    """When a path has had enough drafts: `turns` of them; a grade of `threshold` or more; with `agree`, the same answer
    twice in turn."""

    turns: int
    threshold: float | None = None
    agree: bool = False

    def ended(self, path: Trajectory, turn: int) -> Trajectory:
        """The path, ended if one of these is reached by its draft. Of several the grade is named first, the number of
        turns last."""
        if path.stop is not Stop.ANSWERED:
            return path
        if self.threshold is not None and path.score is not None and path.score >= self.threshold:
            reached = f"Its grade of {path.score:.4g} reaches the threshold of {self.threshold:g}."
            return replace(path, stop=Stop.THRESHOLD, reason=reached)
        if self.agree and _agrees(path):
            return replace(path, stop=Stop.AGREED, reason=f"Two drafts in turn give the answer {path.answer}.")
        return replace(path, reason=f"The limit of turns={self.turns} is reached.") if turn >= self.turns else path


@dataclass(frozen=True, slots=True)
class Turn:
    """What became of a path's turn: the `path` itself, or `siblings` of which one is to go on in its place. `lost`
    stands for those of them that came to nothing."""

    path: Trajectory
    siblings: tuple[Trajectory, ...] = ()
    lost: Trajectory | None = None


async def criticised(critic: Critic, path: Trajectory) -> Trajectory:
    """The path with the critic's opinion among its grades, ended if the critic says so. A critic that got no answer
    fails the path: that is no opinion."""
    try:
        critique = await critic(path)
    except ModelError as error:
        return _failed(path, error)
    path = replace(path, grades=(*path.grades, critique_grade(critique, path)))
    return path if critique.opinion is Opinion.GO_ON else replace(path, stop=Stop.CRITIC, reason=critique.reason)


async def revised(writer: Policy, feedback: Feedback, paths: Sequence[Trajectory], branches: int) -> list[Turn]:
    """Each path's next turn; a path stays as it is where there is nothing to say."""
    try:
        remarks = await feedback(paths)
    except ModelError as error:
        return [Turn(_failed(path, error)) for path in paths]

    async def answered(path: Trajectory, remark: Remark | ModelError | None) -> Turn:
        if isinstance(remark, ModelError):
            return Turn(_failed(path, remark))
        if remark is None:
            return Turn(replace(path, reason=f"Feedback {_name(feedback)!r} has nothing to say."))
        opened = _opened(path, remark)
        return _turn(path, opened, await writer(opened, branches))

    return await together(answered(path, said) for path, said in zip(paths, remarks, strict=True))


async def elect(tree: Tree, grader: Grader, samples: Sequence[int]) -> None:
    """Grades the siblings of these samples. Of each sample's the best goes on, the first of equals; where none has a
    grade and an answer, the first that ended by itself. The others stay beside it, in the role of a search."""
    scored = iter(await judged(grader, [draft for sample in samples for draft in tree.siblings[sample]]))
    for sample in samples:
        drafts, grades = zip(*(next(scored) for _ in tree.siblings.pop(sample)), strict=True)
        ended = (index for index, draft in enumerate(drafts) if draft.stop is Stop.ANSWERED)
        index = best(drafts, grades).index
        index = next(ended, 0) if index is None else index
        winner = moved(drafts[index], Role.SAMPLE, sample)
        tree.keep([winner])
        tree.graded.append((winner, winner.grades[-1]))
        tree.others += drafts[:index] + drafts[index + 1 :]


def _opened(path: Trajectory, remark: Remark) -> Trajectory:
    """The path with the remark, and with what it keeps of the draft as the beginning of the next one: given, not drawn,
    so that it has no tokens, and a log-probability of 0 where it had one. The draft's end is never kept."""
    draft = path.draft()
    opened = path.respond(remark.text, remark.by)
    for step in draft[: min(remark.keep, len(draft) - 1)]:
        opened = opened.grow(step.text, 0, logprob=None if step.logprob is None else 0.0)
    return opened


def _turn(path: Trajectory, opened: Trajectory, drawn: Sequence[Trajectory]) -> Turn:
    """What a path becomes when it was opened for a redraft and these were drawn."""
    redrafts = [draft for draft in drawn if len(draft.steps) > len(opened.steps)]
    empty = [draft for draft in drawn if len(draft.steps) == len(opened.steps)]
    lost = next((draft for draft in empty if draft.stop is Stop.FAILED), empty[0] if empty else None)
    if redrafts and len(drawn) > 1:
        siblings = tuple(moved(draft, Role.SEARCH, path.sample) for draft in redrafts)
        return Turn(path, siblings, lost and moved(lost, Role.SEARCH, path.sample))
    if lost and lost.stop is Stop.BUDGET:  # there was no call: the last draft stands
        return Turn(replace(path, stop=Stop.BUDGET, reason=lost.reason))
    return Turn(lost or drawn[0])


def _agrees(path: Trajectory) -> bool:
    answers = [canonical(answer, path.question.kind) for answer in (*path.answers[-1:], path.answer)]
    return len(answers) == 2 and answers[0] is not None and answers[0] == answers[1]


def _failed(path: Trajectory, error: ModelError) -> Trajectory:
    if error.fatal:
        raise error
    return replace(path, stop=error.stop, reason=str(error))


def _name(feedback: Feedback) -> str:
    """What people call a feedback: the name of the factory that made it."""
    return getattr(feedback, "__qualname__", type(feedback).__name__).partition(".")[0]
