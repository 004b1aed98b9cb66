"""The embedded model's network in numpy: a small Llama with a key-value cache, for many rows at once.

The result for a row is bitwise independent of the other rows, so that the same seed always gives the same text. In a
plain matrix product, the rounding of a row depends on its index and on the number of rows. Therefore a step arranges
the rows as columns of tiles with exactly `ROWS` columns, and BLAS computes all columns of a tile in the same way. A
prompt is read alone, as one tile of its own length.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WIDTH, LAYERS, HEADS, THETA = 128, 4, 4, 10_000.0
HEAD = WIDTH // HEADS
CONTEXT = 1024  # tokens of prompt and answer together
ROWS, TILE, SPAN = 8, 32, 16
ROUNDING = b"2"  # must change if this file rounds differently, because the same seed may then give another text
ZERO, ONE, NEVER = np.float32(0), np.float32(1), np.float32(-np.inf)
SCALE = np.float32(HEAD**-0.5)


def quantize(arrays: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """Returns the matrices as int8 with one float32 scale for each row (`NAME.scale`), and the vectors as float32."""
    packed: dict[str, NDArray] = {}
    for name, array in arrays.items():
        if array.ndim == 2:
            scale = np.maximum(np.abs(array).max(axis=1, keepdims=True) / 127, 1e-12).astype(np.float32)
            packed[name] = np.round(array / scale).astype(np.int8)
            packed[f"{name}.scale"] = scale
        else:
            packed[name] = array.astype(np.float32)
    return packed


def unpack(packed: Mapping[str, NDArray]) -> dict[str, Floats]:
    """Returns the float32 arrays that `quantize` packed, up to rounding."""
    return {
        name: (array * packed[f"{name}.scale"]).astype(np.float32) if array.dtype == np.int8 else array
        for name, array in packed.items()
        if not name.endswith(".scale")
    }


@dataclass(frozen=True, slots=True)
class Layer:
    """The matrices of a layer, with shapes (outputs, inputs). `qkv` and `gate_up` include the weights of the norms
    before them, and `qkv` also the scale of the queries."""

    qkv: Floats  # (3 * WIDTH, WIDTH)
    out: Floats
    gate_up: Floats  # (2 * hidden, WIDTH)
    down: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """A prompt that was read: for each layer, the keys (HEADS, HEAD, length) and the values (HEADS, length, HEAD) of
    its tokens."""

    keys: list[Floats]
    values: list[Floats]

    @property
    def length(self) -> int:
        return self.keys[0].shape[2] if self.keys else 0


NOTHING = Prompt([], [])


class Cache:
    """The tokens that up to `rows` rows have read: a prompt, which rows may share, then each row's own tokens. The keys
    and values of the own tokens have the shape (LAYERS, rows, HEADS, CONTEXT, HEAD). `lengths` has the number of all
    tokens of each row."""

    def __init__(self, rows: int) -> None:
        self.prompts = [NOTHING] * rows
        self.keys = np.zeros((LAYERS, rows, HEADS, CONTEXT, HEAD), np.float32)
        self.values = np.zeros_like(self.keys)
        self.lengths = np.zeros(rows, np.int64)

    def begin(self, row: int, prompt: Prompt) -> None:
        self.prompts[row], self.lengths[row] = prompt, prompt.length

    def copy(self, source: int, target: int) -> None:
        self.copy_all([source], [target])

    def copy_all(self, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Copies the content of each source row to the target row with the same index in the lists. All rows are copied
        at once, so a source may also be a target."""
        prompts = [self.prompts[source] for source in sources]
        lengths = self.lengths[sources]
        own = int(max(lengths - [prompt.length for prompt in prompts]))
        self.keys[:, targets, :, :own] = self.keys[:, sources, :, :own]
        self.values[:, targets, :, :own] = self.values[:, sources, :, :own]
        for target, prompt in zip(targets, prompts, strict=True):
            self.prompts[target] = prompt
        self.lengths[targets] = lengths


