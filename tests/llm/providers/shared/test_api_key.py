"""A key that no request can carry is told at once, without a request and without the key."""

import pytest

from redraft.llm.model import ModelError
from redraft.llm.providers.route import route

CURE = "Copy the key anew"


@pytest.mark.parametrize(
    ("variable", "model", "address"),
    [
        ("OPENAI_API_KEY", "openai/gpt-4o", None),
        ("ANTHROPIC_API_KEY", "anthropic/claude-sonnet-4-5", None),
        ("TOGETHERAI_API_KEY", "together_ai/x/y", None),
        ("OPENAI_API_KEY", "tiny", "http://127.0.0.1:9/v1"),
        ("REDRAFT_API_KEY", "tiny", "http://127.0.0.1:9/v1"),
    ],
)
@pytest.mark.parametrize(
    ("key", "says"),
    [("sk-é", "its character 4 is no character of ASCII"), ("sk-\nx", "its character 4 is a line break")],
)
def test_an_impossible_character(
    variable: str, model: str, address: str | None, key: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, key)
    with pytest.raises(ModelError, match=says) as raised:
        route(model, address)
    assert raised.value.fatal
    assert variable in str(raised.value)
    assert CURE in str(raised.value)
    assert key not in str(raised.value)


def test_the_keys_of_others_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "é")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    assert route("openai/gpt-4o").name == "openai/gpt-4o"
