"""Grades the stored drafts of one unit."""

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from redraft.agents.correction.drafts import cut_to_turn
from redraft.flows.annotation.queue import AnnotationTask
from redraft.flows.units.runner import Outcome
from redraft.graders.answers.checker import Checker
from redraft.graders.grader import Grader
from redraft.graders.programs.sandbox import Sandbox
from redraft.llm.client.client import Client
from redraft.store.errors import RedraftError, broken
from redraft.store.journal import Journal
from redraft.store.problems import Keyring
from redraft.store.tables.reading.trajectories import read_trajectories
from redraft.store.tables.store import Store
from redraft.store.trajectory import Grade, Trajectory
from redraft.store.waiting import off_loop


class DraftGrader:
    """Grades stored drafts. The grader reads the known answers from `keys`; `name` names it in errors. `closes` are
    closed at the end."""

    def __init__(
        self,
        grader: Grader,
        client: Client,
        *,
        name: str,
        store: Store,
        journal: Journal,
        keys: Keyring,
        closes: Sequence[Checker | Sandbox] = (),
    ) -> None:
        self._grader, self._client, self._store, self._journal = grader, client, store, journal
        self._keys, self._name, self._closes = keys, name, closes
        self._drafts: dict[str, list[Trajectory]] = {}  # by the id of the unit that grades the drafts

    async def prepare(self, tasks: Sequence[AnnotationTask]) -> None:
        """Reads the drafts of these tasks from the store."""
        for task in tasks:
            self._keys.add(task.problem)
        stored = await off_loop(read_trajectories, self._store, {task.source: task.problem for task in tasks})
        for task in tasks:
            there = stored[task.source]
            self._drafts[task.unit] = [cut_to_turn(there[name], turn) for name, turn in task.places if name in there]

    async def work(self, task: AnnotationTask) -> Outcome:
        """Grades each draft of a task. Raises PartError if the grader raises an exception of another kind than
        redraft's."""
        drafts = self._drafts.pop(task.unit)
        found = await self._grade([_moved(draft, task) for draft in drafts])
        stored = {step.step_id for draft in drafts for step in draft.steps}
        grades = [_returned(grade, draft, task.unit, stored) for draft, grade in zip(drafts, found, strict=True)]
        failed = any(call.error is not None for call, _ in self._journal.calls(task.unit)) and any(
            grade.value is None for grade in grades
        )
        status = "cut" if self._client.exhausted else "failed" if failed else "done"
        return Outcome(
            status=status, samples=len(drafts), key_hash=task.key, grades=tuple(grades), judged=tuple(drafts)
        )

    async def close(self) -> None:
        """Closes the checker of answers and the sandbox."""
        for one in self._closes:
            await one.close()

    async def _grade(self, drafts: Sequence[Trajectory]) -> list[Grade]:
        try:
            return await self._grader(drafts)
        except RedraftError:
            raise
        except Exception as error:
            raise broken(f"grader {self._name!r}", error) from error


def _moved(draft: Trajectory, task: AnnotationTask) -> Trajectory:
    """Returns a copy of a draft whose steps have ids of this task's unit. Rollouts from these steps then belong to the
    unit."""

    def moved(name: str) -> str:
        return f"{task.unit}/{name}"

    steps = [
        replace(step, step_id=moved(step.step_id), parent_id=step.parent_id and moved(step.parent_id))
        for step in draft.steps
    ]
    return replace(draft, question=task.problem.ask(task.unit), steps=tuple(steps))


def _returned(grade: Grade, draft: Trajectory, unit: str, stored: Collection[str]) -> Grade:
    """Returns a grade of a copied draft with the ids of the stored draft. Steps in `stored` get their stored ids back,
    so that the rollouts are children of stored steps."""

    def returned(name: str | None) -> str | None:
        bare = name.removeprefix(f"{unit}/") if name else None
        return bare if bare in stored else name

    rollouts = [
        replace(
            rollout,
            steps=tuple(
                replace(step, step_id=returned(step.step_id) or "", parent_id=returned(step.parent_id))
                for step in rollout.steps
            ),
        )
        for rollout in grade.rollouts
    ]
    return replace(grade, trajectory_id=draft.trajectory_id, turn=draft.turn, rollouts=tuple(rollouts))
