"""What the parts of a loop of self-training share: the plan, the store, what is recorded, and what is left of the
budget."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from redraft.flows.display.progress import Progress
from redraft.flows.self_training import decision
from redraft.flows.self_training.models import LoopModel, trained_model
from redraft.flows.self_training.plan import POLICY, VERIFIER, LoopPlan
from redraft.flows.self_training.serving import Serving
from redraft.flows.units.budget import RemainingBudget
from redraft.llm.client.budget import BudgetTooSmall
from redraft.llm.limits import Budget
from redraft.store.errors import RedraftError
from redraft.store.tables.rounds import Round, TrainedModel
from redraft.store.tables.sql import literal
from redraft.store.tables.store import Store

T = TypeVar("T")


class SpentError(RedraftError):
    """Raised if the budget of the loop is used up. The message names the limit."""


@dataclass(slots=True)
class LoopState:
    """A loop as far as it is recorded: its rounds, and its models by round and role."""

    plan: LoopPlan
    store: Store
    progress: Progress
    budget: RemainingBudget
    serving: Serving
    method: str
    run_id: str
    noted: dict[int, Round] = field(default_factory=dict)
    made: dict[tuple[int, str], TrainedModel] = field(default_factory=dict)

    def read(self) -> None:
        """Reads the results of earlier commands for the loop, and records its first model."""
        loop_id, base = self.plan.loop_id, self.plan.base
        self.noted = {one.round: one for one in self.store.rounds(loop_id)}
        self.made = {(one.round, one.role): one for one in self.store.models(loop_id)}
        if (0, POLICY) not in self.made:
            self.note_model(
                TrainedModel(
                    loop_id=loop_id, round=0, role=POLICY, model_id=base.model_id, name=base.name, files=base.files,
                    run_id=self.run_id,
                )
            )  # fmt: skip

    def begin(self, number: int) -> Round:
        """Returns the recorded state of a round. A new round has no state."""
        new = Round(
            loop_id=self.plan.loop_id, round=number, state="", method=self.method, config=self.plan.config,
            run_id=self.run_id,
        )  # fmt: skip
        return self.noted.get(number, new)

    def note(self, noted: Round, state: str, **facts: Any) -> Round:
        """Records the state of a round, and returns it."""
        now = replace(noted, state=state, run_id=self.run_id, **facts)
        self.store.note_round(now)
        self.noted[now.round] = now
        return now

    def note_model(self, made: TrainedModel) -> None:
        """Records a model."""
        self.store.note_model(made)
        self.made[made.round, made.role] = made

    def folder(self, number: int) -> Path:
        """Returns the folder of a round."""
        return self.plan.folder / f"round-{number}"

    def last_verifier(self, number: int) -> LoopModel | None:
        """Returns the last verifier that an earlier round trained, or None."""
        earlier = [one for one in range(1, number) if (one, VERIFIER) in self.made]
        if not earlier:
            return None
        return trained_model(self.made[earlier[-1], VERIFIER], self.folder(earlier[-1]) / VERIFIER)

    def runs(self, recipe: str, replicate: str) -> tuple[str, ...]:
        """Returns the ids of the runs of a recipe, because an earlier one may have been killed."""
        sql = RUNS.format(recipe=literal(recipe), replicate=literal(replicate))
        return tuple(run_id for (run_id,) in self.store.query(sql, patience=decision.PATIENCE).rows)

    def run(self, left: Budget) -> dict[str, Any]:
        """Returns the arguments that all stages take: the store, the progress and the remaining budget."""
        return {"db": self.store, "progress": self.progress, "budget": left}

    async def spend(self, work: Callable[[Budget], Awaitable[T]]) -> T:
        """Does a part of a round with the remaining budget. Raises SpentError if the budget does not suffice."""
        self.check_budget()
        try:
            found = await self.budget.spend(work)
        except BudgetTooSmall as error:
            raise SpentError(str(error)) from error
        if spent := getattr(found, "spent", None):
            raise SpentError(spent)
        return found

    def check_budget(self) -> None:
        """Raises SpentError if a limit of the budget is used up."""
        if self.budget.used_up:
            raise SpentError(f"the budget of {self.budget.whole} is used up")


RUNS = """
SELECT DISTINCT run_id FROM raw.commits WHERE recipe = {recipe} AND replicate = {replicate} ORDER BY run_id"""
