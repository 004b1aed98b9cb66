"""The embedded model's tokens."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from redraft.llm.providers import embedded
from redraft.llm.providers.embedded.prompts import ASSISTANT, END, PAD, USER
from redraft.llm.providers.embedded.vocabulary import Vocabulary

VOCABULARY = Vocabulary(Path(embedded.__path__[0]) / "tokenizer.json")
TEXTS = some.text("0123456789 abc\n+*=#é<|€", max_size=12)


@given(TEXTS)
def test_tokens_are_the_bytes_of_their_text(text: str) -> None:
    tokens = VOCABULARY.encode(text)
    assert b"".join(map(VOCABULARY.bytes_of, tokens)) == text.encode()
    assert not any(map(VOCABULARY.is_mark, tokens))


@given(some.from_regex(r"[0-9]{0,9}", fullmatch=True))
def test_each_digit_is_one_token(digits: str) -> None:
    assert [VOCABULARY.bytes_of(token).decode() for token in VOCABULARY.encode(digits)] == list(digits)


@pytest.mark.parametrize("mark", [USER, ASSISTANT, END, PAD])
def test_a_mark_is_one_token_without_text(mark: str) -> None:
    [token] = VOCABULARY.encode(mark)
    assert VOCABULARY.is_mark(token)
    assert VOCABULARY.bytes_of(token) == b""
    assert VOCABULARY.encode(f"1{mark}2") == [*VOCABULARY.encode("1"), token, *VOCABULARY.encode("2")]


def test_a_token_beyond_the_vocabulary_ends_an_answer_and_has_no_text() -> None:
    assert VOCABULARY.is_mark(10**6)
    assert VOCABULARY.bytes_of(10**6) == b""
