"""The grading of stored drafts, unit by unit."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from redraft.agents.correction.drafts import cut_to_turn
from redraft.flows.annotation.pending import Kept
from redraft.flows.display.progress import Progress
from redraft.flows.generation.gc import seldom
from redraft.flows.generation.shutdown import leaving
from redraft.flows.generation.task_pool import each
from redraft.llm.client.client import Client
from redraft.llm.usage import Amount
from redraft.store.errors import RedraftError, broken
from redraft.store.html import notes, table
from redraft.store.journal import Journal
from redraft.store.records import Grade, Keyring, Trajectory
from redraft.store.tables.read_trajectories import paths_of
from redraft.store.tables.store import Store
from redraft.store.tables.writer import Writer
from redraft.store.units import Unit
from redraft.store.waiting import off_loop


@dataclass(slots=True)
class Annotated:
    """What a run came to: `drafts` were graded in it, of them `values` have a value; `steps` of them have one of their
    own. `known` drafts were done before. `lost` counts the drafts without a value by their reasons."""

    db: str
    run_id: str
    grader: str
    drafts: int = 0
    values: int = 0
    steps: int = 0
    rollouts: int = 0
    known: int = 0
    failed: int = 0  # units that a failed call spoilt: the same command tries them again
    lost: dict[str, int] = field(default_factory=dict)
    spent: str | None = None  # the budget that is used up
    used: Amount | None = None  # of the run's budget, if it has one

    def __str__(self) -> str:
        lost = ", ".join(f"{count:,} {reason}" for reason, count in self.lost.items())
        return (
            f"{self.drafts:,} drafts judged by {self.grader}, {self.values:,} with a value, {self.steps:,} steps"
            f"{f', {self.rollouts:,} rollouts' if self.rollouts else ''}"
            f"{f' (without a value: {lost})' if lost else ''}; {self.known:,} were known: kept in {self.db}"
            f"{f'; stopped: {self.spent}' if self.spent else ''}"
        )

    def _repr_html_(self) -> str:
        lost = [(f"without a value: {reason}", count, "drafts") for reason, count in self.lost.items()]
        found = [
            ("drafts graded", self.drafts, f"by {self.grader}; {self.known:,} were known"),
            ("with a value", self.values, f"and {self.steps:,} steps"),
            ("rollouts", self.rollouts, ""),
        ]
        return table([*found, *lost, ("data", self.db, "")]) + notes([self.spent] if self.spent else [])

    def count(self, grades: Sequence[Grade]) -> None:
        """These grades came in this run."""
        self.drafts += len(grades)
        self.values += sum(grade.value is not None for grade in grades)
        self.steps += sum(value is not None for grade in grades for value in grade.steps)
        self.rollouts += sum(len(grade.rollouts) for grade in grades)
        for grade in grades:
            if grade.value is None:
                reason = grade.reason or "the grader gave no reason"
                self.lost[reason] = self.lost.get(reason, 0) + 1


def together(tries: Sequence[Annotated]) -> Annotated:
    """What several tries of one run, in their order, came to: what one judged, the next ones knew."""
    first, last = tries[0], tries[-1]
    drafts = last.known + last.drafts - first.known
    return replace(
        last,
        drafts=drafts,
        known=first.known,
        values=min(drafts, sum(found.values for found in tries)),
        steps=sum(found.steps for found in tries),
        rollouts=sum(found.rollouts for found in tries),
    )


class Annotating:
    """One run's work: the grades of stored drafts, unit by unit."""

    def __init__(
        self,
        store: Store,
        journal: Journal,
        client: Client,
        keys: Keyring,
        grader: Any,
        recipe: str,
        replicate: str,
        found: Annotated,
        progress: Progress,
    ) -> None:
        self._store, self._journal, self._client, self._keys = store, journal, client, keys
        self._grader, self._recipe, self._replicate, self._found = grader, recipe, replicate, found
        self._writer = Writer(store, journal)
        self._progress = progress

    async def all(self, work: Sequence[Kept], window: int) -> None:
        """Every unit, `window` at a time. However it ends, what is finished is in the store."""
        status, facts = "failed", {}
        for kept in work:  # several units may have one problem
            self._keys.add(kept.problem)
        try:
            with seldom():
                await each(self._prepared(work), self._unit, window)
            self._found.spent = self._client.spent
            status = "budget" if self._client.spent else "finished"
            facts = {"reason": self._client.spent} if self._client.spent else {}
        except asyncio.CancelledError:
            status = "interrupted"
            raise
        except Exception as error:
            facts = {"reason": str(error)}
            raise
        finally:
            try:
                async with leaving(status, self._store, self._progress.say):
                    try:
                        await self._writer.close()
                    finally:
                        await off_loop(self._store.end_run, self._found.run_id, status, facts)
            finally:
                self._progress.end(status)

    async def _prepared(self, work: Sequence[Kept]) -> AsyncIterator[tuple[Kept, list[Trajectory]]]:
        """The units with their drafts, and what the store has of those that are tried again."""
        for start in range(0, len(work), AT_ONCE):
            part = work[start : start + AT_ONCE]
            if self._client.spent:
                return
            again = [kept.unit for kept in part if kept.attempt > 1]
            for call, choices in await off_loop(self._store.answers, again) if again else ():
                self._journal.preload(call, choices)
            paths = await off_loop(paths_of, self._store, {kept.source: kept.problem for kept in part})
            for kept in part:
                there = paths[kept.source]
                yield kept, [cut_to_turn(there[path], turn) for path, turn in kept.places if path in there]

    async def _unit(self, item: tuple[Kept, list[Trajectory]]) -> None:
        kept, drafts = item
        if self._client.spent:
            return
        started = datetime.now(UTC)
        given = await self._graded([_away(path, kept) for path in drafts])
        there = {step.step_id for path in drafts for step in path.steps}
        grades = [_home(grade, path, kept.unit, there) for path, grade in zip(drafts, given, strict=True)]
        calls = tuple(self._journal.calls(kept.unit))
        lost = any(call.error is not None for call, _ in calls) and any(grade.value is None for grade in grades)
        status = "cut" if self._client.spent else "failed" if lost else "done"
        unit = Unit(
            unit_id=kept.unit,
            run_id=self._found.run_id,
            recipe=self._recipe,
            problem_id=kept.problem.problem_id,
            replicate=self._replicate,
            attempt=kept.attempt,
            samples=len(drafts),
            status=status,
            trajectories=(),
            grades=tuple(grades),
            calls=calls,
            started_at=started,
            finished_at=datetime.now(UTC),
            key_hash=kept.key,
            prompts=self._journal.prompts(kept.unit),
            judged=tuple(drafts),
        )
        self._found.count(grades)
        self._found.failed += status == "failed"
        await self._writer.put(unit)
        self._client.forget(kept.unit)
        self._progress.unit(kept.problem, unit)

    async def _graded(self, drafts: Sequence[Trajectory]) -> list[Grade]:
        """One grade a draft. Raises PartError where the grader breaks."""
        try:
            return await self._grader(drafts)
        except RedraftError:
            raise
        except Exception as error:
            raise broken(f"grader {self._found.grader!r}", error) from error


def _away(path: Trajectory, kept: Kept) -> Trajectory:
    """A draft as it is judged: all its places are this unit's own, so that what is drawn there is nobody else's."""

    def moved(name: str) -> str:
        return f"{kept.unit}/{name}"

    steps = [
        structs.replace(step, step_id=moved(step.step_id), parent_id=step.parent_id and moved(step.parent_id))
        for step in path.steps
    ]
    return structs.replace(path, question=kept.problem.ask(kept.unit), steps=tuple(steps))


def _home(grade: Grade, path: Trajectory, unit: str, there: Collection[str]) -> Grade:
    """The grade of the draft where it is stored; its rollouts go on from steps that are stored `there`."""

    def moved(name: str | None) -> str | None:
        bare = name.removeprefix(f"{unit}/") if name else None
        return bare if bare in there else name

    rollouts = [
        structs.replace(
            one,
            steps=tuple(
                structs.replace(step, step_id=moved(step.step_id) or "", parent_id=moved(step.parent_id))
                for step in one.steps
            ),
        )
        for one in grade.rollouts
    ]
    return structs.replace(grade, trajectory_id=path.trajectory_id, turn=path.turn, rollouts=tuple(rollouts))


AT_ONCE = 256
