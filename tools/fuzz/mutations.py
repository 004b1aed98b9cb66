"""Random changes of texts, of bytes and of JSON values, and unusual values."""

import json
from random import Random
from typing import Any

LONG = "a" * 5000
HALF = "\udc80"  # Python's representation of a byte that is not UTF-8 in an argument

TEXTS = (
    "", " ", "\t", "a\nb", "-", "--", "-3", "0", "1", "-1", "1.5", "1e400", "nan", "inf", "true", "false", "null",
    "None", "a" * 100, "a" * 101, "b" * 300, LONG, "word " * 400, "é", "日本語", "\u202e", "🙂" * 30, f"x{HALF}y", "'",
    '"', "`", ";", "a=b", "=", "=1", "a=", "a.b.c=1", "*", "[", "{", "{}", "[]", "%s", "\\", "$HOME", "~nobody/x",
    "../x", "/", ".", "..", "/dev/full", "/proc/self/none", "file:///x", "http://", "https://user:secret@host/v1",
    "path.py:function", "none.py:f", "embedded", "builtin", "hf:", "hf:a", "99999999999999999999999", "1,2,3", ",",
    ":", "::", "SELECT 1",
)  # fmt: skip

VALUES = (
    None, True, False, 0, 1, -1, 2**70, 1.5, -0.0, 1e308, float("nan"), float("inf"), "", " ", "x", "7", "\ud800",
    "a\u0000b", LONG, [], {}, [None], [[]], [{}], ["a", 1, None], {"": 1}, {"a": {"b": [1]}}, {"\ud800": 1},
    {"role": "user"}, [{"role": "user", "content": "x"}], [{"role": "user", "content": None}], "[{", "\\boxed{",
)  # fmt: skip


def mutated_text(chance: Random, text: str) -> str:
    """Returns a text with a small change, or another text."""
    if chance.random() < 0.4 or not text:
        return chance.choice(TEXTS)
    at, other = chance.randrange(len(text)), chance.choice(TEXTS)[:200]
    return chance.choice([text[:at] + other + text[at:], text[:at], text[at:], text[:at] + text[at + 1 :], text * 2])


def mutated_value(chance: Random, value: Any, depth: int = 0) -> Any:
    """Returns a JSON value in which one value was replaced, removed or moved."""
    if depth > 6 or not isinstance(value, dict | list) or not value or chance.random() < 0.15:
        return mutated_text(chance, value) if isinstance(value, str) and chance.random() < 0.4 else _strange(chance)
    if isinstance(value, list):
        at = chance.randrange(len(value))
        changed = [mutated_value(chance, value[at], depth + 1)] if chance.random() < 0.8 else []
        return [*value[:at], *changed, *value[at + 1 :]]
    key = chance.choice(list(value))
    rest = {name: one for name, one in value.items() if name != key}
    way = chance.random()
    if way < 0.15:
        return rest
    if way < 0.25:
        return {**rest, chance.choice(["", "q", "Question", key.upper(), key + " ", "id", "\ud800"]): value[key]}
    if way < 0.35:
        return {**value, chance.choice([*value, "id", "split", "kind", "choices", "level"]): _strange(chance)}
    return {name: mutated_value(chance, one, depth + 1) if name == key else one for name, one in value.items()}


def _strange(chance: Random) -> Any:
    if chance.random() < 0.05:
        return _nested(chance.choice([50, 300]))
    return chance.choice(VALUES)


def _nested(depth: int) -> Any:
    found: Any = 1
    for _ in range(depth):
        found = [found]
    return found


def mutated_bytes(chance: Random, data: bytes) -> bytes:
    """Returns the bytes cut, with flipped bits, doubled, in another encoding, or with other bytes inserted."""
    way = chance.randrange(9)
    at = chance.randrange(len(data)) if data else 0
    if way == 0:
        return data[:at]
    if way == 1:
        return data[at:]
    if way in (2, 3) and data:
        flipped = bytearray(data)
        for _ in range(chance.choice([1, 1, 5, 50])):
            flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        return bytes(flipped)
    if way == 4:
        other = chance.choice([b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\n\n", b'"', b"{", b"[" * 5000, b"\xc3"])
        return data[:at] + other + data[at:]
    if way == 5:
        return data[:at] + data[at + chance.randrange(1, 100) :]
    if way == 6:
        return data.decode("utf-8", "replace").encode("utf-16")
    if way == 7:
        return data.replace(b"\n", b"\r\n")
    return data + data[at:]


def rows_text(rows: list[Any]) -> bytes:
    """Returns rows as JSON lines."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)
