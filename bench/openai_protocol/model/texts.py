"""The texts of the mock server: solutions of word problems in steps, of 60 to 150 tokens, drawn by a seed.

A token is a word with the white space before it. Steps come from tables whose JSON is computed once, so that the server
uses little time for texts.
"""

import json
import random
import re
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import orjson

SEPARATOR = "\n\n"
TOKEN = re.compile(r"\s*\S+|\s+$")
HASH = 0x9E3779B97F4A7C15
MASK = 2**64 - 1


@dataclass(frozen=True)
class Piece:
    """Tokens and their natural log-probabilities. A fault may have replaced them by NaN or None."""

    tokens: tuple[str, ...]
    logprobs: tuple[float | None, ...]

    @cached_property
    def text(self) -> str:
        """Returns the concatenated tokens."""
        return "".join(self.tokens)

    @cached_property
    def text_json(self) -> bytes:
        """Returns the text as the content of a JSON string, without quotes."""
        return orjson.dumps(self.text)[1:-1]

    @cached_property
    def logprobs_json(self) -> bytes:
        """Returns the tokens as the content of the chat protocol's list `logprobs.content`, without brackets."""
        pairs = zip(self.tokens, self.logprobs, strict=True)
        return as_json([logprob_json(token, logprob) for token, logprob in pairs])[1:-1]


@dataclass(frozen=True, slots=True)
class Sample:
    """A text with the reason for its end, "stop" or "length", and the stop string that ended it."""

    pieces: tuple[Piece, ...]
    finish: str = "stop"
    stop_reason: str | None = None

    @property
    def text(self) -> str:
        return "".join([piece.text for piece in self.pieces])

    @property
    def tokens(self) -> int:
        return sum([len(piece.tokens) for piece in self.pieces])

    def flat(self) -> Piece:
        """Returns the whole sample as one piece."""
        tokens = tuple(token for piece in self.pieces for token in piece.tokens)
        return Piece(tokens, tuple(logprob for piece in self.pieces for logprob in piece.logprobs))

    def ended(self, stop: tuple[str, ...], max_tokens: int) -> "Sample":
        """Returns the sample, cut at the first stop string and at the token limit."""
        text = self.text if stop else ""
        found = [(text.find(mark), mark) for mark in stop if mark in text]
        if not found and self.tokens <= max_tokens:
            return self
        at, mark = min(found, default=(len(self.text), None))
        tokens = tuple(TOKEN.findall(self.text[:at]))
        if len(tokens) > max_tokens:
            return self.shortened(max_tokens)
        return Sample((Piece(tokens, self.flat().logprobs[: len(tokens)]),), "stop", mark)

    def shortened(self, tokens: int) -> "Sample":
        """Returns the first tokens of the sample, as if a limit had cut it."""
        whole = self.flat()
        return Sample((Piece(whole.tokens[:tokens], whole.logprobs[:tokens]),), "length")

    def blanked(self, logprob: float | None) -> "Sample":
        """Returns the sample with every log-probability replaced by this value."""
        tokens = self.flat().tokens
        return replace(self, pieces=(Piece(tokens, (logprob,) * len(tokens)),))


def spoken(text: str) -> Sample:
    """Returns a given text as a sample. The log-probability of token i is -0.5 - i/4."""
    tokens = tuple(TOKEN.findall(text))
    return Sample((Piece(tokens, tuple(-0.5 - place / 4 for place in range(len(tokens)))),))


def logprob_json(token: str, logprob: float | None) -> dict[str, object]:
    """Returns one entry of the chat protocol's list of log-probabilities."""
    return {"token": token, "logprob": logprob, "bytes": list(token.encode()), "top_logprobs": []}


def as_json(value: Any) -> bytes:
    """Returns JSON in which NaN is written as `NaN`, which Python's JSON parser accepts."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def solution(key: int, prefix: str = "") -> Sample:
    """Returns the sample of a 64-bit key. With a prefix, returns the part of the sample after as many steps as the
    prefix has.

    The probability that two keys give the same text is below 2**-36.
    """
    bits = ((key ^ (key >> 30)) * HASH) & MASK
    bits ^= bits >> 29
    first, middle, last = tables()
    pieces = [first[bits & 63]]
    for place in range(3 + (bits >> 6) % 4):
        pieces.append(middle[(bits >> (8 + 8 * place)) & 255])
    pieces.append(last[(bits >> 50) % len(last)])
    if not prefix:
        return Sample(tuple(pieces))
    done = len([step for step in prefix.split(SEPARATOR) if step.strip()])
    pieces = pieces[min(done, len(pieces) - 1) :]
    return Sample((_without_gap(pieces[0]), *pieces[1:]) if prefix.endswith("\n") else tuple(pieces))


@cache
def tables() -> tuple[list[Piece], list[Piece], list[Piece]]:
    """Returns three lists: first steps, middle steps, and last lines. All pieces but first steps begin with the blank
    line before them."""
    chance = random.Random(0)
    first = [_piece(chance, OPENING.format(*_numbers(chance), place=place)) for place in range(64)]
    middle = [_piece(chance, SEPARATOR + _step(chance, place)) for place in range(256)]
    last = [_piece(chance, f"{SEPARATOR}The answer is \\boxed{{{number}}}") for number in range(100)]
    return first, middle, last


def _step(chance: random.Random, place: int) -> str:
    name, thing, (a, b) = chance.choice(NAMES), chance.choice(THINGS), _numbers(chance)
    return chance.choice(STEPS).format(name=name, thing=thing, a=a, b=b, sum=a + b, product=a * b, place=place)


def _piece(chance: random.Random, text: str) -> Piece:
    tokens = tuple(TOKEN.findall(text))
    return Piece(tokens, tuple(round(-chance.expovariate(2), 4) for _ in tokens))


def _without_gap(piece: Piece) -> Piece:
    return Piece((piece.tokens[0].lstrip("\n"), *piece.tokens[1:]), piece.logprobs)


def _numbers(chance: random.Random) -> tuple[int, int]:
    return chance.randint(2, 40), chance.randint(2, 40)


NAMES = ("Ann", "Ben", "Carla", "Deniz", "Emeka", "Farah", "Goran", "Hana")
THINGS = ("apples", "boxes", "coins", "pages", "seats", "stamps", "tickets", "yards")
OPENING = "Let us call what is asked x{place}. We are given {0} and {1} to begin with."
STEPS = (
    "{name} adds {a} {thing} to the {b} that were there: {a} + {b} = {sum}, which is count {place}.",
    "There are {a} groups of {b} {thing} each, so {a} * {b} = {product} by line {place}.",
    "Of the {sum} {thing}, {name} takes {a}, which leaves {sum} - {a} = {b} (check {place}).",
    "{name} shares {product} {thing} among {a} people: {product} / {a} = {b} each, as in row {place}.",
)
