"""Reads LiteLLM's tables about a model: its parameters, how it continues a prefix, and its prices."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from redraft.llm.capabilities import Capabilities, Continuing
from redraft.llm.usage import Prices

TRAILING = ("anthropic", "bedrock", "vertex_ai", "azure_ai", "databricks", "openrouter")
FLAG = ("deepseek", "mistral", "codestral", "hosted_vllm")
MARKED = ("anthropic", "bedrock", "vertex_ai")  # their Claude models cache marked parts only


def table_entry(litellm: ModuleType, full: str) -> Mapping[str, Any]:
    """Returns the model's entry in the tables; empty if there is none."""
    try:
        info = litellm.get_model_info(full)
    except Exception:  # noqa: BLE001 - LiteLLM raises a bare Exception for a model that it has no facts about
        return {}
    # get_model_info returns 0 for an unknown price, so prices come from the table itself.
    known = {name: value for name, value in info.items() if value is not None and "cost" not in name}
    return known | litellm.model_cost.get(info["key"], {})


def capabilities(litellm: ModuleType, full: str, known: Mapping[str, Any]) -> Capabilities:
    """Returns the capabilities of a model. A capability is False if LiteLLM would silently drop its parameter, and None
    if only replies can show it."""
    model, provider, _, _ = litellm.get_llm_provider(full)
    taken = {name: None if _passes(litellm, model, provider, name, value) else False for name, value in TRIED.items()}
    schema = taken.pop("response_format")
    if known and not known.get("supports_response_schema"):
        schema = False
    beam = provider == "hosted_vllm"
    return Capabilities(**taken, beam=beam, schema=schema, continuing=_continuing(provider, known))


def _passes(litellm: ModuleType, model: str, provider: str, name: str, value: Any) -> bool:
    """Returns whether LiteLLM sends a parameter to the provider, instead of dropping it."""
    asked = {"model": model, "custom_llm_provider": provider, "drop_params": True}
    try:
        return litellm.utils.get_optional_params(**asked, **{name: value}) != litellm.utils.get_optional_params(**asked)
    except Exception:  # noqa: BLE001 - unknown here; a call will show it
        return True


def _continuing(provider: str, known: Mapping[str, Any]) -> Continuing:
    if provider == "hosted_vllm":
        return Continuing.FLAG
    if not known.get("supports_assistant_prefill"):
        return Continuing.NONE
    return Continuing.FLAG if provider in FLAG else Continuing.TRAILING if provider in TRAILING else Continuing.NONE


def prices(known: Mapping[str, Any], *, batch: bool = False, marked: bool = False) -> Prices | None:
    """Returns the prices of tokens, for batches if `batch` is true; None if the tables have none. With `marked`, the
    price of prompt tokens is at least the price of writing them to a cache, which is higher."""
    end = "_batches" if batch and known.get("input_cost_per_token_batches") is not None else ""
    prompt, completion = known.get(f"input_cost_per_token{end}"), known.get(f"output_cost_per_token{end}")
    if prompt is None or completion is None:
        return None
    if marked:
        prompt = max(prompt, known.get(f"cache_creation_input_token_cost{end}") or 0.0)
    return Prices(prompt, completion, known.get(f"cache_read_input_token_cost{end}"))


TRIED: dict[str, Any] = {
    "n": 2,
    "seed": 1,
    "logprobs": True,
    "stop": ["END"],
    "temperature": 0.5,
    "top_p": 0.5,
    "top_k": 5,
    "min_p": 0.1,
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": {"type": "object", "properties": {}}},
    },
}
