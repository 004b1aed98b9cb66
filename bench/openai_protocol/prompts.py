"""Parses a request: its prompt, its half-written answer, its parameters."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from openai_protocol.behaviour import Behaviour
from openai_protocol.model.texts import TOKEN

BLOCK = 16  # the number of tokens that are cached together
TURN = "\n</assistant> <assistant>"  # the text between two answers


class BadRequest(Exception):
    """Raised for a request that gets status 400. It has a message and the parameter that is wrong."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True, slots=True)
class Prompt:
    """The messages as sent, their text before the answer, and the half-written answer."""

    messages: list[dict[str, Any]]
    text: str
    prefix: str = ""

    @property
    def tokens(self) -> int:
        return len(self.text.split()) + len(TOKEN.findall(self.prefix))


def chat(behaviour: Behaviour, body: dict[str, Any]) -> Prompt:
    """Returns the prompt of a chat completion.

    Servers treat a trailing assistant message in three ways. With "flag", it is continued if `continue_final_message`
    is true and `add_generation_prompt` is false, as in vLLM. With "trailing", it is always continued, as in llama.cpp.
    With "none", it is never continued.
    """
    messages = body.get("messages")
    if not messages:
        raise BadRequest("'messages' must hold at least one message.", "messages")
    flag = behaviour.continues == "flag" and bool(body.get("continue_final_message"))
    if flag and body.get("add_generation_prompt", True):
        raise BadRequest("Cannot set both `continue_final_message` and `add_generation_prompt` to True.")
    if messages[-1].get("role") == "assistant" and (flag or behaviour.continues == "trailing"):
        return Prompt(messages, _text(messages[:-1]), said(messages[-1]))
    if messages[-1].get("role") == "assistant":
        return Prompt(messages, _text(messages) + TURN)
    return Prompt(messages, _text(messages))


def raw(body: dict[str, Any]) -> list[Prompt]:
    """Returns the prompts of a text completion. The text after the last line that names the assistant is the
    half-written answer."""
    prompts = body.get("prompt")
    if not prompts:
        raise BadRequest("'prompt' must not be empty.", "prompt")
    prompts = [prompts] if isinstance(prompts, str) else prompts
    return [Prompt([{"role": "user", "content": prompt}], *_split(prompt)) for prompt in prompts]


def said(message: dict[str, Any]) -> str:
    """Returns the text of a message. Parts are joined."""
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def stops(body: dict[str, Any]) -> tuple[str, ...]:
    """Returns the stop strings of a request."""
    stop = body.get("stop") or ()
    return (stop,) if isinstance(stop, str) else tuple(stop)


def limit(body: dict[str, Any]) -> int:
    """Returns the maximum number of tokens of a sample."""
    return body.get("max_completion_tokens") or body.get("max_tokens") or 1_000


@dataclass(slots=True)
class PrefixCache:
    """The prefixes of prompts that were seen before, in blocks of tokens."""

    seen: set[int] = field(default_factory=set)

    def cached(self, prompt: Prompt) -> int:
        """Returns the number of tokens at the beginning of the prompt that were seen before. Afterwards all its tokens
        count as seen."""
        words = (prompt.text + prompt.prefix).split()
        blocks = [hash(tuple(words[:end])) for end in range(BLOCK, len(words) + 1, BLOCK)]
        known = next((place for place, block in enumerate(blocks) if block not in self.seen), len(blocks))
        self.seen.update(blocks)
        return known * BLOCK


def _text(messages: Sequence[dict[str, Any]]) -> str:
    return "\n".join([said(message) for message in messages])


def _split(prompt: str) -> tuple[str, str]:
    mark = prompt.lower().rfind("assistant")
    end = prompt.find("\n", mark) + 1 if mark >= 0 else 0
    return (prompt[:end], prompt[end:]) if end else (prompt, "")
