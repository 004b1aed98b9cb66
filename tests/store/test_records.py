"""The hash that names things."""

import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from redraft.store.records import Stop, digest

TEXTS = some.text(some.characters(codec=None), max_size=8)  # with lone surrogates and control characters
PLAIN = some.one_of(TEXTS, some.integers())
NESTED = some.recursive(
    some.one_of(PLAIN, some.none(), some.booleans(), some.sampled_from(Stop)),
    lambda inner: some.one_of(some.lists(inner, max_size=3), some.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=5,
)


@given(some.lists(some.one_of(PLAIN, NESTED), max_size=5))
def test_a_digest_is_that_of_the_canonical_json_of_its_parts(parts: list[Any]) -> None:
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    expected = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    assert digest(*parts) == expected
