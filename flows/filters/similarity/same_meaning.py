"""Keeps the first of several texts that mean nearly the same."""

from redraft.flows.filters.filter import Filter
from redraft.flows.filters.similarity.index import Of, check_threshold, keep_first
from redraft.flows.filters.similarity.meaning_index import Meanings


def same_meaning(*, least: float = 0.9, of: Of = "draft") -> Filter:
    """Drops a draft if an earlier draft of its question, which this filter kept, means nearly the same; with
    `of="question"` all drafts of a problem whose question means what that of an earlier problem means. The measure is
    the cosine of embeddings (as in SemDeDup, Abbas et al. 2023, arXiv 2303.09540). It drops a text from the cosine
    `least` on. Needs redraft[meaning]. Texts that differ in numbers alone are close: compare questions of a template by
    `near_duplicates`."""
    check_threshold("same_meaning.least", least)
    return keep_first(lambda: Meanings(least), of, "same meaning")
