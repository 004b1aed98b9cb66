"""The hash that names things."""

import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from redraft.store.digest import digest, prefix_key, texts_digest
from redraft.store.trajectory import Stop

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


@given(some.lists(some.one_of(TEXTS, some.lists(some.lists(TEXTS, max_size=2), max_size=3)), max_size=3))
def test_the_quick_digests_of_texts_are_the_same(parts: list[Any]) -> None:
    assert texts_digest(parts) == digest(*parts)


@given(TEXTS, TEXTS, TEXTS)
def test_the_key_of_a_text_is_the_digest_of_what_it_follows(before: str, by: str, text: str) -> None:
    assert prefix_key(before, by, text) == digest(before, by, text)
