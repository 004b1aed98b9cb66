"""One run's units of work, from question to judged and stored trajectories."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from redraft.agents.agent import Agent
from redraft.agents.measures import grade_drafts
from redraft.flows.display.progress import Progress
from redraft.flows.generation.gc import seldom
from redraft.flows.generation.shutdown import leaving
from redraft.flows.generation.task_pool import each
from redraft.graders.answers.checker import Checker
from redraft.graders.grader import Grader
from redraft.graders.likelihood import likelihood
from redraft.graders.oracle import oracle
from redraft.llm.client.client import Client
from redraft.store.errors import RedraftError, broken
from redraft.store.journal import Journal
from redraft.store.records import Grade, Keyring, Problem, Stop, Trajectory
from redraft.store.tables.store import Store
from redraft.store.tables.writer import Writer
from redraft.store.units import Unit, key_hash
from redraft.store.waiting import off_loop

MEASURES = ("oracle", "likelihood", "likelihood_sum")
"""The graders that judge every draft of every run."""

AT_ONCE = 256  # units whose stored answers are read in one go


@dataclass(frozen=True, slots=True)
class Work:
    """A problem to be solved with so many samples, and which attempt at it this is (from 1)."""

    problem: Problem
    unit: str
    attempt: int
    samples: int


class Solving:
    """Solves units. `agent` makes the agent that draws so many samples; `keys` is its keyring: a unit whose key it
    opened there is marked `oracle_used`. The judging here has a keyring of its own, and marks nothing. When the budget
    of the `client` is used up, no further unit is begun."""

    def __init__(
        self,
        agent: Callable[[int], Agent],
        keys: Keyring,
        client: Client,
        *,
        strategy: str,
        store: Store,
        journal: Journal,
        progress: Progress,
        run_id: str,
        recipe: str,
        replicate: str,
    ) -> None:
        self._agent, self._keys, self._client, self._strategy = agent, keys, client, strategy
        self._store, self._journal, self._progress = store, journal, progress
        self._run_id, self._recipe, self._replicate = run_id, recipe, replicate
        self._writer = Writer(store, journal)
        self._known = Keyring()
        self._checker = Checker()
        self._oracle = oracle(self._known, checker=self._checker, client=client)
        self._likelihoods: tuple[Grader, ...] = tuple(likelihood(how, by_steps=False) for how in ("mean", "sum"))

    async def all(self, work: Sequence[Work], window: int) -> None:
        """Every unit, `window` at a time. However it ends, what is finished is in the store, and `runs` and the
        progress are told how."""
        with seldom():
            await self._all(work, window)

    async def _all(self, work: Sequence[Work], window: int) -> None:
        status, facts = "failed", {}
        try:
            await each(self._prepared(work), self._unit, window)
            status = "budget" if self._client.spent else "finished"
            facts = {"reason": self._client.spent} if self._client.spent else {}
        except asyncio.CancelledError:
            status = "interrupted"
            raise
        except Exception as error:
            facts = {"reason": str(error)}
            raise
        finally:
            await self._checker.close()
            try:
                async with leaving(status, self._store, self._progress.say):
                    await self._writer.close()
                    await off_loop(self._store.end_run, self._run_id, status, facts)
            finally:
                self._progress.end(status)

    async def _prepared(self, work: Sequence[Work]) -> AsyncIterator[Work]:
        """The work, each piece with what the store has of it ready to be replayed."""
        for start in range(0, len(work), AT_ONCE):
            if self._client.spent:
                return
            part = work[start : start + AT_ONCE]
            again = [one.unit for one in part if one.attempt > 1]
            for call, choices in await off_loop(self._store.answers, again) if again else ():
                self._journal.preload(call, choices)
            for one in part:
                yield one

    async def _unit(self, work: Work) -> None:
        if self._client.spent:
            return
        started, problem = datetime.now(UTC), work.problem
        paths = await self._explored(work)
        if self._keys.was_opened(work.unit):
            paths = [replace(path, oracle_used=True) for path in paths]
        status = self._status(paths)
        unit = Unit(
            unit_id=work.unit,
            run_id=self._run_id,
            recipe=self._recipe,
            problem_id=problem.problem_id,
            replicate=self._replicate,
            attempt=work.attempt,
            samples=work.samples,
            status=status,
            trajectories=tuple(paths),
            grades=tuple(await self._judged(problem, paths, status)),
            calls=tuple(self._journal.calls(work.unit)),
            started_at=started,
            finished_at=datetime.now(UTC),
            key_hash=key_hash(problem),
            prompts=self._journal.prompts(work.unit),
        )
        await self._writer.put(unit)
        self._client.forget(work.unit)
        self._progress.unit(problem, unit)

    async def _explored(self, work: Work) -> list[Trajectory]:
        """What the agent makes of a unit. Raises PartError if it breaks."""
        agent, problem = self._agent(work.samples), work.problem
        self._keys.add(problem)
        try:
            return await agent(problem.ask(work.unit))
        except RedraftError:
            raise
        except Exception as error:
            raise broken(f"strategy {self._strategy!r}", error, f" on problem {problem.problem_id}") from error
        finally:
            self._keys.discard(problem.problem_id)

    def _status(self, paths: Sequence[Trajectory]) -> str:
        """How a unit ended. One that met its own budget's end is done; the run's cut it short."""
        stops = {path.stop for path in paths}
        if Stop.FAILED in stops:
            return "failed"
        return "cut" if Stop.BUDGET in stops and self._client.spent else "done"

    async def _judged(self, problem: Problem, paths: Sequence[Trajectory], status: str) -> list[Grade]:
        """The measures of every draft that was not cut short, and what the agent's own graders said on the way. The
        oracle has nothing to say where nobody knows the answer."""
        if status == "cut":
            paths = [path for path in paths if path.stop is not Stop.BUDGET]
        graders = self._likelihoods if problem.answer is None else (self._oracle, *self._likelihoods)
        self._known.add(problem)
        try:
            measured = await grade_drafts(graders, paths)
        finally:
            self._known.discard(problem.problem_id)
        said = [grade for path in paths for grade in path.grades]
        return list({(g.trajectory_id, g.step_id, g.turn, g.grader): g for g in [*said, *measured]}.values())
