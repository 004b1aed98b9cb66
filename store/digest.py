"""Hashes that are the same on every machine: ids of problems and units, and keys of texts and prompts."""

import json
from collections.abc import Sequence
from hashlib import blake2b
from json.encoder import encode_basestring
from typing import Any

import orjson

PLAIN = frozenset({str, int})
CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)


def digest(*parts: Any) -> str:
    """Returns a hash of 16 hexadecimal digits. `parts` are values that JSON can represent. The hash is the same on
    every machine and version of Python."""
    if PLAIN.issuperset(map(type, parts)):  # the usual case: CANONICAL.encode would double the time
        text = f"[{','.join([encode_basestring(part) if type(part) is str else str(part) for part in parts])}]"
    else:
        text = CANONICAL.encode(parts)
    return _hash(text.encode("utf-8", "surrogatepass"))


def texts_digest(parts: Sequence[Any]) -> str:
    """Returns the same hash as `digest(*parts)`, if the parts are texts or lists of texts. It takes half the time for a
    long conversation."""
    try:
        return _hash(orjson.dumps(parts))
    except TypeError:  # a lone surrogate
        return digest(*parts)


def question_key(question: str) -> int:
    """Returns a 64-bit hash that questions share if they differ in case and spaces alone, as copies may."""
    plain = " ".join(question.casefold().split())
    return int.from_bytes(blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def prefix_key(before: str, by: str, text: str) -> str:
    """Returns the `digest` of `before`, `by` and `text`: the key of a text that `by` wrote after the text whose key is
    `before`."""
    return _hash(
        f"[{encode_basestring(before)},{encode_basestring(by)},{encode_basestring(text)}]".encode(
            "utf-8", "surrogatepass"
        )
    )


def _hash(text: bytes) -> str:
    return blake2b(text, digest_size=8).hexdigest()
