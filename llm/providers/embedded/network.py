"""The embedded model's network in numpy: a small Llama with a key-value cache, for many rows at once.

A row's result does not depend on the other rows, to the last bit, so that the same seed always gives the same text. A
matrix product rounds a row by its position and by the number of rows. Therefore products run on tiles of exactly `ROWS`
rows, where BLAS treats all rows alike, and attention reads a row's cache up to the next multiple of `TILE`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WIDTH, LAYERS, HEADS, THETA = 128, 4, 4, 10_000.0
HEAD = WIDTH // HEADS
CONTEXT = 1024  # tokens of prompt and answer together
ROWS, TILE = 8, 32
ZERO, NEVER = np.float32(0), np.float32(-np.inf)


def quantize(arrays: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """Quantizes matrices to int8 with one scale a row; vectors become float32."""
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
    """Inverts `quantize`, up to rounding."""
    return {
        name: (array * packed[f"{name}.scale"]).astype(np.float32) if array.dtype == np.int8 else array
        for name, array in packed.items()
        if not name.endswith(".scale")
    }


@dataclass(frozen=True, slots=True)
class Layer:
    attention_norm: Floats
    qkv: Floats  # (WIDTH, 3 * WIDTH)
    out: Floats
    feed_norm: Floats
    gate_up: Floats  # (WIDTH, 2 * hidden)
    down: Floats


class Cache:
    """Keys and values of up to `rows` rows, (LAYERS, rows, HEADS, CONTEXT, HEAD), and each row's length."""

    def __init__(self, rows: int) -> None:
        self.keys = np.zeros((LAYERS, rows, HEADS, CONTEXT, HEAD), np.float32)
        self.values = np.zeros_like(self.keys)
        self.lengths = np.zeros(rows, np.int64)

    def copy(self, source: int, target: int) -> None:
        length = self.lengths[source]
        self.keys[:, target, :, :length] = self.keys[:, source, :, :length]
        self.values[:, target, :, :length] = self.values[:, source, :, :length]
        self.lengths[target] = length


