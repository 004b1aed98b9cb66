"""Serves the models of a loop while they are needed, one model at a time."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from redraft.flows.self_training.models import LoopModel
from redraft.flows.servers.model_server import Server, ServingTask
from redraft.llm.providers.embedded.model import weights_folder


class Serving:
    """Starts a server when a model is first needed, and ends it before another model is needed or trained. Without a
    server, models are called by their own names at `api_base`."""

    def __init__(self, server: Server | None, api_base: str | Sequence[str] | None, say: Callable[[str], None]) -> None:
        self._server, self._api_base, self._say = server, api_base, say
        self._stack = AsyncExitStack()
        self._now: tuple[str, Mapping[str, Any]] | None = None

    async def __aenter__(self) -> "Serving":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def asked(self, model: LoopModel) -> Mapping[str, Any]:
        """Returns the arguments with which stages call a model: `model`, and the address of its server as `api_base`.
        Raises ServerError."""
        embedded = isinstance(model.model, str) and weights_folder(model.model) is not None
        if self._server is None or embedded or not isinstance(model.model, str):
            return {"model": model.model}
        if self._now is None or self._now[0] != model.name:
            await self.stop()
            task = ServingTask(name=model.name, weights=model.weights, api_base=self._api_base, say=self._say)
            served = await self._stack.enter_async_context(self._server(task))
            self._now = model.name, {"model": served.model, "api_base": served.api_base}
        return self._now[1]

    async def stop(self) -> None:
        """Ends the running server, so that its memory is free for training."""
        self._now = None
        await self._stack.aclose()
