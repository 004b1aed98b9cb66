"""Converts choices to JSON data and back. The journal stores each sample in this form."""

from collections.abc import Mapping
from typing import Any

from redraft.llm.model import Choice, Finish


def choice_to_json(choice: Choice) -> dict[str, Any]:
    """Returns a choice as JSON data, without its empty fields. Sequences of numbers are not copied."""
    data: dict[str, Any] = {"text": choice.text, "finish": choice.finish.value, "tokens": choice.tokens}
    if choice.logprobs is not None:
        data["logprobs"] = choice.logprobs
    if choice.offsets is not None:
        data["offsets"] = choice.offsets
    if choice.thinking:
        data["thinking"] = choice.thinking
    if choice.call_id:
        data["call_id"] = choice.call_id
    return data


def choice_from_json(data: Mapping[str, Any]) -> Choice:
    """Returns the choice from the data that `choice_to_json` returned."""
    logprobs, offsets = data.get("logprobs"), data.get("offsets")
    return Choice(
        text=data["text"],
        finish=Finish(data["finish"]),
        tokens=data["tokens"],
        logprobs=None if logprobs is None else tuple(logprobs),
        offsets=None if offsets is None else tuple(offsets),
        thinking=data.get("thinking", ""),
        call_id=data.get("call_id", ""),
    )
