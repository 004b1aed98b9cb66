"""A value of what is written that costs no thought: a number in [0, 1) out of its text. Needs Python alone."""

import hashlib


def hashed(text: str) -> float:
    return int.from_bytes(hashlib.blake2b(text.strip().encode(), digest_size=4).digest()) / 2**32
