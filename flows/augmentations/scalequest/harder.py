"""Harder questions for question optimisation (ScaleQuest, Ding et al. 2024, arXiv 2410.18693)."""

from redraft.flows.augmentation.rewrite import rewrite
from redraft.flows.augmentations.augmentation import Augmentation


def harder(*, rewrites: int = 1, agreement: float = 0.5, second: str | None = None) -> Augmentation:
    """Makes a question harder by a step or two. The format `question_pairs` prefers it to the question that it was made
    from.

    The answer is the one that most samples give. The share of the samples that give it is stored as the confidence.

    Args:
        rewrites: The number of new questions that are made of each question.
        agreement: The least share of the samples that must agree on the answer.
        second: A second model, whose answer must be the same; `none` asks none.
    """
    return rewrite("harder", rewrites, agreement, second)