class Network:
    """The weights, and the two ways to run them: on a whole prompt, or on one token for each of many rows."""

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self.embedding = weights["embedding.weight"]
        self.head = np.ascontiguousarray(self.embedding.T)
        self.norm = weights["norm.weight"]
        self.layers = [self._layer(weights, f"blocks.{i}.") for i in range(LAYERS)]
        half = HEAD // 2
        angles = np.outer(np.arange(CONTEXT), THETA ** (-np.arange(half) / half))
        self.cos, self.sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)

    @staticmethod
    def _layer(weights: Mapping[str, Floats], prefix: str) -> Layer:
        def matrix(name: str) -> Floats:
            return np.ascontiguousarray(weights[f"{prefix}{name}.weight"].T)

        return Layer(
            weights[f"{prefix}attention_norm.weight"],
            matrix("qkv"),
            matrix("out"),
            weights[f"{prefix}feed_norm.weight"],
            matrix("gate_up"),
            matrix("down"),
        )

    def read(self, tokens: NDArray[np.int64], cache: Cache, row: int, *, last: bool = False) -> Floats:
        """Reads a whole prompt (length,) into a cache row. Returns the logits (length, vocabulary), or (1, vocabulary)
        for the last token alone, which costs less."""
        length = len(tokens)
        x = self.states(tokens, cache, row)
        if last:
            return self.logits(np.repeat(x[length - 1 : length], ROWS, axis=0))[:1]
        return self.logits(x)[:length]

    def states(self, tokens: NDArray[np.int64], cache: Cache, row: int, start: int = 0) -> Floats:
        """Reads tokens after the first `start` tokens of a cache row. Returns the last layer's output for each token,
        before the norm: (length, WIDTH), padded."""
        length = len(tokens)
        x = np.zeros((_up(length, ROWS), WIDTH), np.float32)
        x[:length] = self.embedding[tokens]
        cos, sin = self.cos[start : start + len(x)], self.sin[start : start + len(x)]
        future = np.triu(np.full((len(x), start + len(x)), NEVER), start + 1)
        for depth, layer in enumerate(self.layers):
            q, k, v = self._project(layer, x, cos, sin)  # each (HEADS, padded length, HEAD)
            cache.keys[depth, row, :, start : start + length] = k[:, :length]
            cache.values[depth, row, :, start : start + length] = v[:, :length]
            keys = np.concatenate([cache.keys[depth, row, :, :start], k], axis=1) if start else k
            values = np.concatenate([cache.values[depth, row, :, :start], v], axis=1) if start else v
            mixed = _softmax(q @ keys.transpose(0, 2, 1) + future) @ values
            x = self._finish(layer, x, mixed.transpose(1, 0, 2).reshape(len(x), WIDTH))
        cache.lengths[row] = start + length
        return x

    def step(self, tokens: NDArray[np.int64], cache: Cache) -> Floats:
        """Adds one token to each of the first len(tokens) rows. Returns their logits (rows, vocabulary)."""
        rows = len(tokens)
        at = cache.lengths[:rows]
        x = np.zeros((_up(rows, ROWS), WIDTH), np.float32)
        x[:rows] = self.embedding[tokens]
        places = np.zeros(len(x), np.int64)
        places[:rows] = at
        cos, sin = self.cos[places], self.sin[places]
        tiles = (at // TILE + 1) * TILE
        groups = [(tile, _members(tiles == tile)) for tile in np.unique(tiles)]
        masks = [
            np.where(np.arange(tile) <= at[members][:, None], ZERO, NEVER)[:, None, None] for tile, members in groups
        ]
        index = np.arange(rows)
        mixed = np.zeros((len(x), HEADS, HEAD), np.float32)
        for depth, layer in enumerate(self.layers):
            q, k, v = self._project(layer, x, cos, sin)
            cache.keys[depth, index, :, at] = k[:, :rows].transpose(1, 0, 2)
            cache.values[depth, index, :, at] = v[:, :rows].transpose(1, 0, 2)
            for (tile, members), mask in zip(groups, masks, strict=True):
                keys = cache.keys[depth, members, :, :tile]
                values = cache.values[depth, members, :, :tile]
                query = q[:, members].transpose(1, 0, 2)[:, :, None]
                mixed[members] = (_softmax(query @ keys.transpose(0, 1, 3, 2) + mask) @ values)[:, :, 0]
            x = self._finish(layer, x, mixed.reshape(len(x), WIDTH))
        cache.lengths[:rows] += 1
        return self.logits(x)[:rows]

    def logits(self, x: Floats) -> Floats:
        """Returns the logits (rows, vocabulary) of states (rows, WIDTH); rows is a multiple of ROWS."""
        return _product(normalize(x, self.norm), self.head)

    def _project(self, layer: Layer, x: Floats, cos: Floats, sin: Floats) -> tuple[Floats, Floats, Floats]:
        projected = _product(normalize(x, layer.attention_norm), layer.qkv).reshape(len(x), 3, HEADS, HEAD)
        q, k, v = projected.transpose(1, 2, 0, 3)
        return _rotate(q, cos, sin) * np.float32(HEAD**-0.5), _rotate(k, cos, sin), v

    def _finish(self, layer: Layer, x: Floats, mixed: Floats) -> Floats:
        x = x + _product(mixed, layer.out)
        gate_up = _product(normalize(x, layer.feed_norm), layer.gate_up)
        gate, up = np.split(gate_up, 2, axis=1)
        gate /= np.float32(1) + np.exp(-gate)
        return x + _product(gate * up, layer.down)


def _members(chosen: NDArray[np.bool_]) -> slice | NDArray[np.intp]:
    """Returns the indices of the chosen rows, as a slice if they are adjacent, since reading a slice copies nothing."""
    members = np.flatnonzero(chosen)
    first, last = int(members[0]), int(members[-1])
    return slice(first, last + 1) if last - first == len(members) - 1 else members


def _product(x: Floats, matrix: Floats) -> Floats:
    """Returns x @ matrix for a multiple of ROWS rows, tile by tile."""
    return (x.reshape(-1, ROWS, x.shape[1]) @ matrix).reshape(len(x), -1)


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def normalize(x: Floats, weight: Floats) -> Floats:
    size: Floats = np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + np.float32(1e-5))
    return x / size * weight


def _rotate(x: Floats, cos: Floats, sin: Floats) -> Floats:
    """Applies rotary position: x (HEADS, rows, HEAD) by the angles of each row (rows, HEAD / 2)."""
    first, second = x[..., : HEAD // 2], x[..., HEAD // 2 :]
    turned = np.empty_like(x)
    turned[..., : HEAD // 2] = first * cos - second * sin
    turned[..., HEAD // 2 :] = second * cos + first * sin
    return turned


def _softmax(scores: Floats) -> Floats:
    """Applies softmax along the last axis, in place."""
    np.subtract(scores, scores.max(axis=-1, keepdims=True), out=scores)
    np.exp(scores, out=scores)
    np.divide(scores, scores.sum(axis=-1, keepdims=True), out=scores)
    return scores
