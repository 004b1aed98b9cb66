"""Embeddings of texts from any provider that LiteLLM supports."""

import asyncio
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from redraft.llm.limits import Limits
from redraft.llm.model import Cause, ModelError
from redraft.llm.providers.via_litellm.errors import Failure
from redraft.llm.providers.via_litellm.model import LiteLLMModel
from redraft.llm.providers.via_litellm.route import litellm_model

LONGEST_WAIT_S = 60.0  # seconds between two tries, if the provider asks for no other pause


@dataclass(frozen=True, slots=True)
class Embedded:
    """The embeddings of texts, one list of numbers for each text, in order; the number of tokens in the texts; and the
    cost in US dollars, or None if it is unknown."""

    vectors: list[list[float]]
    tokens: int = 0
    cost_usd: float | None = None


@dataclass(slots=True)
class LiteLLMEmbedder:
    """An embedding model, given by LiteLLM's name for it, or, with `api_base`, by its own name on that
    OpenAI-compatible server. Raises a fatal ModelError if the name has no known provider, or if an HTTP header cannot
    contain the key."""

    name: str
    api_base: str | None = None
    limits: Limits = Limits()  # noqa: RUF009 - frozen
    _model: LiteLLMModel = field(init=False)

    def __post_init__(self) -> None:
        model = litellm_model(self.name, self.api_base, self.limits)
        assert isinstance(model, LiteLLMModel)
        self._model = model

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Returns the embeddings of the texts. A failed call is retried within the limits if another try can help.
        Raises ModelError."""
        faults, begun = 0, time.monotonic()
        for tries in range(1, 1_000_000):
            try:
                return await self._call(texts)
            except ModelError as error:
                faults += error.cause is not Cause.BUSY
                late = time.monotonic() - begun >= self.limits.patience_s
                if error.fatal or error.cause is Cause.REQUEST or faults >= self.limits.tries or late:
                    raise
                pause = random.uniform(0, min(LONGEST_WAIT_S, self.limits.wait_s * 2 ** min(tries - 1, 16)))
                await asyncio.sleep(pause if error.wait_s is None else min(self.limits.patience_s, error.wait_s))
        raise AssertionError("unreachable")

    async def _call(self, texts: Sequence[str]) -> Embedded:
        model = self._model
        try:
            async with asyncio.timeout(self.limits.timeout_s):
                reply = await model.litellm.aembedding(
                    model=model.full, input=list(texts), max_retries=0, timeout=self.limits.timeout_s, **model.access
                )
        except Exception as error:  # noqa: BLE001 - the one boundary to LiteLLM and all its providers
            raise model.to_model_error(Failure(error, self.api_base or "")) from None
        return Embedded(_vectors(reply, len(texts), model.where), _tokens(reply), _cost(model.litellm, reply))

    async def close(self) -> None:
        """Closes the connections."""
        await self._model.close()


def _vectors(reply: Any, count: int, where: str) -> list[list[float]]:
    """Returns the vectors of a reply in the order of the texts. Raises ModelError unless there is one vector for each
    text, all have the same length, and all their numbers are finite."""
    found: list[Any] = sorted(reply.data or [], key=lambda one: one["index"])
    vectors: list[list[float]] = [one["embedding"] for one in found]
    lengths = {len(vector) for vector in vectors}
    if len(vectors) != count or len(lengths) != 1 or not all(map(math.isfinite, (x for v in vectors for x in v))):
        raise ModelError(
            f"{where} gave no embeddings of {count} texts: {len(vectors)} vectors, of {sorted(lengths)} numbers.",
            cure="Name another model of embeddings.",
            cause=Cause.FAULT,
        )
    return vectors


def _tokens(reply: Any) -> int:
    return int(getattr(getattr(reply, "usage", None), "total_tokens", 0) or 0)


def _cost(litellm: Any, reply: Any) -> float | None:
    try:
        return float(litellm.completion_cost(reply))
    except Exception:  # noqa: BLE001 - LiteLLM raises one of many errors if it knows no price
        return None
