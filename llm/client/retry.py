"""Makes the calls to one model within the limits and the budgets. Retries a failed call if another try can help."""

import asyncio
import json
import random
import time
from collections.abc import Callable
from dataclasses import replace

from msgspec import structs

from redraft.llm.client.budget import BudgetLedger, Reservation
from redraft.llm.client.circuit_breaker import CircuitBreaker
from redraft.llm.client.concurrency import ConcurrencyLimit
from redraft.llm.client.rate_limits import Grant, RateLimit
from redraft.llm.limits import Limits
from redraft.llm.model import BudgetExceeded, Cause, Model, ModelError, Reply, Request
from redraft.llm.providers.shared.redaction import without_echo
from redraft.llm.usage import Usage

LONGEST_WAIT_S = 60.0  # seconds between two tries, if the provider asks for no other pause
TEMPLATE_TOKENS = 256  # the largest number of tokens that a chat template adds to a prompt
MESSAGE_TOKENS = 16  # the largest number of tokens that a chat template adds to a message


class Caller:
    """One model with its limits. `say` is called with a message when the provider goes down and when it is back.
    `share` returns the fraction of the limits that this process may use."""

    def __init__(
        self,
        model: Model,
        limits: Limits,
        ledger: BudgetLedger,
        say: Callable[[str], None],
        share: Callable[[], float] = lambda: 1.0,
    ) -> None:
        self._model = model
        self._limits = limits
        self._ledger = ledger
        model.say = say
        paced = model.remote and not model.patient
        self._window = ConcurrencyLimit(2**31 if model.patient else limits.concurrency, adaptive=paced, share=share)
        self._breaker = CircuitBreaker(model.name, limits.patience_s, say)
        minute = limits.requests_per_minute, limits.tokens_per_minute
        self._requests, self._tokens = (RateLimit(most, share=share) if most and paced else None for most in minute)

    async def call(self, request: Request, unit: str) -> Reply:
        """Returns the reply to a request. The usage of the reply includes failed tries. The reply may have fewer
        samples than requested, if the model returns fewer or a budget allows no more.

        Raises ModelError, with the usage of all tries, if the call fails, and BudgetExceeded if no call could be made.
        """
        failed_usage, attempts = Usage(), 0
        faults, busy, start = 0, 0, time.monotonic()
        failed: dict[str, int] = {}
        while True:
            try:
                reply, latency_ms = await self._try(request, unit)
                cost = self._cost(reply, failed_usage)
                usage = failed_usage + reply.usage if attempts else reply.usage
                return Reply(reply.choices, usage, cost, attempts + reply.attempts, latency_ms, failed or None)
            except ModelError as error:
                if not isinstance(error, BudgetExceeded) or error.usage is None:  # it is None if the call was cancelled
                    attempts += error.attempts
                    failed_usage += error.usage or Usage()
                if not isinstance(error, BudgetExceeded):
                    failed[error.kind] = failed.get(error.kind, 0) + 1
                faults += error.cause is Cause.FAULT
                busy += error.cause is Cause.BUSY
                error.usage, error.attempts, error.failed_tries = failed_usage, attempts, failed or None
                in_time = self._model.patient or time.monotonic() - start < self._limits.patience_s
                again = self._model.remote and not error.fatal and error.cause is not Cause.REQUEST
                if not again or not in_time or faults >= self._limits.tries:
                    raise
                await asyncio.sleep(_pause(error, faults + busy, self._limits))

    def _cost(self, reply: Reply, failed_usage: Usage) -> float | None:
        """Returns the cost in US dollars of the reply and of the failed tries before it; None if it is unknown."""
        prices = self._model.prices
        if prices is None:
            return reply.cost_usd
        return (prices.cost(reply.usage) if reply.cost_usd is None else reply.cost_usd) + prices.cost(failed_usage)

    async def _try(self, request: Request, unit: str) -> tuple[Reply, float]:
        """Waits until every limit allows the call, and then makes one try. Returns a pair: the reply, and the latency
        in milliseconds."""
        async with self._window as window:
            trial = await self._breaker.ready()
            try:
                reservation = self._ledger.unlimited(request.n) or await self._reserve(request, unit)
                taken = await self._wait_for_rates(reservation, request) if self._requests or self._tokens else None
                epoch, start = window.epoch, time.monotonic()
                try:
                    reply = await self._call_reserved(reservation, request, taken)
                except ModelError as error:
                    if error.cause is Cause.BUSY:
                        window.record_refusal(epoch)
                    self._report_failure(error)
                    raise
                latency_s = time.monotonic() - start
                window.record_answer(latency_s)
                self._breaker.record_answer()
                return reply, round(latency_s * 1000, 3)
            finally:
                self._breaker.done(trial)

    async def _reserve(self, request: Request, unit: str) -> Reservation:
        if request.beam:  # a narrower beam would be another search
            reservation = await self._ledger.reserve(unit, prompt_bound(request), request.max_tokens * request.n, 1)
            return replace(reservation, n=request.n)
        return await self._ledger.reserve(unit, prompt_bound(request), request.max_tokens, request.n)

    async def _wait_for_rates(self, reservation: Reservation, request: Request) -> Grant | None:
        """Waits until the limits on requests and tokens per minute allow the call. Returns the granted tokens, or None
        if tokens are not limited."""
        try:
            if self._requests:
                await self._requests.take()
            if self._tokens:
                return await self._tokens.take(prompt_bound(request) + request.max_tokens * reservation.n)
        except asyncio.CancelledError:
            self._ledger.settle(reservation, Usage())
            raise
        return None

    async def _call_reserved(self, reservation: Reservation, request: Request, taken: Grant | None) -> Reply:
        """Returns the model's reply. The reservation is settled, whether the call succeeds or fails."""
        used: Usage | None = None
        usd: float | None = None
        if reservation.n < request.n:
            request = structs.replace(request, n=reservation.n, seeds=request.seeds[: reservation.n])
        try:
            reply = await self._complete(reservation, request)
            used, usd = reply.usage, reply.cost_usd
            return reply
        except ModelError as error:
            used = error.usage
            error.args = (without_echo(str(error), *(message.content for message in request.messages), request.prefix),)
            raise
        finally:
            self._ledger.settle(reservation, used, usd)
            if self._tokens and taken and used is not None:
                self._tokens.correct(taken, used.tokens)

    async def _complete(self, reservation: Reservation, request: Request) -> Reply:
        limited = reservation.accounts and reservation.left_s() < float("inf")
        reply = await (self._complete_in_time(reservation, request) if limited else self._model.complete(request))
        if not reply.choices:
            message = f"{self._model.name} gave no answer at all."
            raise ModelError(message, cause=Cause.FAULT, usage=reply.usage, kind="empty reply")
        return reply if len(reply.choices) <= request.n else structs.replace(reply, choices=reply.choices[: request.n])

    async def _complete_in_time(self, reservation: Reservation, request: Request) -> Reply:
        """Returns the reply if it comes before the budget's time limit; otherwise raises BudgetExceeded."""
        limit = asyncio.timeout(reservation.left_s())
        try:
            async with limit:
                return await self._model.complete(request)
        except TimeoutError:
            if not limit.expired():
                raise
            raise self._ledger.timeout_error(reservation) from None

    def _report_failure(self, error: ModelError) -> None:
        """Reports a failed try to the circuit breaker."""
        if not self._model.remote or self._model.patient or isinstance(error, BudgetExceeded):
            return
        if error.cause in (Cause.FAULT, Cause.DOWN):
            self._breaker.record_failure(error)
        elif not error.fatal:
            self._breaker.record_answer()


def prompt_bound(request: Request) -> int:
    """Returns an upper bound on the number of tokens of a request's prompt. A token has at least one byte."""
    texts = [message.content for message in request.messages] + [request.prefix]
    if request.schema is not None:
        texts.append(json.dumps(request.schema))
    around = TEMPLATE_TOKENS + MESSAGE_TOKENS * len(texts)
    return around + sum(len(text) if text.isascii() else len(text.encode()) for text in texts)


def _pause(error: ModelError, tries: int, limits: Limits) -> float:
    """Returns the seconds until the next try. If the provider asks for a pause, this is its pause, at most
    `patience_s`, and a random addition. Otherwise it is a random part of a limit that doubles with each try. It is 0 if
    the provider is down, because the circuit breaker then delays the calls."""
    if error.cause is Cause.DOWN:
        return 0.0
    if error.wait_s is not None:
        return min(limits.patience_s, error.wait_s) + random.uniform(0, limits.wait_s)
    return random.uniform(0, min(LONGEST_WAIT_S, limits.wait_s * 2 ** min(tries - 1, 16)))
