"""A provider's words, shown without any key in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.llm.providers.shared.redaction import (
    ECHO,
    address_secrets,
    redact_address,
    redacted_line,
    retry_after_s,
    without_echo,
)

KEYS = st.text(st.characters(categories=["Ll", "Lu", "Nd"], max_codepoint=127), min_size=8, max_size=60)


@given(key=KEYS, before=st.text(max_size=30), after=st.text(max_size=30), start=st.integers(0, 60))
def test_no_piece_of_a_key_is_ever_shown(key: str, before: str, after: str, start: int) -> None:
    shown = redacted_line(f"{before} {key} and {key[start:]} {after}", key)
    assert not any(key[at : at + 8] in shown for at in range(len(key) - 7))
    assert len(shown) <= 300


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("as it\n is", "", "as it is"),
        ("key 12345 of 12345", "12345", "key *** of ***"),
        ("key x does not exist", "x", "key *** does not exist"),
        ("key sk-abc123def", "", "key ***"),
        ("sent Bearer 8f3a", "", "sent ***"),
        ("x" * 400, "", "x" * 300),
        ("abcdefgh", "abcdefghij", "***"),
    ],
)
def test_words_are_one_short_line_without_keys(text: str, key: str, expected: str) -> None:
    assert redacted_line(text, key) == expected


@given(asked=st.text(max_size=60), before=st.text(max_size=20), start=st.integers(0, 60), after=st.text(max_size=20))
def test_no_run_of_a_prompt_is_ever_shown(asked: str, before: str, start: int, after: str) -> None:
    shown = without_echo(" ".join(f"{before} {asked[start:]} {after}".split()), asked)
    plain = " ".join(asked.split())
    assert not any(plain[at : at + ECHO] in shown.replace("***", "\0") for at in range(len(plain) - ECHO + 1))


def test_words_of_a_provider_beside_a_prompt_stay() -> None:
    assert without_echo(
        "refused: 'How many lemurs are there?' is bad", "Solve this.\nHow many\n lemurs are there?"
    ) == ("refused: '***' is bad")
    assert without_echo("two lemurs", "How many lemurs?") == "two lemurs"  # seven characters are shared
    assert without_echo("as it is") == "as it is"


def test_the_environments_secrets_are_masked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "plainwordsecret")
    assert redacted_line("token plainwordsecret!") == "token ***!"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 90.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:01 GMT"}, 0.0),
        ({"retry-after": "-3"}, None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "2"}, 2.0),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "soon"}, None),
        ({"x-ratelimit-reset-tokens": "2s"}, None),
    ],
)
def test_the_wait_that_headers_ask_for(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after_s(headers, now=10.0) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rate limit reached. Please try again in 1m3.5s. Visit", 63.5),
        ("Please retry in 20ms", 0.02),
        ('{"retryDelay": "34s"}', 34.0),
        ("Please try again in 6s.", 6.0),
        ("Please try again in a while", None),
        ("Please try again in 5 minutes", None),
    ],
)
def test_the_wait_that_words_ask_for(text: str, expected: float | None) -> None:
    assert retry_after_s({}, text) == expected
    assert retry_after_s({"retry-after": "2"}, text) == 2.0


@pytest.mark.parametrize(
    ("given", "shown", "hidden"),
    [
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1", ()),
        ("user:se@cret@host:8000", "***@host:8000", ("se@cret",)),
        (
            "http://u:p%40ss@a/v1, http://b/v1?key=wxyz#top",
            "http://***@a/v1, http://b/v1?***",
            ("p%40ss", "p@ss", "wxyz"),
        ),
    ],
)
def test_addresses_are_shown_without_their_secrets(given: str, shown: str, hidden: tuple[str, ...]) -> None:
    assert (redact_address(given), address_secrets(given)) == (shown, hidden)
