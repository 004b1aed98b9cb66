"""What a provider's finish reason says about a text, by any of the words that providers use."""

from enum import StrEnum
from typing import Any

from redraft.llm.model import Finish


class Lost(StrEnum):
    """Why a choice holds no whole answer."""

    WITHHELD = "withheld"  # a filter took the answer away: another try fails too
    BROKEN = "broken off"  # the provider failed in the midst of it: another try can help
    EMPTY = "empty"  # the model ended without a word: another try can help


Ending = Finish | Lost
"""How a choice ended."""


def ending(reason: Any, native: Any = None) -> Ending | None:
    """Returns what a finish reason means, in any case; None if it is missing or unknown.

    `native` is the word of the model's own provider, which gateways and LiteLLM send beside theirs. It decides if it
    says more than that the model ended: they pass "error" and "model_length" on as "stop".
    """
    found = ENDINGS.get(reason) if isinstance(reason, str) else None
    if found is None and isinstance(reason, str):
        found = ENDINGS.get(reason.lower())
    if isinstance(native, str):
        own = ENDINGS.get(native.lower())
        return found if own in (None, Finish.END) and native != reason and found else own
    return found


WORDS: dict[Ending, tuple[str, ...]] = {
    Finish.END: (
        "stop", "eos", "eos_token", "end", "end_turn", "complete", "completed", "tool_calls", "tool_use",
        "function_call",
    ),
    Finish.STOP: ("stop_sequence",),
    Finish.LENGTH: (
        "length", "limit", "max_tokens", "max_length", "max_new_tokens", "max_output_tokens", "max_completion_tokens",
        "model_length", "model_context_window_exceeded", "context_length_exceeded", "error_limit",
    ),
    Lost.WITHHELD: (
        "content_filter", "content_filtered", "safety", "image_safety", "recitation", "language", "blocklist",
        "prohibited_content", "spii", "sensitive", "guardrail_intervened", "error_toxic", "refusal",
    ),
    Lost.BROKEN: (
        "error", "server_error", "abort", "aborted", "cancelled", "canceled", "user_cancel", "timeout", "interrupted",
        "network_error", "insufficient_system_resource", "malformed_response", "malformed_function_call",
        "unexpected_tool_call", "other",
    ),
}  # fmt: skip
"""The words of vLLM, SGLang, llama.cpp, TGI, OpenAI, Anthropic, Gemini, Mistral, Cohere, DeepSeek, Zhipu, Bedrock."""

ENDINGS = {word: meaning for meaning, words in WORDS.items() for word in words}
