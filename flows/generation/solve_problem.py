"""Solves one problem with an agent, and grades its drafts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from redraft.agents.agent import Agent
from redraft.agents.measure import grade_drafts
from redraft.flows.units.runner import Outcome
from redraft.graders.answers.checker import Checker
from redraft.graders.grader import Grader
from redraft.graders.likelihood import likelihood
from redraft.graders.oracle import oracle
from redraft.graders.programs.sandbox import Sandbox
from redraft.llm.client.client import Client
from redraft.store.errors import RedraftError, broken
from redraft.store.problems import Keyring, Problem
from redraft.store.trajectory import Grade, Stop, Trajectory
from redraft.store.unit import key_hash

MEASURES = ("oracle", "likelihood", "likelihood_sum")
"""The graders that grade every draft of every run."""


@dataclass(frozen=True, slots=True)
class SolvingTask:
    """A problem to solve, with the number of samples, its unit of work, and the number of the attempt, from 1."""

    problem: Problem
    unit: str
    attempt: int
    samples: int


class Solver:
    """Solves problems. `agent` is a function that returns an agent for a number of samples. The agent reads known
    answers through `keys`; if it reads the answer of a unit, the unit is marked `oracle_used`. The Solver grades drafts
    with another keyring, which does not mark units. Programs run in the `sandbox`. `say` is called once if the strategy
    does not choose exactly one trajectory."""

    def __init__(
        self,
        agent: Callable[[int], Agent],
        keys: Keyring,
        client: Client,
        sandbox: Sandbox,
        *,
        strategy: str,
        say: Callable[[str], None],
    ) -> None:
        self._agent, self._keys, self._client, self._strategy = agent, keys, client, strategy
        self._say, self._choice_mistaken = say, False
        self._known = Keyring()
        self._sandbox, self._checker = sandbox, Checker(sandbox=sandbox)
        self._oracle = oracle(self._known, checker=self._checker, client=client)
        self._likelihoods: tuple[Grader, ...] = tuple(likelihood(how, by_steps=False) for how in ("mean", "sum"))

    async def prepare(self, tasks: Sequence[SolvingTask]) -> None:
        """Does nothing, because a task needs no stored data."""

    async def work(self, task: SolvingTask) -> Outcome:
        """Solves a problem and grades its trajectories. Raises PartError if the agent raises an unexpected
        exception."""
        trajectories = await self._explore(task)
        if self._keys.was_opened(task.unit):
            trajectories = [replace(trajectory, oracle_used=True) for trajectory in trajectories]
        status = self._status(trajectories)
        self._check_choice(task.problem, trajectories)
        return Outcome(
            status=status,
            samples=task.samples,
            key_hash=key_hash(task.problem),
            trajectories=tuple(trajectories),
            grades=tuple(await self._judge(task.problem, trajectories, status)),
        )

    async def close(self) -> None:
        """Closes the checker of answers and the sandbox."""
        await self._checker.close()
        await self._sandbox.close()

    async def _explore(self, task: SolvingTask) -> list[Trajectory]:
        """Returns the trajectories that the agent makes for a problem. Raises PartError if the agent raises an
        unexpected exception."""
        agent, problem = self._agent(task.samples), task.problem
        self._keys.add(problem)
        try:
            return await agent(problem.ask(task.unit))
        except RedraftError:
            raise
        except Exception as error:
            raise broken(f"strategy {self._strategy!r}", error, f" on problem {problem.problem_id}") from error
        finally:
            self._keys.discard(problem.problem_id)

    def _check_choice(self, problem: Problem, trajectories: Sequence[Trajectory]) -> None:
        """Prints a note, once, if a strategy chose several trajectories, or chose none although some have answers."""
        chosen = sum(trajectory.chosen for trajectory in trajectories)
        answered = any(
            trajectory.stop is Stop.ANSWERED and trajectory.answer is not None for trajectory in trajectories
        )
        if self._choice_mistaken or chosen == 1 or not (chosen or answered):
            return
        self._choice_mistaken = True
        self._say(
            f"strategy {self._strategy!r} chose {f'{chosen} trajectories' if chosen else 'no trajectory'} of problem"
            f" {problem.problem_id}, so its pick cannot be measured: return one with replace(trajectory, chosen=True)"
        )

    def _status(self, trajectories: Sequence[Trajectory]) -> str:
        """Returns the status of a unit: `done`, `failed` or `cut`. A unit is `done` if its problem's budget was used
        up, and `cut` if the run's budget was used up."""
        stops = {trajectory.stop for trajectory in trajectories}
        if Stop.FAILED in stops:
            return "failed"
        return "cut" if Stop.BUDGET in stops and self._client.exhausted else "done"

    async def _judge(self, problem: Problem, trajectories: Sequence[Trajectory], status: str) -> list[Grade]:
        """Returns the grades of every draft that was not cut short: by the oracle, by likelihood, and by the agent's
        own graders. If the answer is not known, there are no grades by the oracle."""
        if status == "cut":
            trajectories = [trajectory for trajectory in trajectories if trajectory.stop is not Stop.BUDGET]
        graders = self._likelihoods if problem.answer is None else (self._oracle, *self._likelihoods)
        self._known.add(problem)
        try:
            measured = await grade_drafts(graders, trajectories)
        finally:
            self._known.discard(problem.problem_id)
        own = [grade for trajectory in trajectories for grade in trajectory.grades]
        return list({(g.trajectory_id, g.step_id, g.turn, g.grader): g for g in [*own, *measured]}.values())
