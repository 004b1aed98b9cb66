"""Makes new questions from one problem by one augmentation, and tests them."""

from collections.abc import Sequence
from dataclasses import dataclass

from redraft.agents.agent import Agent
from redraft.flows.augmentation.selection import Method
from redraft.flows.augmentation.workshop import Workshop
from redraft.flows.units.runner import Outcome
from redraft.graders.answers.checker import Checker
from redraft.graders.grader import Grader
from redraft.graders.programs.sandbox import Sandbox
from redraft.llm.client.client import Client
from redraft.llm.model import ModelError
from redraft.store.errors import RedraftError, broken, wrong
from redraft.store.problems import Keyring, Problem
from redraft.store.trajectory import Grade, Stop, Trajectory
from redraft.store.unit import Rewrite, key_hash


@dataclass(frozen=True, slots=True)
class RewritingTask:
    """A problem from which new questions are made, with its unit of work and the number of the attempt, from 1."""

    problem: Problem
    unit: str
    attempt: int = 1


class Rewriter:
    """Makes new questions by one method. `graders` judge answers by the keys in `keys`. `closes` are closed at the
    end."""

    def __init__(
        self,
        method: Method,
        client: Client,
        agent: Agent,
        graders: Sequence[Grader],
        keys: Keyring,
        samples: int,
        closes: Sequence[Checker | Sandbox] = (),
    ) -> None:
        self._method, self._client, self._agent = method, client, agent
        self._graders, self._keys, self._samples, self._closes = graders, keys, samples, closes

    async def prepare(self, tasks: Sequence[RewritingTask]) -> None:
        """Does nothing, because a task needs no stored data."""

    async def work(self, task: RewritingTask) -> Outcome:
        """Makes and tests the new questions of a problem. Raises PartError if the method raises an unexpected
        exception."""
        workshop = Workshop(self._method.name, task.unit, self._client, self._agent, self._graders, self._keys)
        rewrites = await self._rewrites(task, workshop)
        own = [rewrite for rewrite in rewrites if rewrite.problem is None]
        trajectories: list[Trajectory] = [draft for rewrite in own for draft in rewrite.drafts]
        grades: list[Grade] = [grade for rewrite in own for grade in rewrite.grades]
        return Outcome(
            status=self._status(workshop),
            samples=self._samples,
            key_hash=key_hash(task.problem),
            trajectories=tuple(trajectories),
            grades=tuple(grades),
            rewrites=tuple(rewrites),
        )

    async def close(self) -> None:
        """Closes the checker of answers and the sandbox."""
        for one in self._closes:
            await one.close()

    async def _rewrites(self, task: RewritingTask, workshop: Workshop) -> list[Rewrite]:
        if self._method.augmentation.needs_answer and task.problem.answer is None:
            return [workshop.refused("no known answer")]
        try:
            made = await self._method.augmentation.make(task.problem, workshop)
        except ModelError as error:
            if error.fatal:
                raise
            workshop.stops.add(error.stop)
            return [workshop.refused(f"not made: {error}")]
        except RedraftError:
            raise
        except Exception as error:
            raise broken(f"method {self._method.name!r}", error, f" on problem {task.problem.problem_id}") from error
        if not isinstance(made, Sequence) or not all(isinstance(one, Rewrite) for one in made):
            raise wrong(f"method {self._method.name!r}", made, "it must return a list of Rewrites")
        return list(made)

    def _status(self, workshop: Workshop) -> str:
        """Returns the status of a unit: `failed` if a call failed, or `cut` if the run's budget is used up."""
        if Stop.FAILED in workshop.stops:
            return "failed"
        return "cut" if Stop.BUDGET in workshop.stops and self._client.exhausted else "done"
