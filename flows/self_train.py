"""Self-training in rounds: a model's drafts are graded and filtered, and the model is trained on them, several times. A
plain async function without Prefect.

    from redraft.flows.self_train import self_train
    found = asyncio.run(self_train("builtin", method="rest_em", rounds=2))
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from redraft.flows.display.notebook import suited
from redraft.flows.display.progress import Progress
from redraft.flows.generation.problems import problems
from redraft.flows.self_training import decision
from redraft.flows.self_training.accepted import folded
from redraft.flows.self_training.loop import Loop
from redraft.flows.self_training.loop_state import LoopState, SpentError
from redraft.flows.self_training.plan import POLICY, LoopPlan, loop_plan
from redraft.flows.self_training.result import SelfTraining
from redraft.flows.self_training.serving import Serving
from redraft.flows.settings import DB, Selection, SelfTrainSettings
from redraft.flows.settings_validation import takes
from redraft.flows.trainers.trainer import TrainingError
from redraft.flows.units.budget import RemainingBudget
from redraft.store.errors import SourceError, plural
from redraft.store.problems import Problem
from redraft.store.tables.stage_store import opened
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop

BUILTIN_LIMIT = 3000
"""The number of problems from the built-in source, which is endless, if no limit is given."""


@dataclass(frozen=True, kw_only=True)
class SelfTrainArguments(SelfTrainSettings):
    """The arguments of `self_train`."""

    source: str | Path | Iterable[Problem] = field(default="builtin", kw_only=False)
    db: str | Path | Store = DB
    progress: Progress | None = None


@takes(SelfTrainArguments)
async def self_train(given: SelfTrainArguments) -> SelfTraining:
    """Trains a model on its own judged drafts, in rounds. A round draws trajectories for the problems of `source`,
    labels and filters them with the filters of the `method`, exports rows, trains, and measures the trained model on
    held-out problems. The views `rounds` and `models` have the results.

    The held-out problems and the number of samples for them are the same in every round. Each round is compared with
    the round before, and with the first model, by paired intervals over problems. If the accuracy falls, the trained
    model is discarded, and the next round begins with the model before it. Two falls in a row, or two rounds in a row
    without a gain, stop the loop; with `all_rounds` it continues. The result names the model with the highest accuracy.

    `arguments` are arguments of the method's strategy. With the prefix "trainer." or "server.", an argument belongs to
    the trainer (`{"trainer.epochs": 2}`), or to the server that serves each model while drafts are drawn. With the
    prefix "policy." or "verifier.", it overrides the method's setting for this model (`{"policy.start": "base"}`). With
    `stop_on_alarm`, the loop ends after a round in which an alarm is raised. A problem whose question is among the
    held-out problems is left out. If the same call is repeated after a kill, it continues where it ended; a larger
    `rounds` continues after the last round. `budget` limits all rounds together; no training begins after it is used
    up.

    `progress` and `source` are as in `generate`. Raises MethodError, TrainingError, ServerError, SettingsError,
    StoreError, SourceError, PartError, ExportError if no row is kept, and ModelError.
    """
    progress = suited(given.progress)
    async with opened(given.db, waiting=progress.say) as store:
        plan = await off_loop(_plan, given, progress, store)
        trainers, base = {role: plan.make_trainer(role) for role in plan.trained_parts}, plan.base.name
        run_id = await off_loop(store.start_run, "self-train", plan.loop_id, given.method, base, plan.config)
        status, spent = "failed", None
        serving = Serving(plan.make_server and plan.make_server(), given.api_base, progress.say)
        budget = RemainingBudget(given.budget)
        loop = Loop(LoopState(plan, store, progress, budget, serving, given.method, run_id), trainers)
        try:
            async with serving:
                await loop.run(given.rounds, all_rounds=given.all_rounds, stop_on_alarm=given.stop_on_alarm)
            status = "finished"
        except SpentError as error:
            status, spent = "budget", str(error)
        except OSError as error:
            raise TrainingError(
                f"{error.filename or plan.folder}: {error.strerror}: mend this, and the same command goes on;"
                " the rounds before are as they were"
            ) from error
        finally:
            await off_loop(store.end_run, run_id, status, {"reason": spent} if spent else {})
        policies = {one.round: one.name for one in store.models(plan.loop_id) if one.role == POLICY}
        best = max(
            (one for one in loop.rounds if not decision.fell(one)),
            key=lambda one: one.accuracy.mean or 0.0,
            default=None,
        )
        return SelfTraining(
            store.path, run_id, plan.loop_id, given.method, policies[best.round] if best else base, str(plan.folder),
            tuple(loop.rounds), spent,
        )  # fmt: skip


def _plan(given: SelfTrainArguments, progress: Progress, store: Store) -> LoopPlan:
    """Returns the plan of the loop. Raises SourceError if no problem is left for training."""
    heldout = problems(given.heldout, progress, replace(given, limit=given.heldout_limit), split="heldout")
    apart = {problem.problem_id for problem in heldout} | {folded(problem) for problem in heldout}
    left_out: set[str] = set()

    def fit(problem: Problem) -> bool:
        if problem.problem_id not in apart and folded(problem) not in apart:
            return True
        left_out.add(problem.problem_id)
        return False

    builtin = str(given.source).partition(":")[0] == "builtin" and given.limit is None
    selection: Selection = replace(given, limit=BUILTIN_LIMIT) if builtin else given
    found = problems(given.source, progress, selection, split="train", fit=fit, db=store)
    if not found or not heldout:
        raise SourceError("there are no problems to train on, or none to measure on: name others, or --heldout")
    if left_out:
        progress.say(f"left out: {plural(len(left_out), 'problem')} that are held out")
    return loop_plan(given, found, heldout)
