"""MuggleMath (Li et al. 2023): several concepts in one question."""

from redraft.flows.augmentation.rewrite import rewrite
from redraft.flows.augmentations.augmentation import Augmentation


def combine_concepts(*, rewrites: int = 1, agreement: float = 0.5, second: str | None = None) -> Augmentation:
    """Combines a question with a further concept.

    The answer is the one that most samples give. The share of the samples that give it is stored as the confidence.

    Args:
        rewrites: The number of new questions that are made of each question.
        agreement: The least share of the samples that must agree on the answer.
        second: A second model, whose answer must be the same; `none` asks none.
    """
    return rewrite("combine_concepts", rewrites, agreement, second)
