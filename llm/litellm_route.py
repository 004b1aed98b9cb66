"""The route through LiteLLM: every provider that it knows, by the names that it gives them.

What a provider says about a failure becomes one line with its cause and cure, and never shows a key. A setting that a
server rejects (`n`, log-probabilities, a seed, stop strings) is left out from then on; texts are cut at the stop
strings here too.
"""

import asyncio
import os
import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from redraft.llm.litellm_reply import read
from redraft.llm.model import Model, ModelError, Refused, Reply, Request

TRIES = 3  # of each call, where another try could help
WAIT_S = 0.5  # before the second try, doubled before the third
LONGEST_WAIT_S = 30.0  # what a provider may ask for in "retry-after"
TIMEOUT_S = 600.0
OPTIONAL = ("logprobs", "seed", "stop", "n")


def litellm_model(name: str, api_base: str | None = None) -> Model:
    """A model by LiteLLM's name for it, or, with `api_base`, by its own name on that OpenAI-compatible server.

    Raises a fatal ModelError for a name without a known provider.
    """
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # or the import asks the network for prices
    import litellm

    litellm.suppress_debug_info = True
    known = name.split("/")[0] in litellm.provider_list
    full = f"openai/{name}" if api_base and not known else name
    try:
        _, provider, _, _ = litellm.get_llm_provider(full)
    except litellm.exceptions.BadRequestError:
        raise ModelError(
            f"No provider of a model named {name!r} is known.",
            cure="Put the provider first, as in openai/gpt-4o, or give a server's address with --api-base.",
            fatal=True,
        ) from None
    return LiteLLM(litellm, name, full, provider, api_base)


class LiteLLM(Model):
    """A Model behind LiteLLM. A call takes one seed, its first sample's."""

    templates: Mapping[str, str] = {}

    def __init__(self, litellm: ModuleType, name: str, full: str, provider: str, api_base: str | None) -> None:
        self.name = name
        self._litellm = litellm
        self._full = full
        self._provider = provider
        self._api_base = api_base
        self._rejected: set[str] = set()

    async def complete(self, request: Request) -> Reply:
        """Fewer samples than `n` where the provider gives fewer. Raises ModelError; Refused for a prefix that the
        provider does not go on from."""
        messages = self._messages(request)
        failures = attempts = 0
        while True:
            attempts += 1
            parameters = self._parameters(request)
            try:
                response = await self._litellm.acompletion(messages=messages, **parameters)
            except Exception as error:  # noqa: BLE001 - the one boundary to LiteLLM and all its providers
                if self._leaves_out(error, parameters):
                    continue
                failures += 1
                if failures == TRIES or not _passing(error):
                    raise self._explained(error, attempts) from None
                await asyncio.sleep(_wait(error, failures))
            else:
                return read(response, request, attempts)

    async def close(self) -> None:
        """Close the connections that LiteLLM holds open."""
        await self._litellm.close_litellm_async_clients()

    def _messages(self, request: Request) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = [{"role": m.role, "content": m.content} for m in request.messages]
        if not request.prefix:
            return messages
        if not self._goes_on_from_prefix():
            raise Refused(
                f"{self.name} does not go on from a half-written answer.",
                cure="Use a strategy that drafts whole solutions, or another model.",
            )
        return [*messages, {"role": "assistant", "content": request.prefix, "prefix": True}]

    def _goes_on_from_prefix(self) -> bool:
        try:
            return bool(self._litellm.get_model_info(self._full).get("supports_assistant_prefill"))
        except Exception:  # noqa: BLE001 - LiteLLM raises a bare Exception for a model that it has no facts about
            return False

    def _parameters(self, request: Request) -> dict[str, Any]:
        optional = {
            "logprobs": True,
            "seed": request.seeds[0] if request.seeds else None,
            "stop": list(request.stop) or None,
            "n": request.n if request.n > 1 else None,
        }
        dummy = self._api_base and self._provider == "openai" and not os.environ.get("OPENAI_API_KEY")
        return {
            "model": self._full,
            "api_base": self._api_base,
            "api_key": "none" if dummy else None,
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
            "timeout": TIMEOUT_S,
            "max_retries": 0,
            "drop_params": True,
        } | {key: value for key, value in optional.items() if value is not None and key not in self._rejected}

    def _leaves_out(self, error: Exception, parameters: Mapping[str, Any]) -> bool:
        """Whether the request was rejected for a setting that it can do without, which is left out from now on."""
        if _status(error) not in (400, 403, 422):
            return False
        said = str(error)
        named = [key for key in OPTIONAL if key in parameters and re.search(rf"['\"`]{key}['\"`]", said)]
        if "logprobs" in parameters and "logprobs" in said:
            named.append("logprobs")
        self._rejected.update(named)
        return bool(named)

    def _explained(self, error: Exception, attempts: int) -> ModelError:
        """The error as a cause and a cure."""
        status, where = _status(error), self._api_base or self._provider
        said = _said(error)
        if status in (401, 403) or "api_key" in said:
            return ModelError(
                f"{where} refuses the key for {self.name}, or there is none.",
                cure=f"Set {self._key_name()} to a valid key.",
                fatal=True,
            )
        if status == 404:
            return ModelError(
                f"{where} has no model {self.name!r} ({said}).", cure="Check --model and --api-base.", fatal=True
            )
        if status == 402 or "insufficient_quota" in said:
            return ModelError(f"The account at {where} has no money left ({said}).", cure="Top it up.", fatal=True)
        if status == 429:
            return ModelError(
                f"{where} refused {attempts} tries: too many requests ({said}).", cure="Lower --concurrency."
            )
        if status == 408 or "Connection error" in said:
            return ModelError(
                f"No answer from {where} in {attempts} tries ({said}).", cure="Check that it is up, and --api-base."
            )
        if status in (400, 413, 422):
            return Refused(f"{where} rejects the request to {self.name} ({said}).")
        return ModelError(f"{where} failed in {attempts} tries ({said}).", cure="Try again later.")

    def _key_name(self) -> str:
        """The environment variable that holds the provider's key."""
        missing = self._litellm.validate_environment(self._full).get("missing_keys") or []
        return " and ".join(missing) or f"{self._provider.upper()}_API_KEY"


def _status(error: Exception) -> int:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else 0


def _passing(error: Exception) -> bool:
    """Whether another try could help. LiteLLM reports a missing key as a server's failure."""
    status = _status(error)
    hopeless = any(word in str(error) for word in ("insufficient_quota", "api_key"))
    return (status in (408, 409, 429) or status >= 500) and not hopeless


def _wait(error: Exception, failures: int) -> float:
    """Seconds until the next try: what the provider asks for, within bounds, or a growing pause."""
    headers = getattr(error, "litellm_response_headers", None) or getattr(
        getattr(error, "response", None), "headers", {}
    )
    asked = str(headers.get("retry-after", ""))
    if re.fullmatch(r"\d+(\.\d+)?", asked):
        return min(float(asked), LONGEST_WAIT_S)
    return WAIT_S * 2 ** (failures - 1)


def _said(error: Exception) -> str:
    """An error's text in one line of at most 300 characters, without any key."""
    text = " ".join(str(error).split())
    for name, value in os.environ.items():
        if len(value) >= 8 and SECRET.search(name):
            text = text.replace(value, "***")
    return KEY.sub("***", text)[:300]


SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
KEY = re.compile(r"\b(?:sk|key|gsk|xai|hf|pk)[-_][\w*.-]{6,}|Bearer \S+", re.IGNORECASE)
