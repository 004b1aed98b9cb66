"""Harder questions for question optimisation (ScaleQuest, Ding et al. 2024, arXiv 2410.18693)."""

from redraft.flows.augmentation.rewrite import rewrite
from redraft.flows.augmentations.augmentation import Augmentation


def harder(*, rewrites: int = 1, agreement: float = 0.5, second: str | None = None) -> Augmentation:
    """Makes a question harder by one or two steps. The format `question_pairs` writes the new question as chosen, and
    the old question as rejected.

    The answer of the new question is the answer that most samples give. Their share is stored as the confidence.

    Args:
        rewrites: The number of new questions made from each question.
        agreement: The minimum share of the samples that must have the same answer, in [0, 1].
        second: A second model, whose answer must be the same; `none` means no second model.
    """
    return rewrite("harder", rewrites, agreement, second)
