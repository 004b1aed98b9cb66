"""Loads the LoRA adapters of each trained model into the user's vLLM server, which runs all the time."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from redraft.flows.servers.model_server import Served, Server, ServerError, ServingTask
from redraft.llm.providers.openai_server.http.load_balancer import split_addresses
from redraft.llm.providers.shared.redaction import redact_address

CURE = "start it as VLLM_ALLOW_RUNTIME_LORA_UPDATING=True vllm serve MODEL --enable-lora --max-lora-rank 64"
ADAPTERS = "adapter_config.json"


def lora(*, timeout: float = 600.0) -> Server:
    """Loads the adapters of a model into the server at `--api-base`, by the route `/v1/load_lora_adapter`, and unloads
    them when the model is no longer needed. The first model is the server's own. The trainer `trl` writes adapters with
    lora=16 and merge=false. The server must be able to read the folder of the loop.

    Args:
        timeout: The timeout of a request in seconds.
    """

    @asynccontextmanager
    async def server(task: ServingTask) -> AsyncIterator[Served]:
        if task.classifies:
            raise ServerError(f"server 'lora' serves policies, and {task.name} is a classifier: take --server command")
        if not task.api_base:
            raise ServerError(f"server 'lora' needs the address of a vLLM server, as --api-base: {CURE}")
        served = Served(task.name, task.api_base)
        if task.weights is None:
            yield served
            return
        addresses = split_addresses(task.api_base)
        if not (task.weights / ADAPTERS).is_file():
            raise ServerError(
                f"{task.weights} has no adapters, which server 'lora' loads: train them by --trainer trl --set"
                " trainer.lora=16 --set trainer.merge=false, or take --server command"
            )
        given = {"lora_name": task.name, "lora_path": str(task.weights.resolve())}
        for address in addresses:
            task.say(f"{redact_address(address)} loads the adapters in {task.weights}")
            await _ask(address, "load_lora_adapter", given, timeout, ignored="already")
        try:
            yield served
        finally:
            for address in addresses:
                await _ask(address, "unload_lora_adapter", {"lora_name": task.name}, timeout, ignored="found")

    return server


async def _ask(address: str, route: str, given: Mapping[str, str], timeout: float, *, ignored: str) -> None:
    """Sends a request to a route of a server. An error response whose text contains the word `ignored` is not an error.
    Raises ServerError for any other error response."""
    import aiohttp

    url = f"{address.rstrip('/')}/{route}"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout)) as session,
            session.post(url, json=dict(given)) as reply,
        ):
            text = " ".join((await reply.text()).split())[:300]
            if reply.status == 200 or ignored in text.lower():
                return
            raise ServerError(f"{redact_address(url)} refuses adapters ({reply.status}, {text}): {CURE}")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ServerError(f"{redact_address(url)} does not answer ({error}): {CURE}, or mend --api-base") from error
