"""What the rows of the embedded network have read, and how each step reads it."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from redraft.llm.providers.embedded.network import HEAD, HEADS, LAYERS, NEVER, WIDTH, ZERO, up
from redraft.llm.providers.embedded.prompt_cache import NOTHING, Floats, Prompt

TILE = 32
PLACES = 5 * TILE  # of a row's own tokens, until it has more
SPARED = 6  # tiles read in vain that take as long as another span of rows


class Cache:
    """The tokens that up to `rows` rows have read: a prompt, which rows may share, then each row's own tokens. `own`
    has the keys and the values of the own tokens: (LAYERS, 2, rows, HEADS, places, HEAD). `lengths` has the number of
    all tokens of each row."""

    def __init__(self, rows: int) -> None:
        self.prompts = [NOTHING] * rows
        self.own = np.zeros((LAYERS, 2, rows, HEADS, PLACES, HEAD), np.float32)
        self.lengths = np.zeros(rows, np.int64)
        self._attention: Attention | None = None  # of the last step, unless a row has changed since

    def begin(self, row: int, prompt: Prompt) -> None:
        self.prompts[row], self.lengths[row], self._attention = prompt, prompt.length, None

    def copy(self, source: int, target: int) -> None:
        self.copy_all([source], [target])

    def copy_all(self, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Copies the content of each source row to the target row with the same index in the lists. All rows are copied
        at once, so a source may also be a target."""
        prompts = [self.prompts[source] for source in sources]
        lengths = self.lengths[sources]
        own = int(max(lengths - [prompt.length for prompt in prompts]))
        self.own[:, :, targets, :, :own] = self.own[:, :, sources, :, :own]
        for target, prompt in zip(targets, prompts, strict=True):
            self.prompts[target] = prompt
        self.lengths[targets], self._attention = lengths, None

    def attention(self, rows: int) -> "Attention":
        """Returns how the first rows read in the next step."""
        if self._attention is None or not self._attention.goes_on(rows):
            self._attention = Attention(self, rows)
        return self._attention

    def reserve(self, places: int) -> None:
        """Makes room for this many tokens of each row's own."""
        before, held = self.own, self.own.shape[4]
        if places <= held:
            return
        while held < places:
            held = 2 * held | TILE  # an odd number of tiles: rows a power of two apart would evict each other
        self.own = np.zeros((*before.shape[:4], held, HEAD), np.float32)
        self.own[..., : before.shape[4], :] = before


