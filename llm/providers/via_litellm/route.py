"""Opens a model by LiteLLM's name for it."""

import os
import warnings

from redraft.llm.limits import Limits
from redraft.llm.model import Model, ModelError
from redraft.llm.providers.shared.api_key import check_keys
from redraft.llm.providers.shared.capabilities_cache import CapabilityCache
from redraft.llm.providers.via_litellm.model import LiteLLMModel


def litellm_model(
    name: str,
    api_base: str | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    memory: CapabilityCache | None = None,
) -> Model:
    """Returns a model by LiteLLM's name for it, or, with `api_base`, by its own name on that OpenAI-compatible server.
    Raises a fatal ModelError if the name has no known provider, or if an HTTP header cannot contain the key."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else the import requests prices over the network
    import litellm

    litellm.suppress_debug_info = True
    # Without a key LiteLLM creates a coroutine and fails before it awaits it; Python warns each time one is freed.
    warnings.filterwarnings("ignore", r"coroutine '\w+\.acompletion' was never awaited", RuntimeWarning)
    if name == "redraft/embedded":
        from redraft.llm.providers.via_litellm.embedded import embedded_model

        return embedded_model(litellm, limits)
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
    check_keys(provider)
    return LiteLLMModel(litellm, name, full, provider, api_base, limits, memory)
