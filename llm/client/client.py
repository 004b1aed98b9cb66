"""The client of a model: seeds, replay from the journal, limits, budgets, and a record of every call."""

import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any

from msgspec.structs import replace

from redraft.llm.capabilities import Continuing
from redraft.llm.choice_json import choice_to_json
from redraft.llm.client import records
from redraft.llm.client.budget import BudgetLedger
from redraft.llm.client.journal import CallLog, contiguous_ranges, split_range
from redraft.llm.client.retry import Caller
from redraft.llm.gather import gather
from redraft.llm.limits import Budget, Limits
from redraft.llm.model import Beam, Choice, Message, Model, ModelError, Request, Sampling
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.providers.route import route
from redraft.llm.truncation import NO_TRUNCATION
from redraft.llm.usage import Amount
from redraft.store.calls import Call
from redraft.store.digest import digest
from redraft.store.journal import Journal
from redraft.store.leases.slices import Slices
from redraft.store.problems import Question


class Client:
    """A model for agents and graders. Each sample has its own seed, and samples that the journal has are not requested
    again.

    The seed depends only on the question, the unit, the purpose, the place and the index of the sample, so no result
    depends on timing. If a model returns fewer samples than requested, the client requests the rest. `problem_budget`
    limits each unit; the unit's calls in the journal count too. `say` is called with a message when the provider goes
    down and when it is back. Every conversation begins with the messages in `opening`. Raises PromptError if the model
    cannot use the `prompts`.

    Several processes may share the limits and the run's budget. `share` returns the fraction of the `limits` that this
    process may use. `slices` holds the shared budget, from the call of `begin` to the call of `end`.
    """

    def __init__(
        self,
        model: Model,
        *,
        journal: Journal | None = None,
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
        limits: Limits = Limits(),  # noqa: B008 - frozen
        run_budget: Budget = Budget(),  # noqa: B008 - frozen
        problem_budget: Budget = Budget(),  # noqa: B008 - frozen
        say: Callable[[str], None] = lambda text: None,
        prompts: Prompts = Prompts(),  # noqa: B008 - frozen
        share: Callable[[], float] = lambda: 1.0,
        slices: Slices | None = None,
    ) -> None:
        prompts.check(model)
        self.model = model
        self.sampling, self.prompts = sampling, prompts
        self.opening = prompts.opening(model.templates)
        self._log = CallLog(journal, prompts)
        self._ledger = BudgetLedger(run_budget, problem_budget, model.prices, self._log.used, slices)
        self._limits, self._say, self._share = limits, say, share
        self._caller = Caller(model, limits, self._ledger, say, share)
        self._is_part_model = False  # whether `for_model` made this client; then the model's name is in the prompt hash
        self._others: dict[tuple[str | Model, str | None], Client] = {}

    async def begin(self) -> None:
        """Joins the run's shared budget, if there are `slices`."""
        await self._ledger.begin()

    async def end(self) -> None:
        """Gives the part of the shared budget back that this process did not use."""
        await self._ledger.close()

    def for_model(self, model: str | Model, api_base: str | None = None) -> "Client":
        """Returns a client for the model of one part, such as a grader. It shares the budgets, the journal and all
        other settings with this client.

        A model that is given by its name is opened once, and closed with this client. `embedded` returns the engine of
        the run itself, because two engines would slow each other down. Raises a fatal ModelError if the name is
        unknown, or if there is a budget of money and the model's prices are unknown.
        """
        key = (model, api_base)
        if key not in self._others:
            other = copy(self)
            other.model = self._open_model(model, api_base) if isinstance(model, str) else model
            other.prompts.check(other.model)
            other.opening = other.prompts.opening(other.model.templates)
            other._ledger = self._ledger.with_prices(other.model.prices)
            other._caller = Caller(other.model, self._limits, other._ledger, self._say, self._share)
            other._is_part_model = True
            self._others[key] = other
        return self._others[key]

    def _open_model(self, name: str, api_base: str | None) -> Model:
        own = not self.model.remote and name == self.model.name
        return self.model if own else route(name, api_base, limits=self._limits)

    @property
    def journal(self) -> Journal | None:
        """Returns the journal, for parts that ask a person or a program instead of a model."""
        return self._log.journal

    @property
    def exhausted(self) -> str | None:
        """Returns a text that names the limit of the run's budget that is used up, or None."""
        return self._ledger.exhausted

    @property
    def used(self) -> Amount:
        """Returns the amount of the run's budget that is used."""
        return self._ledger.used

    def release(self, unit: str) -> None:
        """Removes the budget account of a finished unit."""
        self._ledger.release(unit)

    async def continues(self) -> bool:
        """Returns whether the model can continue a half-written answer. Raises ModelError if this can't be
        determined."""
        return (await self.model.probe()).continuing is not Continuing.NONE

    def template(self, name: str) -> str:
        """Returns the template with a name of TEMPLATES: the run's own, else the model's, else redraft's."""
        return self.prompts.template(name, self.model.templates)

    def ask(self, question: Question) -> Message:
        """Returns the message that asks for a question's solution."""
        return self.prompts.ask(question.text, question.kind, self.model.templates)

    def request(
        self,
        messages: Sequence[Message],
        *,
        n: int = 1,
        prefix: str = "",
        stop: Sequence[str] = (),
        temperature: float | None = None,
        max_tokens: int | None = None,
        schema: Mapping[str, Any] | None = None,
        beam: Beam | None = None,
    ) -> Request:
        """Returns a request. `temperature` and `max_tokens` default to the run's values. The run's truncation applies
        unless the temperature is 0 (greedy) or `beam` is set."""
        temperature = self.sampling.temperature if temperature is None else temperature
        return Request(
            messages=tuple(messages),
            prefix=prefix,
            n=n,
            stop=tuple(stop),
            temperature=temperature,
            max_tokens=self.sampling.max_tokens if max_tokens is None else max_tokens,
            schema=schema,
            truncation=self.sampling.truncation if temperature and beam is None else NO_TRUNCATION,
            beam=beam,
        )

    async def complete(
        self,
        question: Question,
        purpose: str,
        place: str,
        messages: Sequence[Message],
        *,
        n: int = 1,
        first: int = 0,
        prefix: str = "",
        stop: Sequence[str] = (),
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> list[Choice]:
        """Returns the samples with the indices `first` to `first + n - 1` at a place of the question's tree, in that
        order.

        Raises ModelError if a sample got no answer. The other answers and the failure are in the journal even then.
        """
        request = self.request(messages, n=n, prefix=prefix, stop=stop, temperature=temperature, max_tokens=max_tokens)
        choices: list[Choice] = []
        for drawn in await self.draw(question, purpose, place, request, first=first):
            if isinstance(drawn, ModelError):
                raise drawn
            choices.append(drawn)
        return choices

    async def draw(
        self, question: Question, purpose: str, place: str, request: Request, *, first: int = 0
    ) -> list[Choice | ModelError]:
        """Returns the samples as `complete` does, but returns a ModelError instead of raising it for each sample that
        got no answer. Only a fatal error is raised. The samples of a beam search are its texts, best first."""
        shown = self.prompts.digest(request)
        call = Call(
            call_id="",
            unit=question.unit,
            problem_id=question.problem_id,
            purpose=purpose,
            place=place,
            first=first,
            n=request.n,
            model=self.model.name,
            prompt_hash=digest(shown, self.model.name) if self._is_part_model else shown,
            params=records.call_params(request, self.sampling.seed),
        )
        samples = range(first, first + request.n)
        drawn = self._log.recorded_samples(call, samples)
        missing = contiguous_ranges(sample for sample in samples if sample not in drawn)
        if request.beam and len(drawn) < len(samples):
            missing = [samples]
        for answers in await gather(self._request_samples(call, request, run) for run in missing):
            drawn |= answers
        for error in drawn.values():
            if isinstance(error, ModelError) and error.fatal:
                raise error
        return [drawn[sample] for sample in samples]

    def seed(self, unit: str, purpose: str, place: str, sample: int) -> int:
        """Returns the seed of the sample with index `sample`, in [0, 2**31)."""
        return int(digest(self.sampling.seed, unit, purpose, place, sample), 16) % 2**31

    async def close(self) -> None:
        """Closes the model and the models that `for_model` opened. The journal stays open; its owner closes it."""
        await self.close_others()
        await self.model.close()

    async def close_others(self) -> None:
        """Closes the models that `for_model` opened."""
        while self._others:
            (given, _), other = self._others.popitem()
            if isinstance(given, str) and other.model is not self.model:
                await other.model.close()

    async def _request_samples(self, call: Call, request: Request, samples: range) -> dict[int, Choice | ModelError]:
        """Returns an answer or an error for each of these samples. If a reply has fewer samples than requested, the
        missing ones are requested in calls of that reply's size. A beam search is one call."""
        if request.beam:
            found = await self._ask(call, request, samples)
            few = ModelError(f"{self.model.name} gave {len(found)} of {len(samples)} texts of a beam search.")
            return {sample: found.get(sample, few) for sample in samples}
        size = len(samples) if self.model.capabilities.n is not False else 1
        drawn = await gather(self._request_part(call, request, part) for part in split_range(samples, size))
        return {sample: answer for answers in drawn for sample, answer in answers.items()}

    async def _request_part(self, call: Call, request: Request, samples: range) -> dict[int, Choice | ModelError]:
        drawn = await self._ask(call, request, samples)
        if not (left := samples[len(drawn) :]):
            return drawn
        for answers in await gather(self._request_part(call, request, part) for part in split_range(left, len(drawn))):
            drawn |= answers
        return drawn

    async def _ask(self, call: Call, request: Request, samples: range) -> dict[int, Choice | ModelError]:
        """Makes one call. Returns an answer, or the call's error, for each sample; for fewer samples if the model
        returned fewer."""
        seeds = tuple([self.seed(call.unit, call.purpose, call.place, sample) for sample in samples])
        start = time.perf_counter()
        try:
            reply = await self._caller.call(request.seeded(seeds), call.unit)
        except ModelError as error:
            if error.attempts:
                call = replace(call, first=samples.start, n=len(samples))
                number, prices = self._log.count_failures(call) + 1, self.model.prices
                failed = records.failed_call(call, number, error, records.elapsed_ms(start), prices)
                self._log.record(failed, [], request)
            return dict.fromkeys(samples, error)
        answered = records.answered_call(call, samples.start, reply)
        choices = [records.stored_choice(choice, answered.call_id) for choice in reply.choices]
        self._log.record(answered, [choice_to_json(choice) for choice in choices], request)
        return dict(zip(samples, choices, strict=False))
