"""Budgets of calls, tokens, money and time, enforced by reservation.

Before a call, the ledger reserves the largest amount that the call may use. After the call, the ledger releases the
part that the call did not use. So calls in flight never exceed a budget.
"""

import asyncio
import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

from redraft.llm.client.budget_slices import BudgetShare
from redraft.llm.limits import Budget, amount_text
from redraft.llm.model import BudgetExceeded, ModelError
from redraft.llm.usage import Amount, Prices, Usage
from redraft.store.leases.slices import Slices


class BudgetTooSmall(ModelError):
    """The run's budget is too small for its first call."""


class BudgetAccount:
    """One budget, the amount of it that is used, and the amount that is reserved. `owner` is "run" or "problem". If
    `slices` is given, other processes share the budget, and this account may use only its own share."""

    def __init__(self, owner: str, budget: Budget, used: Amount | None = None, slices: Slices | None = None) -> None:
        self._owner = owner
        self._budget = budget
        self._reserved = Amount()
        self._began = time.monotonic()
        self.used = used or Amount()
        self.share = BudgetShare(slices, budget, self.used, self._reserved) if slices and budget else None
        self.exhausted: str | None = None  # a text that names the limit that is used up

    def shortage(self, more: Amount, held: bool = True) -> str | None:
        """Returns a text that names the limit that `more` would exceed, or None. If `held` is true, reservations count
        as used."""
        limit = self.share.limit if self.share else self._budget
        for what in ("calls", "tokens", "usd"):
            taken = getattr(self.used, what) + (getattr(self._reserved, what) if held else 0)
            most = getattr(limit, what)
            if most is not None and taken + getattr(more, what) > most * (1 + 1e-12):
                return self._used_up(amount_text(what, getattr(self._budget, what)))
        if self._budget.seconds is not None and self.left_s() <= 0:
            return self._used_up(amount_text("seconds", self._budget.seconds))
        return None

    def _used_up(self, amount: str) -> str:
        return f"The {self._owner}'s budget of {amount} is used up."

    def left_s(self) -> float:
        """Returns the seconds until the budget's time limit; infinity if it has none."""
        if self._budget.seconds is None:
            return float("inf")
        before = self.share.seconds_before if self.share else 0.0
        return self._budget.seconds - before - (time.monotonic() - self._began)

    def reserve(self, amount: Amount, prompt: Amount) -> None:
        """Reserves the most that a call may use, which is `prompt` for its prompt alone."""
        self._reserved.add(amount)
        if self.share:
            self.share.begin_call(prompt)

    def settle(self, held: "Reservation", used: Amount | None) -> None:
        """Replaces a reservation by the amount that was used; if that is unknown (None), all of it counts as used."""
        self._reserved.add(held.amount, -1)
        self.used.add(held.amount if used is None else used)
        if self.share:
            self.share.end_call(held.prompt, held.amount if used is None else None)


@dataclass(slots=True)
class Reservation:
    """The amount that is reserved for one call of at most `n` samples, the part of it that is for the prompt, and the
    accounts that it is reserved in."""

    n: int
    amount: Amount
    prompt: Amount
    accounts: tuple[BudgetAccount, ...]

    def left_s(self) -> float:
        """Returns the time limit of the call in seconds; infinity if no account has one."""
        return min((account.left_s() for account in self.accounts), default=float("inf"))


