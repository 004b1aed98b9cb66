"""Sends calls in a provider's batches, which cost half the price and are answered within a day.

A batch is sent when no new call has arrived for a moment. The state file records the batch before it is sent. So if a
process is killed while it waits, the next process continues to wait, and the batch is paid only once.
"""

import asyncio
import copy
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from redraft.llm.capabilities import Capabilities
from redraft.llm.model import Model, ModelError, Reply, Request
from redraft.llm.providers.batch.litellm_batches import BatchState, ProviderBatches
from redraft.llm.providers.batch.polling import Poller
from redraft.llm.providers.batch.state_file import BatchEntry, BatchStateFile
from redraft.llm.providers.via_litellm.model import LiteLLMModel
from redraft.store.digest import digest

MOST_BYTES = 100_000_000  # the size limit of a batch file in bytes; OpenAI's own limit is 200 MB


@dataclass(slots=True, eq=False)
class BatchCall:
    """One request that will be part of a batch. The future `sent` resolves to that batch."""

    key: str
    request: Request
    parameters: dict[str, Any]
    line: bytes
    sent: "asyncio.Future[SentBatch]"


@dataclass(slots=True, eq=False)
class SentBatch:
    """A batch that was sent to the provider, and its answers."""

    entry: BatchEntry
    watch: "asyncio.Task[None] | None" = None
    state: BatchState = field(default_factory=lambda: BatchState("sent"))
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    problem: ModelError | None = None


