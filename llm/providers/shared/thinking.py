"""Separates the thinking in a reply from the answer."""

from typing import Any

OPENING, CLOSING = "<think>", "</think>"


def split_thinking(message: dict[str, Any], unopened: bool) -> tuple[str, str, bool]:
    """Returns the text and the thinking of a chat message, and whether the thinking lacked its opening tag.

    Servers send thinking as `reasoning_content` or `reasoning`, as parts of type "thinking", or in the text between
    tags. `unopened` says that this model's thinking begins without a tag.
    """
    content = message.get("content")
    if isinstance(content, str):
        text, thinking = content, ""
    elif isinstance(content, list):
        text, thinking = _parts(content)
    else:
        text, thinking = "", ""
    given = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(given, str):
        return text, given, False
    if thinking:
        return text, thinking, False
    return split_inline_thinking(text, unopened)


def split_inline_thinking(text: str, unopened: bool) -> tuple[str, str, bool]:
    """Returns the text after its thinking, the thinking, and whether the thinking lacked its opening tag. Without a
    closing tag, everything is thinking."""
    if not unopened and CLOSING not in text and OPENING not in text[:32]:
        return text, "", False
    opened = text.lstrip().startswith(OPENING)
    if not opened and OPENING in text.partition(CLOSING)[0]:
        return text, "", False
    begun = text.lstrip()[len(OPENING) :] if opened else text
    thinking, closing, answer = begun.partition(CLOSING)
    if not closing and not opened and not unopened:
        return text, "", False
    return answer.lstrip(), thinking.strip(), not opened and bool(closing)


def _parts(content: list[Any]) -> tuple[str, str]:
    text, thinking = [], []
    for part in content:
        if not isinstance(part, dict):
            continue
        given = part.get("thinking") or part.get("reasoning")
        if isinstance(given, list):
            thinking.append(_parts(given)[0])
        elif isinstance(given, str):
            thinking.append(given)
        elif isinstance(part.get("text"), str):
            text.append(part["text"])
    return "".join(text), "".join(thinking)
