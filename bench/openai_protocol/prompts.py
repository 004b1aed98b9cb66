"""What a request says: its prompt, its half-written answer, its parameters."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from openai_protocol.behaviour import Behaviour
from openai_protocol.model.texts import TOKEN

BLOCK = 16  # tokens that are cached together
TURN = "\n</assistant> <assistant>"  # what ends an answer and begins another


class BadRequest(Exception):
    """What is answered with 400: a message, and the parameter that it is about."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True, slots=True)
class Prompt:
    """The messages as sent, the text in them that comes before the answer, and the answer's given beginning."""

    messages: list[dict[str, Any]]
    text: str
    prefix: str = ""

    @property
    def tokens(self) -> int:
        return len(self.text.split()) + len(TOKEN.findall(self.prefix))


def chat(behaviour: Behaviour, body: dict[str, Any]) -> Prompt:
    """The prompt of a chat completion.

    A trailing assistant message is continued by servers of three kinds: where `continue_final_message` is set and
    `add_generation_prompt` is false, as in vLLM ("flag"), always, as in llama.cpp ("trailing"), or never ("none").
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
    """The prompts of a text completion. What follows the last line that names the assistant is the answer so far."""
    prompts = body.get("prompt")
    if not prompts:
        raise BadRequest("'prompt' must not be empty.", "prompt")
    prompts = [prompts] if isinstance(prompts, str) else prompts
    return [Prompt([{"role": "user", "content": prompt}], *_split(prompt)) for prompt in prompts]


def said(message: dict[str, Any]) -> str:
    """A message's text; parts are joined."""
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def stops(body: dict[str, Any]) -> tuple[str, ...]:
    """The stop strings."""
    stop = body.get("stop") or ()
    return (stop,) if isinstance(stop, str) else tuple(stop)


def limit(body: dict[str, Any]) -> int:
    """The most tokens of a sample."""
    return body.get("max_completion_tokens") or body.get("max_tokens") or 1_000


@dataclass(slots=True)
class PrefixCache:
    """The beginnings of prompts that were seen before, in blocks of tokens."""

    seen: set[int] = field(default_factory=set)

    def cached(self, prompt: Prompt) -> int:
        """How many of its first tokens were seen before; all are from now on."""
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
