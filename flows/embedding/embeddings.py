"""Embeds texts, offline with wordllama or online by a provider. Embeddings that were paid for are stored at once."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from redraft.flows.filters.similarity.meaning_index import model as offline_model
from redraft.llm.limits import Limits
from redraft.llm.model import ModelError
from redraft.store.digest import digest
from redraft.store.errors import plural
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop

if TYPE_CHECKING:
    from redraft.llm.providers.via_litellm.embeddings import LiteLLMEmbedder

OFFLINE = "wordllama"
"""The embedding model that needs no network. The filter `same_meaning` uses it too."""

BATCH = 256  # texts per call
CALLS = 4  # maximum number of concurrent calls
SAY_S = 5.0  # minimum seconds between two progress messages


@dataclass(slots=True)
class Meter:
    """Reports the progress of a piece of work from time to time."""

    say: Callable[[str], None]
    done_words: str  # the verb of the message, such as "embedded"
    total: int
    _said: float = field(default_factory=time.monotonic)

    def report(self, done: int) -> None:
        """Reports how many of `total` questions are done, unless the last message was less than SAY_S seconds ago."""
        if time.monotonic() - self._said >= SAY_S:
            self._said = time.monotonic()
            self.say(f"{self.done_words} {done:,} of {plural(self.total, 'question')}")


@dataclass(slots=True)
class Embeddings:
    """The embeddings of texts by text: arrays of float32 with length 1, or zeros for a blank text. `tokens` is the
    number of tokens that the provider read. `cost_usd` is their price in US dollars, or None if the price is
    unknown."""

    of: Mapping[str, np.ndarray]
    tokens: int = 0
    cost_usd: float | None = None

    def matrix(self, texts: Sequence[str]) -> np.ndarray:
        """Returns the embeddings of these texts as a matrix, one text per row."""
        return np.stack([self.of[text] for text in texts])


async def embed(
    texts: Sequence[str],
    embedder: str,
    store: Store,
    say: Callable[[str], None],
    *,
    api_base: str | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Embeddings:
    """Returns the embeddings of the texts. `embedder` is `wordllama`, or the name of a LiteLLM model. A text that this
    model has embedded before is read from the store. Raises PartError if wordllama is not installed. Raises ModelError
    if the provider fails; the message states how many embeddings are stored."""
    texts = list(dict.fromkeys(texts))
    if embedder == OFFLINE:
        return Embeddings(await off_loop(_embed_offline, texts, Meter(say, "embedded", len(texts))))
    hashes = {digest("embedding", text): text for text in texts}
    known = {name: vector for name, vector in (await off_loop(store.embeddings, embedder)).items() if name in hashes}
    missing = [name for name in hashes if name not in known]
    found = Embeddings({})
    if missing:
        from redraft.llm.providers.via_litellm.embeddings import LiteLLMEmbedder  # imports LiteLLM: slow

        paid = _Paid(LiteLLMEmbedder(embedder, api_base, limits), store, Meter(say, "embedded", len(texts)), len(known))
        known |= await paid.embed({name: hashes[name] for name in missing})
        found.tokens, found.cost_usd = paid.tokens, paid.cost_usd
    found.of = {text: _normalized(known[name]) for name, text in hashes.items()}
    return found


@dataclass(slots=True)
class _Paid:
    """Embeds texts by a provider, and stores the embeddings of each call as soon as it returns."""

    embedder: "LiteLLMEmbedder"
    store: Store
    meter: Meter
    kept: int  # the number of these texts whose embeddings are stored
    tokens: int = 0
    cost_usd: float | None = None

    async def embed(self, texts: Mapping[str, str]) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        names = list(texts)
        batches = [names[start : start + BATCH] for start in range(0, len(names), BATCH)]
        try:
            for start in range(0, len(batches), CALLS):
                calls = [self._call(batch, texts, found) for batch in batches[start : start + CALLS]]
                for error in await asyncio.gather(*calls, return_exceptions=True):
                    if isinstance(error, BaseException):
                        raise error
        except ModelError as error:
            more = f" {self.kept:,} of {plural(self.meter.total, 'question')} are embedded and stored: the same command"
            error.args = (f"{error}{more} goes on from there.",)
            raise
        finally:
            await self.embedder.close()
        return found

    async def _call(self, names: Sequence[str], texts: Mapping[str, str], found: dict[str, np.ndarray]) -> None:
        reply = await self.embedder.embed([texts[name] for name in names])
        await off_loop(self.store.add_embeddings, self.embedder.name, dict(zip(names, reply.vectors, strict=True)))
        found |= {name: np.array(vector, np.float32) for name, vector in zip(names, reply.vectors, strict=True)}
        self.kept += len(names)
        self.tokens += reply.tokens
        if reply.cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + reply.cost_usd
        self.meter.report(self.kept)


def _embed_offline(texts: Sequence[str], meter: Meter) -> dict[str, np.ndarray]:
    model, found = offline_model(), dict[str, np.ndarray]()
    for start in range(0, len(texts), BATCH):
        part = texts[start : start + BATCH]
        found |= {text: _normalized(vector) for text, vector in zip(part, model.embed(list(part)), strict=True)}
        meter.report(len(found))
    return found


def _normalized(vector: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(vector.astype(np.float64)))
    return (vector / length).astype(np.float32) if length else np.zeros_like(vector, np.float32)
