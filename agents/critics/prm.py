"""A process reward model (PRM), or any grader that grades steps, as a critic: the lowest step value decides."""

from typing import Annotated

from redraft.agents.critics.critic import Critic, Critique, Opinion
from redraft.graders.answers.extract import marked
from redraft.graders.grader import Grader
from redraft.llm.model import ModelError
from redraft.store.errors import PartError
from redraft.store.trajectory import Trajectory


def prm(
    grader: Annotated[Grader, "prm"],
    *,
    hopeless: float = 0.1,
    finished: float = 0.9,
    doubtful: float | None = None,
) -> Critic:
    """Judges a draft by the lowest value that the grader gives to one of its steps.

    A draft is hopeless if a step's value is below `hopeless`. It is finished if each step's value is at least
    `finished` and the draft marks its answer (a box, `####`, "the answer is"). Any other draft continues. If its lowest
    step value is below `doubtful`, the critic advises the writer to check that step.

    If the grader gives no step values, the value of the whole draft is used. Thresholds are in the grader's unit: a
    probability for most graders, a log-probability for `likelihood`. The critic raises ModelError if a draft could not
    be graded, because a failed call is no opinion. Raises PartError unless hopeless <= doubtful <= finished.
    """
    if not hopeless <= (finished if doubtful is None else doubtful) <= finished:
        raise PartError(
            f"hopeless={hopeless}, doubtful={doubtful}, finished={finished}: each must be at least the one before"
        )

    async def critique(trajectory: Trajectory) -> Critique:
        [grade] = await grader([trajectory])
        known = [value for value in grade.steps or (grade.value,) if value is not None]
        if not known:
            why = grade.reason or "the grader gave no reason"
            raise ModelError(f"A critic's grader {grade.grader!r} could not grade the draft: {why}.")
        worst = min(known)
        told = f"{grade.grader} gives its worst step {worst:.3g}."
        if worst < hopeless:
            return Critique(Opinion.HOPELESS, reason=told)
        if worst >= finished and marked(trajectory.text(), trajectory.question.kind) is not None:
            return Critique(Opinion.FINISHED, reason=told)
        if doubtful is not None and worst < doubtful:
            return Critique(Opinion.GO_ON, advice=_advice(trajectory, grade.steps, worst), reason=told)
        return Critique(Opinion.GO_ON, reason=told)

    return critique


def _advice(trajectory: Trajectory, values: tuple[float | None, ...], worst: float) -> str:
    """Returns the advice to check the step with the lowest value."""
    texts = [step.text.strip() for step in trajectory.draft()]
    named = f'"{texts[values.index(worst)]}"' if len(values) == len(texts) else "what is written so far"
    return f"There may be an error in {named}. Check it before you go on."
