"""Keeps the first of several texts that have most of their words in common."""

from redraft.flows.filters.filter import Filter
from redraft.flows.filters.similarity.index import Of, check_threshold, keep_first
from redraft.flows.filters.similarity.near_index import NearTexts
from redraft.store.plugins.arguments import check_number


def near_duplicates(*, least: float = 0.8, words: int = 3, of: Of = "draft") -> Filter:
    """Drops a draft if an earlier draft of its question, which this filter kept, has nearly the same words. With
    `of="question"`, drops all drafts of a problem whose question is a near duplicate of an earlier problem's question.
    Texts are near duplicates if the Jaccard similarity of their shingles of `words` words is at least `least` (Broder
    1997; Lee et al. 2021, arXiv 2107.06499, use 0.8)."""
    check_threshold("near_duplicates.least", least)
    check_number("near_duplicates.words", words, 3, least=1)
    return keep_first(lambda: NearTexts(least, words), of, "near duplicate")