class BudgetLedger:
    """The budget of a run, and one budget for each of its problems (units).

    `before(unit)` returns the amount that earlier executions of the run used for a unit. A budget of money needs
    `prices`. With `slices`, several processes and executions share the run's budget.
    """

    def __init__(
        self,
        run: Budget,
        problem: Budget,
        prices: Prices | None,
        before: Callable[[str], Amount] | None = None,
        slices: Slices | None = None,
    ) -> None:
        self._money = any(budget.usd is not None for budget in (run, problem))
        if self._money and prices is None:
            raise ModelError(
                "A budget of money needs the model's prices, which are not known.",
                cure="Give them with --prices IN,OUT in dollars a million tokens.",
                fatal=True,
            )
        self._run = BudgetAccount("run", run, slices=slices)
        self._runs = (self._run,) if run else ()
        self._problem, self._prices, self._before = problem, prices, before
        self._limits = bool(run or problem)
        self._units: dict[str, BudgetAccount] = {}
        self._settled = asyncio.Event()

    def with_prices(self, prices: Prices | None) -> "BudgetLedger":
        """Returns a ledger with the same accounts and other prices, for the calls of another model. Raises a fatal
        ModelError if there is a budget of money and `prices` is None."""
        if self._money and prices is None:
            raise ModelError(
                "A budget of money needs the prices of every model, and those of a part's own model are not known.",
                cure="Set a budget of calls or tokens instead, or give the part a model whose prices LiteLLM knows.",
                fatal=True,
            )
        other = copy(self)
        other._prices = prices
        return other

    async def begin(self) -> None:
        """Joins the run's shared budget, if other processes share it."""
        if self._run.share:
            await self._run.share.begin()

    async def close(self) -> None:
        """Gives the part of the shared budget back that this process did not use."""
        if self._run.share:
            await self._run.share.close()

    @property
    def exhausted(self) -> str | None:
        """Returns a text that names the limit of the run that is used up, or None."""
        return self._run.exhausted

    @property
    def used(self) -> Amount:
        """Returns the amount that the run has used; all zeros if it has no budget."""
        return self._run.used

    def unlimited(self, n: int) -> Reservation | None:
        """Returns an empty reservation for a call of `n` samples if there is no budget at all, else None."""
        return None if self._limits else Reservation(n, Amount(), Amount(), ())

    async def reserve(self, unit: str, prompt: int, completion: int, n: int) -> Reservation:
        """Reserves the largest amount that a call can use: `prompt` tokens, and `completion` tokens for each of `n`
        samples. Reserves it for fewer samples if the budget allows no more. Waits while calls in flight may still
        release parts of their reservations.

        Raises BudgetExceeded if the budget does not suffice for one sample.
        """
        accounts, share = self._accounts(unit), self._run.share
        least, last = self.amount(Usage(prompt, completion)), False
        while True:
            if share:
                await share.provide(self.amount(Usage(prompt, completion * n)), least)
            for samples in range(n, 0, -1):
                amount = self.amount(Usage(prompt, completion * samples))
                if all(account.shortage(amount) is None for account in accounts):
                    held = Reservation(samples, amount, self.amount(Usage(prompt)), accounts)
                    for account in accounts:
                        account.reserve(amount, held.prompt)
                    return held
            short = [(account, missing) for account in accounts if (missing := account.shortage(least, held=False))]
            if share and short and short[0][0] is self._run and self._run.left_s() > 0:
                others = await share.wait()
                if others or not last:  # other processes may have given something back meanwhile
                    last = not others
                    continue
            if short:
                raise self._shortage_error(*short[0], least)
            self._settled.clear()
            await self._settled.wait()

    def timeout_error(self, reservation: Reservation) -> BudgetExceeded:
        """Returns the error of a call that was cancelled at a budget's time limit. The usage of the call is unknown."""
        account = min(reservation.accounts, key=BudgetAccount.left_s)
        missing = account.shortage(Amount(), held=False) or "The budget of seconds is used up."
        if account is self._run:
            self._run.exhausted = missing
        return BudgetExceeded(missing, usage=None)

    def settle(self, reservation: Reservation, used: Usage | None, usd: float | None = None) -> None:
        """Replaces the reservation of a call by its usage. If `used` is None, the usage is unknown, and the whole
        reservation counts as used."""
        if not reservation.accounts:
            return
        for account in reservation.accounts:
            account.settle(reservation, None if used is None else self.amount(used, usd))
        self._settled.set()

    def amount(self, usage: Usage, usd: float | None = None) -> Amount:
        """Returns the amount that one call with this usage takes from a budget."""
        if usd is None:
            usd = self._prices.cost(usage) if self._prices else 0.0
        return Amount(1, usage.tokens, usd)

    def release(self, unit: str) -> None:
        """Removes the account of a finished unit."""
        self._units.pop(unit, None)

    def _shortage_error(self, account: BudgetAccount, missing: str, least: Amount) -> ModelError:
        """Returns the error for a budget that does not suffice for one more call. The error is fatal if the run's
        budget is too small for the run's first call, because then the user set it wrongly."""
        if account is not self._run:
            return BudgetExceeded(missing)
        others = self._run.share is not None and self._run.share.was_used
        if account.used == Amount() and not others and "second" not in missing:
            need = f"{least.tokens:,} tokens" + (f", or {amount_text('usd', least.usd)}" if least.usd else "")
            return BudgetTooSmall(
                f"{missing.removesuffix(' is used up.')} is too small for one call, which may need {need}.",
                cure="Raise it, or lower --max-tokens.",
                fatal=True,
            )
        self._run.exhausted = missing
        return BudgetExceeded(missing)

    def _accounts(self, unit: str) -> tuple[BudgetAccount, ...]:
        if not self._problem:
            return self._runs
        if unit not in self._units:
            used = self._before(unit) if self._before else None
            self._units[unit] = BudgetAccount("problem", self._problem, used)
        return (*self._runs, self._units[unit])
