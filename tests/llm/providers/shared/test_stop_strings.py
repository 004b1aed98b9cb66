"""Texts and their tokens."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.llm.model import Choice, Finish
from redraft.llm.providers.shared.stop_strings import align_tokens, cut_at_stop, with_token_counts


@given(
    text=st.text(max_size=30),
    splits=st.sets(st.integers(1, 40), max_size=6),
    after=st.binary(max_size=4),
)
def test_tokens_that_spell_a_text_are_found_where_its_bytes_are(text: str, splits: set[int], after: bytes) -> None:
    raw = text.encode()
    bounds = [0, *sorted(split for split in splits if split < len(raw)), len(raw)]
    spans = [(start, end) for start, end in pairwise(bounds) if end > start]
    tokens = [(raw[start:end], -float(end)) for start, end in spans]
    assert align_tokens([*tokens, (after, -99.0)], text) == (
        tuple(-float(end) for _, end in spans),
        tuple(len(raw[:start].decode("utf-8", "ignore")) for start, _ in spans),
    )


@pytest.mark.parametrize(
    ("tokens", "text", "thought", "expected"),
    [
        (["a", "b", "\n"], "ab", False, ((0.0, -1.0), (0, 1))),
        (["\n", "a", "b"], "ab", False, ((-1.0, -2.0), (0, 1))),
        ([" a", "b"], "ab", False, ((0.0, -1.0), (0, 1))),
        (["x", "a", "b"], "ab", False, None),
        (["x", "a", "b"], "ab", True, ((-1.0, -2.0), (0, 1))),
        (["ab", "</think>", "a", "b"], "ab", True, ((-2.0, -3.0), (0, 1))),
        (["ab"], "abc", False, None),
        (["a", "\ufffd", "\ufffd", "b"], "a🙂b", False, ((0.0, -1.0, -2.0, -3.0), (0, 1, 1, 2))),
        (["a", "\ufffd", "c"], "a🙂b", False, None),
        (["a", "\ufffd"], "a🙂", False, ((0.0, -1.0), (0, 1))),
    ],
)
def test_what_is_not_the_text_is_left_out(tokens: list[str], text: str, thought: bool, expected: Any) -> None:
    given = [(token.encode(), -float(place)) for place, token in enumerate(tokens)]
    assert align_tokens(given, text, thought=thought) == expected


@pytest.mark.parametrize(
    ("text", "stop", "expected"),
    [("a.b,c", (",", "."), ("a", True)), ("abc", ("x", ""), ("abc", False)), ("x", ("x",), ("", True))],
)
def test_a_text_ends_before_its_first_stop_string(text: str, stop: tuple[str, ...], expected: tuple[str, bool]) -> None:
    assert cut_at_stop(text, stop) == expected


@given(lengths=st.lists(st.integers(0, 9), max_size=5), total=st.integers(0, 99), known=st.booleans())
def test_tokens_are_shared_out_whole(lengths: list[int], total: int, known: bool) -> None:
    choices = [Choice("x" * n, Finish.END, 0, (-1.0,) * n if known else None) for n in lengths]
    shared = with_token_counts(choices, total)
    expected = total or (sum(lengths) if known else 0)
    assert sum(choice.tokens for choice in shared) == (expected if lengths else 0)
    assert [choice.text for choice in shared] == [choice.text for choice in choices]
