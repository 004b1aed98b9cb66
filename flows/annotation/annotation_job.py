"""A run of `annotate`: the stored drafts that match a condition, and the grader that judges them."""

from collections.abc import Mapping, Sequence
from typing import Any

from redraft.agents.build import build
from redraft.flows.annotation.grade_unit import DraftGrader
from redraft.flows.annotation.queue import AnnotationTask, matching, not_done
from redraft.flows.display.progress import Plan, Progress
from redraft.flows.generation.identity import recorded
from redraft.flows.generation.recipe import recipe
from redraft.flows.generation.run_config import plain_argument
from redraft.flows.generation.strategy import Strategy
from redraft.flows.settings import AnnotationSettings, plain
from redraft.flows.units.budget import plain_budget
from redraft.flows.units.stage_job import BudgetScope, StageJob, opened_model
from redraft.graders.answers.checker import Checker
from redraft.graders.grader import Grader
from redraft.graders.programs.sandbox import Sandbox
from redraft.llm.client.client import Client
from redraft.store.problems import Keyring
from redraft.store.tables.store import Store


class AnnotationJob(StageJob[AnnotationTask]):
    """The job of judging stored drafts. `tasks` are the matching drafts by their units; `find` reads them from the
    store if they are not given. `known` counts the drafts that were judged before the run."""

    noun = "unit"

    def __init__(
        self,
        tasks: Sequence[AnnotationTask],
        settings: AnnotationSettings,
        store: Store,
        progress: Progress,
        *,
        scope: BudgetScope = BudgetScope.PROCESS,
    ) -> None:
        self.tasks, self.settings, self.known = tasks, settings, 0
        self.grader = recorded(settings.grader) or ""
        model = opened_model(settings)
        name = recipe(
            Client(model, sampling=settings.sampling, prompts=settings.prompts),
            GRADER_ALONE,
            grader=settings.grader,
            critic=None,
            arguments=settings.arguments,
            measures=("annotate",),
            problem_budget=plain_budget(settings.problem_budget),
            sandbox=settings.sandbox,
        )
        closes = isinstance(settings.model, str)
        super().__init__(settings, name, model, store, progress, scope=scope, closes_model=closes)

    def find(self) -> None:
        """Reads the matching drafts. Raises QueryError if DuckDB rejects the condition."""
        settings = self.settings
        self.tasks = matching(self.store, settings.where, self.recipe, settings.replicate, settings.limit)

    def packed(self) -> tuple[Any, ...]:
        return list(self.tasks), plain(AnnotationSettings, self.settings)

    def units(self) -> Mapping[str, str]:
        return {task.unit: task.key for task in self.tasks}

    def todo(self) -> Sequence[AnnotationTask]:
        return not_done(self.store, self.tasks, self.recipe, self.settings.replicate)

    def record(self) -> str:
        settings = self.settings
        arguments = {key: plain_argument(key, value) for key, value in settings.arguments.items()}
        config = {"grader": self.grader, "where": settings.where, **arguments}
        return self.store.start_run("annotate", self.recipe, self.grader, self.model.name, config)

    def plan(self, run_id: str, todo: Sequence[AnnotationTask]) -> Plan:
        open_drafts = sum(len(task.places) for task in todo)
        self.known = sum(len(task.places) for task in self.tasks) - open_drafts
        return Plan(
            run_id,
            problems=len(self.tasks),
            done=len(self.tasks) - len(todo),
            samples=None,
            strategy=f"grader {self.grader}",
            model=self.model.name,
            db=self.store.path,
            noun=self.noun,
        )

    def worker(self) -> DraftGrader:
        keys, sandbox = Keyring(), Sandbox(kind=self.settings.sandbox)
        checker = Checker(sandbox=sandbox)
        grader: Any = build(
            GRADER_ALONE.factory,
            self.client,
            keys=keys,
            grader=self.settings.grader,
            checker=checker,
            sandbox=sandbox,
            **self.settings.arguments,
        )
        return DraftGrader(
            grader,
            self.client,
            name=self.grader,
            store=self.store,
            journal=self.journal,
            keys=keys,
            closes=(checker, sandbox),
        )


def annotation(grader: Grader) -> Grader:
    """Returns the grader. This function has the form of a strategy, so `build` can make the grader with its parts."""
    return grader


GRADER_ALONE = Strategy(annotation, "grader", "redraft.flows.annotate:one", frozenset(["grader"]))
"""Recipes contain this name, so it never changes: a new name would repeat paid runs."""
