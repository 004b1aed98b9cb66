"""Answer augmentation (MetaMath; Yuan et al. 2023, RFT): more right answers to the same question."""

from redraft.flows.augmentation.workshop import Workshop, check_agreement
from redraft.flows.augmentations.augmentation import Augmentation
from redraft.store.problems import Problem
from redraft.store.unit import Rewrite


def answers(*, agreement: float = 0.0) -> Augmentation:
    """Draws answers to the question itself, and makes no new question. The answers are stored and graded like those of
    `redraft generate`. A question is accepted if an answer equals the known answer.

    Args:
        agreement: The minimum share of the sampled answers that must equal the known answer, in [0, 1].
    """
    check_agreement(agreement)

    async def make(problem: Problem, workshop: Workshop) -> list[Rewrite]:
        return [await workshop.solve(problem, agreement=agreement)]

    return Augmentation(make)
