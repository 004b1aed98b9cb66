"""MuggleMath (Li et al. 2023): a condition on which the answer depends."""

from redraft.flows.augmentation.rewrite import rewrite
from redraft.flows.augmentations.augmentation import Augmentation


def add_condition(*, rewrites: int = 1, agreement: float = 0.5, second: str | None = None) -> Augmentation:
    """Adds a condition to a question.

    The answer is the one that most samples give. The share of the samples that give it is stored as the confidence.

    Args:
        rewrites: The number of new questions that are made of each question.
        agreement: The least share of the samples that must agree on the answer.
        second: A second model, whose answer must be the same; `none` asks none.
    """
    return rewrite("add_condition", rewrites, agreement, second)
