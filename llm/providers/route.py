"""Chooses the route to a model by the model's name."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from redraft.llm.limits import Limits
from redraft.llm.model import Model, ModelError
from redraft.llm.prompts.chat_template import ChatTemplate
from redraft.llm.providers.shared.api_key import read_key
from redraft.llm.providers.shared.redaction import redact_address, redact_addresses

OTHER_PROTOCOLS = frozenset({
    "anthropic", "azure", "azure_ai", "bedrock", "cohere", "cohere_chat", "gemini", "ollama_chat", "predibase",
    "replicate", "sagemaker", "sagemaker_chat", "triton", "vertex_ai", "vertex_ai_beta", "watsonx",
})  # fmt: skip
"""LiteLLM's names of providers that have their own protocol, even at an address that the user gives."""

PREFIXES = frozenset({
    "openai", "hosted_vllm", "vllm", "ollama", "lm_studio", "llamafile", "openai_like", "custom_openai",
    "litellm_proxy",
})  # fmt: skip
"""LiteLLM's names of servers that use OpenAI's protocol. The name of a model on a server may begin with the same text:
`openai/gpt-oss-20b`."""


REWARDS = ("pooling", "classify", "values", "signs")
"""The protocols of reward models. A name has the protocol before a colon: `pooling:Qwen/Qwen2.5-Math-PRM-7B`."""


def route(
    name: str,
    api_base: str | Sequence[str] | None = None,
    *,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    chat_template: ChatTemplate | str | None = None,
    batches: bool = False,
) -> Model:
    """Returns the model with a name.

    `embedded` is the embedded model, and `embedded:FOLDER` is the same network with the user's own weights. With
    `api_base`, the model is on OpenAI-compatible servers at one or more addresses, which are separated by commas or
    given as a sequence. Their key is REDRAFT_API_KEY, else OPENAI_API_KEY, else none. If there is a `chat_template`,
    redraft requests raw completions from the servers. Any other model is reached through LiteLLM, as is every model
    with `batches`. A name that begins with one of REWARDS and a colon is a reward model on servers.

    Raises a fatal ModelError if the name is unknown or contains an address, or if the address is invalid.
    """
    if redact_addresses(name) != name or name.startswith(("http://", "https://")):
        raise ModelError(
            f"{redact_addresses(name)} holds an address, which is no model's name.",
            cure="Give the model's name with --model, and the address of its server with --api-base.",
            fatal=True,
        )
    if name.partition(":")[0] in REWARDS:
        return _rewards(name, api_base, limits)
    tuned = name.startswith("embedded:")
    if (tuned or name == "embedded") and api_base:
        raise ModelError(
            f"The embedded model is not served at {redact_address(_text(api_base))}.",
            cure="Name the server's model with --model, or leave --api-base out.",
            fatal=True,
        )
    if tuned or name == "embedded":
        from redraft.llm.providers.embedded.model import HERE, embedded, weights_folder

        model = embedded(weights_folder(name) or HERE)
        model.name = name
        return model
    if api_base and not batches and name.split("/")[0] not in OTHER_PROTOCOLS:
        from redraft.llm.providers.openai_server.http.load_balancer import split_addresses
        from redraft.llm.providers.openai_server.model import ServerModel

        return ServerModel(
            name,
            split_addresses(api_base),
            names=_names(name),
            key=_key(),
            limits=limits,
            chat_template=ChatTemplate(chat_template) if isinstance(chat_template, str) else chat_template,
        )
    if chat_template:
        raise ModelError(
            f"{name} goes through LiteLLM, which takes no chat template.",
            cure="Give the address of a server with --api-base, or leave chat_template out of the file of prompts.",
            fatal=True,
        )
    from redraft.llm.providers.via_litellm.route import litellm_model

    if batches and isinstance(api_base, str) and not urlsplit(api_base).path.strip("/"):
        api_base = f"{api_base.rstrip('/')}/v1"

    return litellm_model(name, _text(api_base) if api_base else None, limits)


def _rewards(name: str, api_base: str | Sequence[str] | None, limits: Limits) -> Model:
    from redraft.llm.providers.openai_server.http.load_balancer import split_addresses
    from redraft.llm.providers.openai_server.reward_model import ServerRewardModel

    way, _, model = name.partition(":")
    if not api_base:
        raise ModelError(
            f"The address of the reward model {model} is missing.",
            cure="Give its address with --set grader.api_base=URL.",
            fatal=True,
        )
    return ServerRewardModel(model, split_addresses(api_base), way=way, key=_key(), limits=limits)


def _key() -> str:
    return read_key(("REDRAFT_API_KEY", "OPENAI_API_KEY"))


def _text(api_base: str | Sequence[str]) -> str:
    return api_base if isinstance(api_base, str) else ",".join(api_base)


def _names(name: str) -> tuple[str, ...]:
    """Returns the possible names of a model on servers: its name, and, if it begins with a prefix of LiteLLM's, the
    rest."""
    prefix, _, rest = name.partition("/")
    return (name, rest) if prefix in PREFIXES and rest else (name,)
