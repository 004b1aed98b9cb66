"""Exact beam search over the embedded network's tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from redraft.llm.model import Choice, Finish
from redraft.llm.providers.embedded.attention import Cache
from redraft.llm.providers.embedded.network import CONTEXT, Network
from redraft.llm.providers.embedded.prompt_cache import Floats
from redraft.llm.providers.embedded.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """An unfinished text: its tokens, their log-probabilities at temperature 1, and the sum of these."""

    tokens: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class FinishedHypothesis:
    """A finished text and its score."""

    score: float
    beginning: Hypothesis
    finish: Finish


class BeamSearch:
    """Finds the `width` best texts after a prompt.

    At each token every open hypothesis is extended by every token of the vocabulary. The `width` extensions with the
    highest sums of log-probabilities remain open. Every hypothesis may also end there. Ties are resolved in favour of
    the earlier hypothesis, then of the smaller token id.

    A text's score is its sum of log-probabilities divided by length ** `length_penalty`; sum and length include the end
    token. The search stops when no open hypothesis can still be among the best `width`, or at the token limit, where
    all of them end.
    """

    def __init__(self, network: Network, vocabulary: Vocabulary, width: int, length_penalty: float) -> None:
        self._network, self._vocabulary = network, vocabulary
        self._width, self._penalty = width, length_penalty
        self._ends = np.array([vocabulary.is_mark(token) for token in range(len(network.head))])

    def run(self, prompt: NDArray[np.int64], max_tokens: int, stop: Sequence[bytes]) -> tuple[Choice, ...]:
        """Returns the texts, best first, each cut at its first stop string. Returns fewer than `width` texts only if
        the token limit allows no more."""
        most = min(max_tokens, CONTEXT - len(prompt))
        cache = Cache(self._width)
        logits = self._network.read(prompt, cache, 0, last=True)
        opened, ended = [Hypothesis()], list[FinishedHypothesis]()
        for length in range(1, most + 1):
            grown, parents = self._extend(opened, logits, length, stop, ended)
            if length == most:
                ended += [self._finish(one, one.total, length, Finish.LENGTH) for one in grown]
            ended.sort(key=lambda one: -one.score)  # a stable sort keeps the order of equal scores
            del ended[self._width :]
            if length == most or not grown or self._is_settled(grown, ended, length, most):
                break
            opened = _place_in_cache(cache, grown, parents)
            logits = self._network.step(np.array([one.tokens[-1] for one in opened]), cache)
        return tuple(self._choice(one, stop) for one in ended)

    def _extend(
        self,
        opened: Sequence[Hypothesis],
        logits: Floats,
        length: int,
        stop: Sequence[bytes],
        ended: list[FinishedHypothesis],
    ) -> tuple[list[Hypothesis], list[int]]:
        """Returns a pair: the hypotheses that remain open, best first, and the cache row of each one's parent. Appends
        finished texts to `ended`."""
        logprobs = logits.astype(np.float64)
        logprobs -= logprobs.max(axis=1, keepdims=True)
        logprobs -= np.log(np.exp(logprobs).sum(axis=1, keepdims=True))
        ends = np.log(np.exp(logprobs[:, self._ends]).sum(axis=1))
        ended += [
            self._finish(one, one.total + float(end), length, Finish.END)
            for one, end in zip(opened, ends, strict=True)
            if one.tokens
        ]
        totals = np.array([one.total for one in opened])[:, None] + logprobs
        totals[:, self._ends] = -np.inf
        grown, parents = list[Hypothesis](), list[int]()
        for place in _best(totals.ravel(), totals.size if stop else self._width):
            row, token = divmod(int(place), totals.shape[1])
            one = opened[row]
            logprob = round(float(logprobs[row, token]), 6)
            child = Hypothesis((*one.tokens, token), (*one.logprobs, logprob), float(totals[row, token]))
            if stop and any(mark in self._bytes(child) for mark in stop):
                ended.append(self._finish(child, child.total, length, Finish.STOP))
                continue
            grown.append(child)
            parents.append(row)
            if len(grown) == self._width:
                break
        return grown, parents

    def _finish(self, beginning: Hypothesis, total: float, length: int, finish: Finish) -> FinishedHypothesis:
        return FinishedHypothesis(total / length**self._penalty, beginning, finish)

    def _is_settled(
        self, opened: Sequence[Hypothesis], ended: Sequence[FinishedHypothesis], length: int, most: int
    ) -> bool:
        """Returns whether no open hypothesis can still be among the best texts. The sum of a hypothesis can only
        decrease, so its score is at most its present sum divided by `longest` ** penalty."""
        longest = most if self._penalty >= 0 else length + 1
        reach = max(one.total for one in opened) / longest**self._penalty
        return len(ended) == self._width and ended[-1].score >= reach

    def _bytes(self, beginning: Hypothesis) -> bytes:
        return b"".join(map(self._vocabulary.bytes_of, beginning.tokens))

    def _choice(self, one: FinishedHypothesis, stop: Sequence[bytes]) -> Choice:
        pieces = [self._vocabulary.bytes_of(token) for token in one.beginning.tokens]
        written = b"".join(pieces)
        found = [at for mark in stop if (at := written.find(mark)) >= 0]
        text = written[: min(found)] if found else written
        starts = np.cumsum([0, *map(len, pieces)])[:-1].tolist()
        offsets = tuple(len(text[:start].decode("utf-8", "ignore")) for start in starts)
        return Choice(text.decode("utf-8", "replace"), one.finish, len(pieces), one.beginning.logprobs, offsets)


def _best(values: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Returns the indices of the `count` highest finite values, highest first. If values are equal, the lower index
    comes first."""
    count = min(count, len(values))
    least = np.partition(values, -count)[-count]
    places = np.flatnonzero((values >= least) & (values > -np.inf))
    return places[np.argsort(-values[places], kind="stable")][:count]


def _place_in_cache(cache: Cache, grown: Sequence[Hypothesis], parents: Sequence[int]) -> list[Hypothesis]:
    """Returns the hypotheses in the order of their rows in the cache. The first child of each row keeps that row, so
    little is copied."""
    rows: list[int | None] = [None] * len(grown)  # for each row, the index of its hypothesis
    for place, row in enumerate(parents):
        if row < len(rows) and rows[row] is None:
            rows[row] = place
    here = {place for place in rows if place is not None}
    others = iter([place for place in range(len(grown)) if place not in here])
    moved = [row for row, place in enumerate(rows) if place is None]
    placed = [next(others) if place is None else place for place in rows]
    if moved:
        cache.copy_all([parents[placed[row]] for row in moved], moved)
    return [grown[place] for place in placed]
