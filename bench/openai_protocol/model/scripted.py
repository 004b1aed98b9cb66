"""A model by a script: what it replies follows from what is asked of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from openai_protocol.behaviour import Write


def scripted(replies: Mapping[str, Sequence[str]], otherwise: str = "I don't know.") -> Write:
    """A `write` that looks for the keys of `replies` in the last message, in their order: the first that stands there
    gives the reply, sample i of a call getting the i-th of its texts, from the first again after the last."""

    def write(messages: list[dict[str, Any]], seed: int, index: int) -> str:
        asked = messages[-1]["content"]
        found = next((texts for key, texts in replies.items() if key in asked), (otherwise,))
        return found[index % len(found)]

    return write
