"""MuggleMath (Li et al. 2023): changes the numbers of a question."""

from redraft.flows.augmentation.rewrite import rewrite
from redraft.flows.augmentations.augmentation import Augmentation


def change_numbers(*, rewrites: int = 1, agreement: float = 0.5, second: str | None = None) -> Augmentation:
    """Changes the numbers of a question.

    The answer of the new question is the answer that most samples give. Their share is stored as the confidence.

    Args:
        rewrites: The number of new questions made from each question.
        agreement: The minimum share of the samples that must have the same answer, in [0, 1].
        second: A second model, whose answer must be the same; `none` means no second model.
    """
    return rewrite("change_numbers", rewrites, agreement, second)
