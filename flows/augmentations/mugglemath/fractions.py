"""MuggleMath (Li et al. 2023): replaces whole numbers by fractions, decimals or percentages."""

from redraft.flows.augmentation.rewrite import rewrite
from redraft.flows.augmentations.augmentation import Augmentation


def fractions(*, rewrites: int = 1, agreement: float = 0.5, second: str | None = None) -> Augmentation:
    """Introduces fractions, decimals or percentages into a question.

    The answer of the new question is the answer that most samples give. Their share is stored as the confidence.

    Args:
        rewrites: The number of new questions made from each question.
        agreement: The minimum share of the samples that must have the same answer, in [0, 1].
        second: A second model, whose answer must be the same; `none` means no second model.
    """
    return rewrite("fractions", rewrites, agreement, second)
