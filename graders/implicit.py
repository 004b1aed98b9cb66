"""A grader that uses the implicit reward of a model trained by DPO (Rafailov et al. 2023, equation 5)."""

import math
from collections.abc import Sequence

from redraft.graders.grader import Grader
from redraft.graders.rewards.aggregate import unjudgeable
from redraft.llm.client.client import Client
from redraft.llm.gather import gather
from redraft.llm.model import ModelError
from redraft.store.errors import PartError
from redraft.store.trajectory import Grade, Trajectory

NAME = "implicit"


def implicit(
    client: Client,
    *,
    model: str,
    reference: str,
    beta: float = 0.1,
    api_base: str | None = None,
    reference_api_base: str | None = None,
) -> Grader:
    """Grades a draft by sigmoid(beta * (log p - log p_ref)), in [0, 1]. Here log p is the log-probability of the draft,
    given the question, under `model`, and log p_ref that under `reference`, the model before the training. Under the
    Bradley-Terry model, the value is the probability that the draft is better than a draft with log p = log p_ref. The
    value is 0.5 if the training did not change the draft's probability.

    If a model cannot read the draft, or does not provide log-probabilities of given texts, the grade has a reason
    instead of a value. The embedded model and vLLM provide them. Raises PartError unless `beta` is above 0, and fatal
    ModelErrors.

    Args:
        model: The model that was trained by DPO, as `embedded:FOLDER`.
        reference: The model before the training.
        beta: The beta of the DPO training.
        api_base: The address of the server of the model.
        reference_api_base: The address of the server of the reference.
    """
    if not beta > 0:
        raise PartError(f"beta={beta} of grader 'implicit' has to be above 0")
    judges = client.for_model(model, api_base), client.for_model(reference, reference_api_base)

    async def grade(trajectory: Trajectory) -> Grade:
        empty = NAME, trajectory.trajectory_id, trajectory.turn
        if reason := unjudgeable(trajectory):
            return Grade(*empty, reason=reason, grader_model=model)
        sums: list[float] = []
        for judge in judges:
            try:
                asked = [*judge.opening, judge.ask(trajectory.question)]
                read = await judge.model.answer_logprobs(asked, trajectory.text())
            except ModelError as error:
                if error.fatal:
                    raise
                return Grade(*empty, reason=str(error), grader_model=model)
            if read is None:
                reason = f"{judge.model.name} tells no log-probabilities of texts that it did not write"
                return Grade(*empty, reason=reason, grader_model=model)
            sums.append(math.fsum(read))
        return Grade(*empty, value=1 / (1 + math.exp(min(700.0, -beta * (sums[0] - sums[1])))), grader_model=model)

    async def grader(trajectories: Sequence[Trajectory]) -> list[Grade]:
        return await gather(grade(trajectory) for trajectory in trajectories)

    return grader
