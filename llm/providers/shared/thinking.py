"""Separates the thinking in a reply from the answer."""

import re
from collections.abc import Mapping
from typing import Any

OPENING, CLOSING = "<think>", "</think>"

TAGS = (
    (OPENING, CLOSING),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),  # Gemini, through its OpenAI-compatible API
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("<budget:thinking>", "</budget:thinking>"),
    ("[THINK]", "[/THINK]"),  # Magistral
    ("◁think▷", "◁/think▷"),  # Kimi
    ("<|channel>thought", "<channel|>"),  # Gemma 4
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Cohere
    ("<|inner_prefix|>", "<|inner_suffix|>"),  # Apertus
)
"""The tags that models put around their thinking."""


def split_thinking(message: Mapping[str, Any], unopened: bool, prefix: str = "") -> tuple[str, str, bool]:
    """Returns a triple: the text of a chat message, its thinking, and whether the thinking lacked its opening tag.

    Servers send thinking in a separate field, as parts of the content, or in the text between tags. `unopened` says
    that this model's thinking begins without a tag. If there is no content, the text is the message of a refusal. After
    a `prefix`, whitespace before the text is kept. An end-of-turn token at the end of the text is removed, because
    servers with a wrong chat template send it.
    """
    content = message.get("content")
    if isinstance(content, str):
        text, thinking = _without_end_token(content), ""
    elif isinstance(content, list):
        text, thinking = _parts(content)
    else:
        text, thinking = "", ""
    for name in FIELDS:
        given = message.get(name)
        if given:
            thinking = given if isinstance(given, str) else _parts(given)[1] if isinstance(given, list) else thinking
            break
    if thinking:
        return (text, thinking, False) if prefix else (text.lstrip(), thinking.strip(), False)
    if not text and isinstance(refusal := message.get("refusal"), str):
        return refusal, "", False
    return split_inline_thinking(text, unopened)


def split_inline_thinking(text: str, unopened: bool) -> tuple[str, str, bool]:
    """Returns a triple: the text after the thinking, the thinking, and whether the thinking lacked its opening tag.
    Without a closing tag, everything is thinking. Tags that do not begin the text belong to an answer that mentions
    them."""
    text = _without_end_token(text)
    begun = text.lstrip()
    if not unopened and not begun.startswith(BEGINNINGS) and not _may_close(text):
        return text, "", False
    if begun.startswith(HARMONY) or (begun.startswith("analysis") and "assistantfinal" in begun):
        return _channels(begun)
    for opening, closing in TAGS:
        if begun.startswith(opening):
            thinking, _, answer = begun[len(opening) :].partition(closing)
            return _unwrapped(answer), thinking.strip(), False
    opening, closing = next(((opening, closing) for opening, closing in TAGS if closing in text), TAGS[0])
    thinking, found, answer = text.partition(closing)
    if opening in thinking or not (found or unopened):
        return text, "", False
    return _unwrapped(answer), thinking.strip(), bool(found)


def _without_end_token(text: str) -> str:
    """Returns the text without the token that ends a model's turn. "</s>" is kept if it may close a tag of the text."""
    if text.rstrip()[-1:] not in END_TOKEN_ENDS or ("<s>" in text and "</s>" in text):
        return text
    return END_TOKEN.sub("", text)


def _may_close(text: str) -> bool:
    """Returns whether a text may have a closing tag. The check is fast, since most texts have no
    closing tag."""
    return "</" in text or "|>" in text or "[/THINK]" in text or "◁/" in text


def _unwrapped(answer: str) -> str:
    """Returns an answer without leading whitespace and without the tokens that some models put around it."""
    answer = answer.lstrip()
    opening, _, rest = answer.partition("|>")
    end = ANSWERS.get(f"{opening}|>") if answer.startswith("<|") else None
    return rest.strip().removesuffix(end).strip() if end else answer


def _channels(text: str) -> tuple[str, str, bool]:
    """Returns the text and the thinking in the channels of GPT-OSS: the channel "final" is the text, and the others are
    thinking. If the decoder drops special tokens, only the names of the channels remain in the text."""
    if not text.startswith(HARMONY):
        thinking, _, answer = text.removeprefix("analysis").rpartition("assistantfinal")
        return answer.strip(), thinking.strip(), False
    said: dict[bool, list[str]] = {True: [], False: []}
    for channel in CHANNEL.finditer(text):
        said[channel[1] == "final"].append(channel[2].strip())
    return "\n".join(said[True]), "\n".join(said[False]), False


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
            (thinking if str(part.get("type")).startswith("reasoning") else text).append(part["text"])
    return "".join(text), "".join(thinking)


FIELDS = ("reasoning_content", "reasoning", "thinking", "thinking_blocks", "reasoning_details")
"""The fields of a message that may hold its thinking, as a text or as parts. The first non-empty one is used."""

BEGINNINGS = (*(opening for opening, _ in TAGS), "<|", "analysis")

END_TOKEN_ENDS = (">", "｜")
END_TOKEN = re.compile(
    r"(?:<\|(?:im_end|eot_id|eom_id|endoftext|end_of_text|end|return)\|>|<end_of_turn>|<｜end▁of▁sentence｜>|</s>)\s*\Z"
)
"""Matches the tokens with which Qwen, Llama, GPT, Phi, Gemma, DeepSeek and Mistral end a turn."""
HARMONY = ("<|channel|>", "<|start|>assistant<|channel|>")
CHANNEL = re.compile(
    r"<\|channel\|>\s*(\w+)[^<]*(?:<\|constrain\|>\w+)?<\|message\|>(.*?)(?=<\|(?:end|return|call|start|channel)\|>|\Z)",
    re.DOTALL,
)
ANSWERS = {"<|START_RESPONSE|>": "<|END_RESPONSE|>", "<|begin_of_solution|>": "<|end_of_solution|>"}
"""The token that closes an answer, by the token that opens it."""