class Attention:
    """The attention of the rows of one step to their prompts and to their own tokens.

    Adjacent rows that share a prompt attend to it together. Own tokens are processed in place for a span of adjacent
    rows of similar lengths at a time, up to the longest of these rows. The scores of a row are a segment of one array:
    those of its prompt, then those of its own tokens, in blocks of exactly `TILE`. Products over a row's own tokens use
    single blocks, and sums add the blocks one after the other. Positions that a row does not have get weight 0 and
    change nothing.
    """

    def __init__(self, cache: Cache, rows: int) -> None:
        prompts = cache.prompts[:rows]
        self._place = at = cache.lengths[:rows] - np.array([prompt.length for prompt in prompts])
        blocks = (at // TILE + 1).tolist()
        cache.reserve(TILE * max(blocks))
        size = cache.own.shape[4]
        self._own = cache.own.reshape(LAYERS, -1, HEAD)
        heads = np.arange(rows)[:, None] * HEADS + np.arange(HEADS)
        self._at = (np.arange(2)[:, None] * len(cache.prompts) * HEADS + heads[:, None]) * size + at[:, None, None]
        self._mask = np.where(np.arange(TILE * max(blocks)) <= at[:, None], ZERO, NEVER)[:, None, None]
        spans = list(_spans(prompts, blocks))
        counts = [(rows.stop - rows.start, begin + end) for rows, begin, end in spans]
        segments = np.array([size for number, size in counts for _ in range(HEADS * number)])
        self._begins = segments.cumsum() - segments
        self._segment = np.repeat(np.arange(len(segments)), segments // TILE)
        self._scores = np.full(int(segments.sum()), NEVER)
        self._weights = np.empty_like(self._scores)
        self._query, self._mixed = np.empty((2, rows, HEADS, 1, HEAD), np.float32)
        self._sums = np.empty((rows, HEADS, TILE), np.float32)
        self._prompts, self._spans, first = list[Any](), list[Any](), 0
        for (span, begin, end), (number, size) in zip(spans, counts, strict=True):
            part = slice(first, first := first + number * HEADS * size)
            scores, weights = (each[part].reshape(number, HEADS, 1, size) for each in (self._scores, self._weights))
            self._spans.append(
                (
                    self._query[span],
                    cache.own[:, 0, span, :, :end].transpose(0, 1, 2, 4, 3),
                    scores[..., begin:],
                    self._mask[span, ..., :end],
                    weights[..., begin:].reshape(number, HEADS, -1, 1, TILE),
                    cache.own[:, 1, span, :, :end].reshape(LAYERS, number, HEADS, -1, TILE, HEAD),
                    self._mixed[span],
                    weights.reshape(number, HEADS, -1, TILE),
                    self._sums[span],
                )
            )
            for shared in _sharing(prompts, span):
                prompt, here = prompts[shared.start], slice(shared.start - span.start, shared.stop - span.start)
                query, read = self._query[shared], self._mixed[shared]
                shown = (each[here, ..., : prompt.length] for each in (scores, weights))
                self._prompts.append((prompt, query, *shown, read))

    def goes_on(self, rows: int) -> bool:
        """Moves on to the next token of each row. Returns False if the rows are others, or if one has filled its
        blocks."""
        self._place += 1
        if rows != len(self._place) or not (self._place % TILE).all():
            return False
        self._at += 1
        self._mask[np.arange(rows), 0, 0, self._place] = ZERO
        return True

    def attend(self, depth: int, projected: Floats) -> Floats:
        """Returns the attention output of each row's newest token in one layer: (rows, WIDTH). `projected` has the
        rows' queries, keys and values: (rows, 3, HEADS, HEAD)."""
        weights, mixed = self._weights, self._mixed
        self._own[depth][self._at] = projected[:, 1:]
        self._query[:, :, 0] = projected[:, 0]
        for prompt, query, scores, _, _ in self._prompts:
            np.matmul(query, prompt.keys[depth], out=scores)
        for query, keys, scores, mask, *_ in self._spans:
            np.matmul(query, keys[depth], out=scores)
            scores += mask
        highest = np.maximum.reduceat(self._scores, self._begins)[self._segment]
        np.subtract(self._scores.reshape(-1, TILE), highest[:, None], out=weights.reshape(-1, TILE))
        np.exp(weights, out=weights)
        for prompt, _, _, share, read in self._prompts:
            np.matmul(share, prompt.values[depth], out=read)
        for *_, share, values, read, blocks, sums in self._spans:
            read += np.add.reduce(share @ values[depth], axis=2)
            np.add.reduce(blocks, axis=2, out=sums)
        mixed /= np.add.reduce(self._sums, axis=2)[..., None, None]
        return mixed.reshape(len(mixed), WIDTH)


def _sharing(prompts: Sequence[Prompt], rows: slice) -> Iterator[slice]:
    """Yields the adjacent rows that share a prompt."""
    begin = rows.start
    for row in range(begin + 1, rows.stop + 1):
        if row == rows.stop or prompts[row] is not prompts[begin]:
            yield slice(begin, row)
            begin = row


def _spans(prompts: Sequence[Prompt], blocks: Sequence[int]) -> Iterator[tuple[slice, int, int]]:
    """Yields spans of adjacent rows, with the places of the longest prompt and those of the most own tokens. `blocks`
    are those of own tokens. Rows join a span if what is read in vain then takes less time than another span."""
    begin, row, vain, most = 0, 0, 0.0, (0, 0)
    while row < len(blocks):
        end = row + 1
        while end < len(blocks) and prompts[end] is prompts[row] and blocks[end] == blocks[row]:
            end += 1
        here = up(prompts[row].length, TILE), blocks[row] * TILE
        longest = max(most[0], here[0]), max(most[1], here[1])
        more = (row - begin) * _cost(longest, most) + (end - row) * _cost(longest, here)
        if row > begin and vain + more > SPARED:
            yield slice(begin, row), *most
            begin, vain, more, longest = row, 0.0, 0.0, here
        row, vain, most = end, vain + more, longest
    yield slice(begin, row), *most


def _cost(longer: tuple[int, int], shorter: tuple[int, int]) -> float:
    """Returns what a row reads in vain, in tiles of own tokens; a tile of a prompt takes a quarter of the time."""
    return (longer[1] - shorter[1] + (longer[0] - shorter[0]) / 4) / TILE
