"""A scripted model: its reply depends only on the last message."""

from collections.abc import Mapping, Sequence
from typing import Any

from openai_protocol.behaviour import Write


def scripted(replies: Mapping[str, Sequence[str]], otherwise: str = "I don't know.") -> Write:
    """Returns a `write` function that searches for the keys of `replies` in the last message, in their order. The first
    key that is found selects the reply. Sample i of a call gets text i of this key, modulo the number of texts."""

    def write(messages: list[dict[str, Any]], seed: int, index: int) -> str:
        asked = messages[-1]["content"]
        found = next((texts for key, texts in replies.items() if key in asked), (otherwise,))
        return found[index % len(found)]

    return write