class Network:
    """The weights, and two ways to run the network: on a whole prompt, or on one new token for each of many rows.
    Internally, x has the shape (tiles, WIDTH, columns), with one column for each token."""

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self.embedding = weights["embedding.weight"]  # (vocabulary, WIDTH)
        self.norm = weights["norm.weight"]
        self.head = self.embedding * self.norm
        self.layers = [self._layer(weights, f"blocks.{i}.") for i in range(LAYERS)]
        half = HEAD // 2
        angles = np.outer(np.arange(CONTEXT), THETA ** (-np.arange(half) / half))
        self.cos, self.sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)

    @staticmethod
    def _layer(weights: Mapping[str, Floats], prefix: str) -> Layer:
        qkv, out, gate_up, down = (weights[f"{prefix}{name}.weight"] for name in ("qkv", "out", "gate_up", "down"))
        qkv = qkv * weights[f"{prefix}attention_norm.weight"]
        qkv[:WIDTH] *= SCALE
        return Layer(qkv, out, gate_up * weights[f"{prefix}feed_norm.weight"], down)

    def read(self, tokens: NDArray[np.int64], cache: Cache, row: int, *, last: bool = False) -> Floats:
        """Reads a whole prompt (length,) into a cache row. Returns the logits (length, vocabulary), or with `last` only
        those of the last token (1, vocabulary), which takes less time."""
        states, prompt = self.states(tokens, last=last)
        cache.begin(row, prompt)
        return self.logits(states)

    def states(
        self, tokens: NDArray[np.int64], before: Prompt = NOTHING, *, last: bool = False
    ) -> tuple[Floats, Prompt]:
        """Reads tokens after a prompt. Returns a pair: the last layer's output before the norm, (length, WIDTH), or
        with `last` only that of the last token, (1, WIDTH); and the extended prompt."""
        start, end = before.length, before.length + len(tokens)
        x, prompt = self.embedding[tokens].T[None], Prompt([], [])
        cos, sin = (np.ascontiguousarray(angles[start:end].T) for angles in (self.cos, self.sin))
        future = np.triu(np.full((len(tokens), end), NEVER), start + 1)
        for depth, layer in enumerate(self.layers):
            q, keys, values = self._project(layer, x, cos, sin)[0]  # each (HEADS, HEAD, length)
            values = values.transpose(0, 2, 1)
            if start:
                keys = np.concatenate([before.keys[depth], keys], axis=2)
                values = np.concatenate([before.values[depth], values], axis=1)
            prompt.keys.append(keys)
            prompt.values.append(values)
            if last and depth == LAYERS - 1:  # nothing reads the other tokens' outputs
                x, q, future = x[..., -1:], q[..., -1:], future[-1:]
            scores = q.transpose(0, 2, 1) @ keys + future
            np.exp(scores - scores.max(axis=-1, keepdims=True), out=scores)
            scores /= scores.sum(axis=-1, keepdims=True)
            x = self._finish(layer, x, (scores @ values).transpose(0, 2, 1).reshape(x.shape))
        return x[0].T, prompt

    def step(self, tokens: NDArray[np.int64], cache: Cache) -> Floats:
        """Adds one token to each of the first len(tokens) rows. Returns their logits (rows, vocabulary)."""
        rows = len(tokens)
        at = cache.lengths[:rows]
        x, cos, sin = (_columns(part) for part in (self.embedding[tokens], self.cos[at], self.sin[at]))
        cos, sin = cos[:, None, None], sin[:, None, None]
        attention = Attention(cache, rows)
        mixed = np.zeros((len(x) * ROWS, WIDTH), np.float32)
        for depth, layer in enumerate(self.layers):
            projected = _rows(self._project(layer, x, cos, sin).reshape(len(x), 3 * WIDTH, ROWS))[:rows]
            mixed[:rows] = attention.attend(depth, projected.reshape(rows, 3, HEADS, HEAD))
            x = self._finish(layer, x, mixed.reshape(-1, ROWS, WIDTH).transpose(0, 2, 1))
        cache.lengths[:rows] += 1
        return self._logits(x)[:rows]

    def logits(self, states: Floats) -> Floats:
        """Returns the logits (tokens, vocabulary) of a prompt's states (tokens, WIDTH)."""
        return self._logits(states.T[None])

    def _logits(self, x: Floats) -> Floats:
        return _rows(np.matmul(self.head, normalize(x)))

    def _project(self, layer: Layer, x: Floats, cos: Floats, sin: Floats) -> Floats:
        """Returns queries, keys and values: (tiles, 3, HEADS, HEAD, columns)."""
        projected = (layer.qkv @ normalize(x)).reshape(len(x), 3, HEADS, HEAD, -1)
        _rotate(projected[:, :2], cos, sin)
        return projected

    def _finish(self, layer: Layer, x: Floats, mixed: Floats) -> Floats:
        x = x + np.matmul(layer.out, mixed)
        gate_up = layer.gate_up @ normalize(x)
        gate, up = gate_up[:, : gate_up.shape[1] // 2], gate_up[:, gate_up.shape[1] // 2 :]
        power = np.exp(-gate)
        power += ONE
        up *= gate
        up /= power
        x += layer.down @ up
        return x


class Attention:
    """The attention of the rows of one step to their prompts and to their own tokens.

    Rows that share a prompt attend to it together, so that it is loaded once. Own tokens are processed in place for
    `SPAN` adjacent rows at a time, up to the longest of these rows. Products over a row's own tokens use blocks of
    exactly `TILE` tokens, and sums add the blocks one after the other. Positions that a row does not have get weight 0
    and change nothing.
    """

    def __init__(self, cache: Cache, rows: int) -> None:
        self._cache, self._rows, self._index = cache, rows, np.arange(rows)
        sharing: dict[Prompt, list[int]] = {}
        for row, prompt in enumerate(cache.prompts[:rows]):
            sharing.setdefault(prompt, []).append(row)
        self._order = np.array([row for members in sharing.values() for row in members])  # rows, ordered by prompt
        self._back = np.argsort(self._order)
        ends = np.cumsum([len(members) for members in sharing.values()]).tolist()
        self._groups = [
            (slice(end - len(members), end), prompt, prompt.length)
            for end, (prompt, members) in zip(ends, sharing.items(), strict=True)
        ]
        self._begin = _up(max(prompt.length for prompt in sharing))
        self._at = cache.lengths[:rows] - np.array([prompt.length for prompt in cache.prompts[:rows]])
        tiles = (self._at // TILE + 1) * TILE
        self._spans = [(slice(i, i + SPAN), int(tiles[i : i + SPAN].max())) for i in range(0, rows, SPAN)]
        longest = int(tiles.max())
        self._mask = np.where(np.arange(longest) <= self._at[:, None], ZERO, NEVER)[:, None, None]
        self._own = np.full((rows, HEADS, 1, longest), NEVER)
        self._scores = np.full((rows, HEADS, 1, self._begin + longest), NEVER)

    def attend(self, depth: int, projected: Floats) -> Floats:
        """Returns the attention output of each row's newest token in one layer: (rows, WIDTH). `projected` has the
        rows' queries, keys and values: (rows, 3, HEADS, HEAD)."""
        rows, begin, scores = self._rows, self._begin, self._scores
        keys, values = self._cache.keys[depth, :rows], self._cache.values[depth, :rows]
        keys[self._index, :, self._at], values[self._index, :, self._at] = projected[:, 1], projected[:, 2]
        query = projected[:, 0, :, None]
        asked = query[self._order]
        for members, prompt, length in self._groups:
            np.matmul(asked[members], prompt.keys[depth], out=scores[members, ..., :length])
        for span, end in self._spans:
            own = query[span, :, None] @ _blocks(keys[span, :, :end]).transpose(0, 1, 2, 4, 3)
            np.add(own.reshape(len(own), HEADS, 1, end), self._mask[span, ..., :end], out=self._own[span, ..., :end])
        scores[..., begin:] = self._own[self._order]
        weights = scores - np.maximum.reduce(scores, axis=3, keepdims=True)
        np.exp(weights, out=weights)
        read = np.empty_like(asked)
        for members, prompt, length in self._groups:
            np.matmul(weights[members, ..., :length], prompt.values[depth], out=read[members])
        mixed, own = read[self._back], weights[..., begin:][self._back].reshape(rows, HEADS, -1, 1, TILE)
        for span, end in self._spans:
            mixed[span] += np.add.reduce(own[span, :, : end // TILE] @ _blocks(values[span, :, :end]), axis=2)
        sums = np.add.reduce(np.add.reduce(weights.reshape(rows, HEADS, -1, TILE), axis=2), axis=2)
        mixed /= sums[self._back].reshape(rows, HEADS, 1, 1)
        return mixed.reshape(rows, WIDTH)


def _blocks(x: Floats) -> Floats:
    """Splits the positions of x (rows, HEADS, positions, HEAD) into blocks: (rows, HEADS, blocks, TILE, HEAD)."""
    return x.reshape(len(x), HEADS, -1, TILE, HEAD)


def _up(number: int) -> int:
    return -(-number // TILE) * TILE


def _columns(rows: Floats) -> Floats:
    """Returns rows (rows, features) as columns of tiles (tiles, features, ROWS). Unused columns are 0."""
    tiles = np.zeros((-(-len(rows) // ROWS) * ROWS, rows.shape[1]), np.float32)
    tiles[: len(rows)] = rows
    return np.ascontiguousarray(tiles.reshape(-1, ROWS, rows.shape[1]).transpose(0, 2, 1))


def _rows(x: Floats) -> Floats:
    """Returns the columns of tiles (tiles, features, columns) as rows (rows, features) that are contiguous in memory,
    because BLAS and sums round other memory layouts differently."""
    return np.ascontiguousarray(x.transpose(0, 2, 1)).reshape(-1, x.shape[1])


def normalize(x: Floats) -> Floats:
    """Divides each column of x (tiles, features, columns) by its root mean square."""
    size: Floats = np.einsum("tfc,tfc->tc", x, x)
    size /= np.float32(x.shape[1])
    size += np.float32(1e-5)
    np.sqrt(size, out=size)
    return x / size[:, None]


def _rotate(x: Floats, cos: Floats, sin: Floats) -> None:
    """Applies rotary position embedding to x (..., HEAD, columns) in place. `cos` and `sin` have the shape (..., HEAD /
    2, columns)."""
    first, second = x[..., : HEAD // 2, :], x[..., HEAD // 2 :, :]
    turned = first * sin
    first *= cos
    first -= second * sin
    second *= cos
    second += turned
