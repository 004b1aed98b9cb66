"""Reads API keys from the environment, and rejects keys that an HTTP header cannot contain."""

import os
from collections.abc import Iterable

from redraft.llm.model import ModelError

ENDINGS = ("_API_KEY", "_TOKEN")
FIRST = 6  # letters of a provider's name that its variables begin with: together_ai has TOGETHERAI_API_KEY


def read_key(variables: Iterable[str]) -> str:
    """Returns the value of the first variable that is set, or "" if none is. Raises a fatal ModelError if the key has a
    character that an HTTP header cannot contain."""
    for variable in variables:
        if key := os.environ.get(variable):
            _check(variable, key)
            return key
    return ""


def check_keys(provider: str) -> None:
    """Checks the keys in the environment that may belong to a provider, given by LiteLLM's name for it. Raises as
    `read_key` does."""
    wanted = provider.replace("_", "").upper()[:FIRST]
    for variable, key in os.environ.items():
        if variable.endswith(ENDINGS) and variable.replace("_", "").upper().startswith(wanted):
            _check(variable, key)


def _check(variable: str, key: str) -> None:
    wrong = next((at for at, character in enumerate(key, start=1) if not " " <= character <= "~"), None)
    if wrong is not None:
        kind = "a line break" if key[wrong - 1] in "\r\n" else "no character of ASCII that is printed"
        raise ModelError(
            f"The key in {variable} can be no key: its character {wrong} is {kind}.",
            cure="Copy the key anew, without anything around it.",
            fatal=True,
        )
