"""Keeps the first of several texts with nearly the same meaning."""

from redraft.flows.filters.filter import Filter
from redraft.flows.filters.similarity.index import Of, check_threshold, keep_first
from redraft.flows.filters.similarity.meaning_index import Meanings


def same_meaning(*, least: float = 0.9, of: Of = "draft") -> Filter:
    """Drops a draft if an earlier draft of its question, which this filter kept, has nearly the same meaning. With
    `of="question"`, drops all drafts of a problem whose question has nearly the same meaning as an earlier problem's
    question. A text is dropped if the cosine of the embeddings is at least `least` (as in SemDeDup, Abbas et al. 2023,
    arXiv 2303.09540). Needs redraft[meaning]. Texts that differ only in numbers have a high cosine, so use
    `near_duplicates` for questions from a template."""
    check_threshold("same_meaning.least", least)
    return keep_first(lambda: Meanings(least), of, "same meaning")