class BatchModel(Model):
    """A model behind LiteLLM whose calls are sent in batches.

    `folder` has the state of pending batches, one file for each model; use the folder of the run's journal. A batch is
    sent when no new call has arrived for `quiet_s`, or when it has `most` calls. The state of a batch is requested
    after `pause_s`, and then after increasing pauses of at most `longest_pause_s`. All are in seconds. Raises a fatal
    ModelError if the model does not support batches.
    """

    remote = True
    patient = True

    def __init__(
        self,
        model: Model,
        folder: Path,
        *,
        quiet_s: float = 2.0,
        most: int = 10_000,
        pause_s: float = 10.0,
        longest_pause_s: float = 300.0,
    ) -> None:
        if not isinstance(model, LiteLLMModel):
            raise ModelError(
                f"{model.name} has no batches.", cure="Leave --batch out, or name a model of LiteLLM's.", fatal=True
            )
        self.name = model.name
        self.templates = model.templates
        self.prices = model.batch_prices
        self._model = model
        self._batches = ProviderBatches(model)
        self._file = BatchStateFile(folder / f"batches-{digest(model.full, model.access.get('api_base'))[:8]}.jsonl")
        self._quiet_s, self._most = quiet_s, most
        self._pause_s, self._longest_pause_s = pause_s, longest_pause_s
        self._poll = Poller(model.provider, lambda text: self.say(text), pause_s, longest_pause_s)
        self._sent: dict[str, SentBatch] = {}  # by the key of each call
        for entry in self._file.entries.values():
            self._track(entry)
        self._waiting: deque[BatchCall] = deque()
        self._last_s = 0.0
        self._active: set[str] = set()
        self._collecting: asyncio.Task[None] | None = None

    @property
    def capabilities(self) -> Capabilities:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Returns the capabilities of the model behind the batches."""
        return self._model.capabilities

    async def complete(self, request: Request) -> Reply:
        """Returns the reply once its batch is answered. Raises ModelError if the call or its batch fails; a retry is
        sent in a new batch."""
        self._model.say = self.say
        call = self._call(request)
        try:
            sent = self._sent.get(call.key) or await self._queue_call(call)
            await asyncio.shield(self._watch_task(sent))
            return self._take_reply(sent, call)
        finally:
            self._active.discard(call.key)

    async def close(self) -> None:
        """Stops waiting. Pending batches continue at the provider, and a message to the user says so."""
        sents = {sent.entry.mark: sent for sent in self._sent.values() if sent.watch and not sent.watch.done()}
        tasks = [task for task in (self._collecting, *(sent.watch for sent in sents.values())) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if sents:
            calls = sum(len(sent.entry.keys) for sent in sents.values())
            self.say(
                f"Calls still in batches at {self._model.provider}: {calls:,}. The same command goes on from them."
            )
        await self._model.close()

    def _call(self, request: Request) -> BatchCall:
        """Returns the request with its key. Equal requests that are pending at the same time get
        keys with different numbers."""
        parameters = self._model.parameters(request)
        messages = [[message.role, message.content] for message in request.messages]
        settings = [messages, request.prefix, request.n, request.stop, request.temperature, request.max_tokens]
        schema = None if request.schema is None else dict(request.schema)
        sampling = [*filter(None, [request.truncation.given(), request.beam and [request.beam.length_penalty]])]
        base, number = digest(self._model.full, settings, request.seeds, schema, *sampling), 0
        while (key := f"{base}-{number}") in self._active:
            number += 1
        line = self._batches.line(key, request, parameters)
        self._active.add(key)
        return BatchCall(key, request, parameters, line, asyncio.get_running_loop().create_future())

    async def _queue_call(self, call: BatchCall) -> SentBatch:
        """Queues the call, and returns the batch in which it was sent."""
        self._waiting.append(call)
        self._last_s = time.monotonic()
        if self._collecting is None or self._collecting.done():
            self._collecting = asyncio.create_task(self._collect())
        try:
            return await call.sent
        except asyncio.CancelledError:
            if call in self._waiting:
                self._waiting.remove(call)
            raise

    async def _collect(self) -> None:
        """Sends the waiting calls whenever no new call has arrived for a moment, or a batch is full."""
        while self._waiting:
            quiet_s = self._last_s + self._quiet_s - time.monotonic()
            if quiet_s > 0 and len(self._waiting) < self._most:
                await asyncio.sleep(min(quiet_s, 0.25))
                continue
            calls = self._next_calls()
            try:
                await self._send(calls)
            except ModelError as error:
                for call in calls:
                    if not call.sent.done():
                        call.sent.set_exception(copy.copy(error))

    def _next_calls(self) -> list[BatchCall]:
        """Removes from the queue as many calls as one batch may have, and returns them."""
        load, size = [], 0
        while self._waiting and len(load) < self._most and size + len(self._waiting[0].line) < MOST_BYTES:
            load.append(self._waiting.popleft())
            size += len(load[-1].line)
        return load or [self._waiting.popleft()]

    async def _send(self, calls: list[BatchCall]) -> None:
        entry = self._file.begin(secrets.token_hex(8), [call.key for call in calls])
        try:
            self._file.record_name(entry, await self._poll(lambda: self._try_send(calls, entry.mark)))
        except ModelError:
            self._file.record_used(entry, tuple(entry.keys))
            raise
        sent = self._track(entry)
        self.say(f"Sent to {self._model.provider} as batch {entry.batch}; calls: {len(calls):,}.")
        for call in calls:
            if not call.sent.done():
                call.sent.set_result(sent)

    async def _try_send(self, calls: list[BatchCall], mark: str) -> str:
        """Tries once to send a batch, and returns its id. If the outcome is unknown, asks the provider whether the
        batch exists."""
        try:
            return await self._batches.send([call.line for call in calls], mark)
        except ModelError as error:
            if error.usage is None and (batch := await self._batches.find(mark)):
                return batch
            raise

    def _track(self, entry: BatchEntry) -> SentBatch:
        sent = SentBatch(entry)
        self._sent |= dict.fromkeys(entry.keys, sent)
        return sent

    def _watch_task(self, sent: SentBatch) -> "asyncio.Task[None]":
        if sent.watch is None:
            sent.watch = asyncio.create_task(self._watch(sent))
        return sent.watch

    async def _watch(self, sent: SentBatch) -> None:
        """Waits for the batch to end, and fetches its answers. Stores an error in `sent.problem`."""
        try:
            entry = sent.entry
            if not entry.batch:
                found = await self._poll(lambda: self._batches.find(entry.mark))
                if not found:
                    sent.state = BatchState("failed", code="gone")
                    return
                self._file.record_name(entry, found)
            pause_s = self._pause_s
            done = 0
            while not (state := await self._poll(lambda: self._batches.state(entry.batch))).ended:
                if state.done > done:
                    self.say(f"Batch {entry.batch}: {state.done:,} of {state.total:,} calls are answered.")
                    done = state.done
                await asyncio.sleep(pause_s)
                pause_s = min(self._longest_pause_s, pause_s * 1.5)
            sent.answers = await self._poll(lambda: self._batches.fetch(state))
            sent.state = state
        except ModelError as error:
            sent.problem = error

    def _take_reply(self, sent: SentBatch, call: BatchCall) -> Reply:
        """Removes the call's answer from the batch, and returns its reply."""
        if sent.problem:
            sent.watch = None  # another try asks for the state again
            raise copy.copy(sent.problem)
        self._sent.pop(call.key, None)
        # The journal records the answer before the loop's next turn; only then may the state file drop it.
        asyncio.get_running_loop().call_soon(self._file.record_used, sent.entry, (call.key,))
        answer = sent.answers.pop(call.key, None)
        if answer is None:
            raise sent.state.unanswered(sent.entry.batch)
        reply = self._batches.read(answer, call.request, call.parameters)
        return replace(reply, cost_usd=None if self.prices is None else self.prices.cost(reply.usage))
