"""Serves the models of a loop while they are needed: a policy alone, or a verifier with other models."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from redraft.flows.self_training.models import LoopModel
from redraft.flows.self_training.plan import VERIFIER, LoopPlan
from redraft.flows.servers.model_server import Server, ServingTask
from redraft.flows.trainers.trainer import CLASSIFIERS
from redraft.llm.providers.embedded.model import weights_folder

Asked = Mapping[str, Any]
"""The arguments with which stages call a model: `model`, and the address of its server as `api_base`."""


class Serving:
    """Starts a server when a model is first needed, and ends it before other models are needed or trained. Without a
    server, models are called by their own names at `api_base`."""

    def __init__(self, server: Server | None, api_base: str | Sequence[str] | None, say: Callable[[str], None]) -> None:
        self._server, self._api_base, self._say = server, api_base, say
        self._running: dict[str, tuple[AsyncExitStack, Asked]] = {}

    async def __aenter__(self) -> "Serving":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def asked(self, model: LoopModel) -> Asked:
        """Returns the arguments with which stages call a model. Raises ServerError."""
        if not self._serves(model):
            return {"model": model.model}
        await self._stop_except(model.name)
        return await self._start(model)

    async def judged(
        self, policy: LoopModel, verifier: LoopModel, plan: LoopPlan, *, searches: bool = False
    ) -> tuple[Asked, Mapping[str, Any]]:
        """Returns the arguments with which a stage calls its model, and those with which its grader calls the verifier.
        If the policy `searches`, it is served beside the verifier; else the verifier takes its place. Raises
        ServerError."""
        if not self._serves(verifier):
            return await self.asked(policy), plan.judging({"model": verifier.name}, {"model": plan.base.name})
        reference = [plan.base] if plan.judged_by_base else []
        writing = [policy] if searches else []
        await self._stop_except(*(model.name for model in (verifier, *reference, *writing)))
        found = await self._start(verifier, classifies=plan.trained_parts[VERIFIER].loss in CLASSIFIERS)
        [base] = [await self._start(model) for model in reference] or [{}]
        [asked] = [await self._start(model) for model in writing] or [found]
        return asked, plan.judging(found, base)

    async def stop(self) -> None:
        """Ends the running servers, so that their memory is free for training."""
        await self._stop_except()

    def _serves(self, model: LoopModel) -> bool:
        return self._server is not None and isinstance(model.model, str) and weights_folder(model.model) is None

    async def _start(self, model: LoopModel, *, classifies: bool = False) -> Asked:
        if model.name not in self._running:
            assert self._server
            task = ServingTask(
                name=model.name, weights=model.weights, api_base=self._api_base, say=self._say, classifies=classifies
            )
            stack = AsyncExitStack()
            served = await stack.enter_async_context(self._server(task))
            self._running[model.name] = stack, {"model": served.model, "api_base": served.api_base}
        return self._running[model.name][1]

    async def _stop_except(self, *names: str) -> None:
        for name in [name for name in self._running if name not in names]:
            stack, _ = self._running.pop(name)
            await stack.aclose()
