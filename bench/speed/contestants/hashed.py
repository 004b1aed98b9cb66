"""A value that costs almost no time to compute: a number in [0, 1) from a text's hash. Needs only Python."""

import hashlib


def hashed(text: str) -> float:
    return int.from_bytes(hashlib.blake2b(text.strip().encode(), digest_size=4).digest()) / 2**32
