"""MuggleMath (Li et al. 2023): adds a condition on which the answer depends."""

from redraft.flows.augmentation.rewrite import rewrite
from redraft.flows.augmentations.augmentation import Augmentation


def add_condition(*, rewrites: int = 1, agreement: float = 0.5, second: str | None = None) -> Augmentation:
    """Adds a condition to a question.

    The answer of the new question is the answer that most samples give. Their share is stored as the confidence.

    Args:
        rewrites: The number of new questions made from each question.
        agreement: The minimum share of the samples that must have the same answer, in [0, 1].
        second: A second model, whose answer must be the same; `none` means no second model.
    """
    return rewrite("add_condition", rewrites, agreement, second)
