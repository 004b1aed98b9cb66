"""Budgets of runs: as plain data, and one that several runs share, one after the other."""

import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import asdict, astuple
from typing import TypeVar

from redraft.llm.limits import Budget
from redraft.llm.model import ModelError
from redraft.llm.usage import Amount

T = TypeVar("T")


is_remainder: ContextVar[bool] = ContextVar("is_remainder", default=False)
"""True if the budget of the run is the remainder of another budget, whose owner counts the use."""


class RemainingBudget:
    """The remainder of a budget. All runs of a stage, or all shards of a flow run and their retries, share it."""

    def __init__(self, whole: Budget) -> None:
        self.whole = self._left = whole

    @property
    def used_up(self) -> bool:
        """Returns True if any limit of the budget is used up."""
        return any(left == 0 for left in astuple(self._left))

    async def spend(self, work: Callable[[Budget], Awaitable[T]]) -> T:
        """Runs the work with the remaining budget, and returns its result. The result, or the ModelError that the work
        raises, has the amount that was used in `used`."""
        begun, used = time.monotonic(), None
        remainder = is_remainder.set(True)
        try:
            found = await work(self._left)
            used = getattr(found, "used", None)
            return found
        except ModelError as error:
            used = error.used
            raise
        finally:
            is_remainder.reset(remainder)
            self._left = self._left.minus(used or Amount(), time.monotonic() - begun)


def plain_budget(budget: Budget) -> dict[str, float]:
    """Returns the limits of a budget, by name."""
    return {name: most for name, most in asdict(budget).items() if most is not None}
