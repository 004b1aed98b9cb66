"""The embedded model's network in numpy: a small Llama with a key-value cache, for many rows at once.

The result for a row is bitwise independent of the other rows, so that the same seed always gives the same text. In a
plain matrix product, the rounding of a row depends on its index and on the number of rows. Therefore a step arranges
the rows as columns of tiles with exactly `ROWS` columns, and BLAS computes all columns of a tile in the same way. If
BLAS gives many tiles the same bits in one product, a step takes one product. A prompt is read alone, as one tile of its
own length.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from redraft.llm.providers.embedded.prompt_cache import NOTHING, Floats, Prompt

if TYPE_CHECKING:
    from redraft.llm.providers.embedded.attention import Cache

WIDTH, LAYERS, HEADS, THETA = 128, 4, 4, 10_000.0
HEAD = WIDTH // HEADS
CONTEXT = 1024  # tokens of prompt and answer together
ROWS = 8
WIDE = 4 * ROWS  # from so many columns on, one product takes less time than tiles
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


class Layer(NamedTuple):
    """The matrices of a layer, with shapes (outputs, inputs). `qkv` and `gate_up` include the weights of the norms
    before them, and `qkv` also the scale of the queries. The gates and `down` are negative, since the gates' negative
    values are needed."""

    qkv: Floats  # (3 * WIDTH, WIDTH)
    out: Floats
    gate_up: Floats  # (2 * hidden, WIDTH)
    down: Floats


class Network:
    """The weights, and two ways to run the network: on a whole prompt, or on one new token for each of many rows.
    Internally, x has the shape (tiles, WIDTH, columns), with one column for each token."""

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self.embedding = weights["embedding.weight"]  # (vocabulary, WIDTH)
        self.norm = weights["norm.weight"]
        layers = [_layer(weights, f"blocks.{i}.") for i in range(LAYERS)]
        self.head, *matrices = _together([self.embedding * self.norm, *chain(*zip(*layers, strict=True))])
        self.layers = [Layer(*matrices[i::LAYERS]) for i in range(LAYERS)]
        half = HEAD // 2
        angles = np.outer(np.arange(CONTEXT), THETA ** (-np.arange(half) / half))
        self._wide: dict[int, bool] = {}
        self.cos, self.sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)

    def read(self, tokens: NDArray[np.int64], cache: "Cache", row: int, *, last: bool = False) -> Floats:
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
        sin = np.stack([-sin, sin])
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

    def step(self, tokens: NDArray[np.int64], cache: "Cache") -> Floats:
        """Adds one token to each of the first len(tokens) rows. Returns their logits (rows, vocabulary)."""
        rows = len(tokens)
        at, wide = cache.lengths[:rows], self._is_wide(up(rows, ROWS))
        x, cos, sin = (_columns(part, wide) for part in (self.embedding[tokens], self.cos[at], self.sin[at]))
        cos, sin = cos[:, None, None, None], np.stack([-sin, sin], axis=1)[:, None, None]
        attention = cache.attention(rows)
        mixed = np.zeros((len(x) * x.shape[2], WIDTH), np.float32)
        inner = slice(ROWS, ROWS + rows) if wide else slice(rows)
        for depth, layer in enumerate(self.layers):
            projected = _rows(self._project(layer, x, cos, sin).reshape(len(x), 3 * WIDTH, -1))[inner]
            mixed[inner] = attention.attend(depth, projected.reshape(rows, 3, HEADS, HEAD))
            x = self._finish(layer, x, mixed.reshape(len(x), -1, WIDTH).transpose(0, 2, 1))
        cache.lengths[:rows] += 1
        return self._logits(x)[inner]

    def _is_wide(self, columns: int) -> bool:
        """Returns whether a step of so many columns takes one product, which is faster, in place of one for each
        tile: if this machine's BLAS rounds both alike."""
        if columns < WIDE:
            return False
        if columns not in self._wide:
            layer = self.layers[0]
            matrices = layer.qkv, layer.out, layer.gate_up, layer.down, self.head
            self._wide[columns] = all(_rounds_alike(matrix, columns) for matrix in matrices)
        return self._wide[columns]

    def logits(self, states: Floats) -> Floats:
        """Returns the logits (tokens, vocabulary) of a prompt's states (tokens, WIDTH)."""
        return self._logits(states.T[None])

    def _logits(self, x: Floats) -> Floats:
        return _rows(np.matmul(self.head, normalize(x)))

    def _project(self, layer: Layer, x: Floats, cos: Floats, sin: Floats) -> Floats:
        """Returns queries, keys and values: (tiles, 3, HEADS, HEAD, columns)."""
        projected = layer.qkv @ normalize(x)
        _rotate(projected.reshape(len(x), 3, HEADS, 2, HEAD // 2, -1)[:, :2], cos, sin)
        return projected.reshape(len(x), 3, HEADS, HEAD, -1)

    def _finish(self, layer: Layer, x: Floats, mixed: Floats) -> Floats:
        x = x + np.matmul(layer.out, mixed)
        gate_up = layer.gate_up @ normalize(x)
        gate, up = gate_up[:, : gate_up.shape[1] // 2], gate_up[:, gate_up.shape[1] // 2 :]
        up *= gate
        np.exp(gate, out=gate)
        gate += ONE
        up /= gate
        x += layer.down @ up
        return x


def _layer(weights: Mapping[str, Floats], prefix: str) -> Layer:
    qkv, out, gate_up, down = (weights[f"{prefix}{name}.weight"] for name in ("qkv", "out", "gate_up", "down"))
    qkv = qkv * weights[f"{prefix}attention_norm.weight"]
    qkv[:WIDTH] *= SCALE
    gate_up = gate_up * weights[f"{prefix}feed_norm.weight"]
    gate_up[: len(gate_up) // 2] *= -ONE
    return Layer(qkv, out, gate_up, -down)


def _together(matrices: Sequence[Floats]) -> list[Floats]:
    """Returns matrices as parts of one array, which is so large that the system gives it large pages."""
    whole = np.concatenate([matrix.ravel() for matrix in matrices])
    ends = np.cumsum([matrix.size for matrix in matrices]).tolist()
    return [whole[end - matrix.size : end].reshape(matrix.shape) for matrix, end in zip(matrices, ends, strict=True)]


def up(number: int, multiple: int) -> int:
    """Returns the next multiple from a number on."""
    return -(-number // multiple) * multiple


def _columns(rows: Floats, wide: bool) -> Floats:
    """Returns rows (rows, features) as columns of tiles (tiles, features, ROWS), or of one wide tile with `ROWS` more
    columns at both ends. Unused columns are 0."""
    count = up(len(rows), ROWS)
    if wide:
        tile = np.zeros((1, rows.shape[1], count + 2 * ROWS), np.float32)
        tile[0, :, ROWS : ROWS + len(rows)] = rows.T
        return tile
    tiles = np.zeros((count, rows.shape[1]), np.float32)
    tiles[: len(rows)] = rows
    return np.ascontiguousarray(tiles.reshape(-1, ROWS, rows.shape[1]).transpose(0, 2, 1))


def _rounds_alike(matrix: Floats, columns: int) -> bool:
    """Returns whether a product with so many columns, and a tile more at each end, has the same bits as products with
    its tiles alone. Of a wide product OpenBLAS computes the columns at the ends otherwise."""
    rows = np.random.default_rng(0).standard_normal((columns, matrix.shape[1]), np.float32)
    alone, inner = _rows(matrix @ _columns(rows, wide=False)), slice(ROWS, ROWS + columns)
    wide = _columns(rows, wide=True)
    transposed = np.ascontiguousarray(wide.transpose(0, 2, 1)).transpose(0, 2, 1)
    return all(np.array_equal(_rows(matrix @ each)[inner], alone) for each in (wide, transposed))


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
    """Applies rotary position embedding to x (..., 2, HEAD / 2, columns) in place. `cos` has the shape (HEAD / 2,
    columns), and `sin`, which is negative for the first half, (2, HEAD / 2, columns)."""
    turned = x[..., ::-1, :, :] * sin
    x *= cos
    x += turned
