"""Drops problems that are also in a test set."""

from typing import Literal

from redraft.flows.filters.filter import Filter
from redraft.flows.filters.sifting.candidates import Candidate
from redraft.flows.filters.similarity.index import Index, Of, check_threshold
from redraft.flows.filters.similarity.meaning_index import Meanings
from redraft.flows.filters.similarity.near_index import NearTexts
from redraft.flows.filters.similarity.passage_index import SharedPassages
from redraft.store.errors import PartError
from redraft.store.plugins.arguments import check_number
from redraft.store.sources.reader import read

WORDS = 13


def contaminated(
    *,
    against: str,
    by: Literal["ngrams", "near", "meaning"] = "ngrams",
    of: Of = "question",
    words: int = WORDS,
    least: float | None = None,
    limit: int | None = None,
) -> Filter:
    """Drops problems that are also in a test set. The reason names the test problem and the similarity.

    With `by="ngrams"`, a problem is dropped if its question shares `words` consecutive words with a test question
    (GPT-3, Brown et al. 2020, arXiv 2005.14165, appendix C). A test question of 8 to 12 words must be contained as a
    whole. With `by="near"`, a problem is dropped if the Jaccard similarity of the 3-word shingles is at least `least`.
    With `by="meaning"`, it is dropped if the cosine of the embeddings is at least `least`; this needs redraft[meaning].

    Args:
        against: The test set, which is any source that `redraft generate` reads.
        by: How texts are compared: by common words in a row (`ngrams`), by common shingles (`near`), or by embeddings
            (`meaning`).
        of: The text that is compared with the test questions: the `question` of a problem, or each `draft`.
        words: The number of consecutive words for `ngrams`.
        least: The minimum similarity in (0, 1]; `none` is 0.8 for `near` and 0.9 for `meaning`.
        limit: The number of problems of the test set that are compared, from the first on; `none` means all.
    """
    check_number("contaminated.words", words, 13, least=1)
    if limit is not None:
        check_number("contaminated.limit", limit, 1000, least=1)
    if against.partition(":")[0] == "builtin" and limit is None:
        raise PartError(f"contaminated.against={against!r} never ends: set how many count, as contaminated.limit=1000")
    if least is not None and by == "ngrams":
        raise PartError(f"contaminated.least={least} is for by=near and by=meaning: name one, or set words")
    if words != WORDS and by != "ngrams":
        raise PartError(f"contaminated.words={words} is for by=ngrams: leave it out, or set least")
    least = {"near": 0.8}.get(by, 0.9) if least is None else least
    check_threshold("contaminated.least", least)
    tests: Index = {
        "ngrams": lambda: SharedPassages(words),
        "near": lambda: NearTexts(least, 3),
        "meaning": lambda: Meanings(least),
    }[by]()
    for problem in read(against, limit=limit):
        tests.add(problem.problem_id, tests.read(problem.question))
    latest: tuple[str | None, str | None] = (None, None)  # the last problem, and the reason to drop it

    def reason(text: str) -> str | None:
        match = tests.find(tests.read(text))
        return f"in the test set: {match.how} with {match.name}" if match else None

    def check(candidate: Candidate) -> str | None:
        nonlocal latest
        if of == "draft":
            return reason(candidate.text)
        if latest[0] != candidate.problem_id:  # candidates are ordered by problem
            latest = candidate.problem_id, reason(candidate.question)
        return latest[1]

    return check
