"""Solves one question, and shows each step as soon as it is written, then the critique of the draft, then the
redraft."""

from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from redraft.agents.build import default_part
from redraft.agents.critics.critic import Critic, Critique, Opinion
from redraft.agents.critics.model import model as own_critic
from redraft.agents.policies.policy import Policy, stepwise
from redraft.flows.display.progress import Silent
from redraft.flows.display.trajectory import LEGEND, TREE_LEGEND, branch_line, ending, feedback_line, step_line, turn
from redraft.flows.generation.job import Job
from redraft.flows.settings import Settings
from redraft.llm.client.client import Client
from redraft.store.problems import Problem
from redraft.store.tables.stage_store import opened
from redraft.store.tables.store import Store
from redraft.store.trajectory import Role, Stop, Trajectory, Verdict
from redraft.store.unit import Unit


async def solve(problem: Problem, settings: Settings, db: str | Path | Store, console: Console) -> Unit:
    """Solves one problem, shows its drafts on `console`, stores them, and returns the unit. A quiet console shows
    nothing.

    If the same question was solved with the same settings before, the stored drafts are shown and no call is made.
    Raises StoreError, PartError, and ModelError if the model can't be used at all.
    """
    live = Live(console, settings.samples)
    arguments = dict(settings.arguments)
    by_steps = default_part(settings.strategy, "policy") == "stepwise"
    if default_part(settings.strategy, "policy") == "whole":
        arguments.setdefault("policy", live.policy)
    critic = live.critic if settings.critic == "model" else settings.critic
    if str(settings.model).partition(":")[0] == "embedded":
        live.say("the embedded model knows its own kind of word problems only")
    live.say(TREE_LEGEND if by_steps else LEGEND)
    async with opened(db, waiting=live.say) as store:
        settings = replace(settings, arguments=arguments, critic=critic)
        job = Job([problem], settings, store, live, source="a question", again=True)
        try:
            await job.run()
        finally:
            await job.close()
    return live.units[0]


class Live(Silent):
    """A Progress that shows drafts on a console while they are written. `units` collects the finished units."""

    def __init__(self, console: Console, samples: int) -> None:
        self.units: list[Unit] = []
        self._console = console
        self._samples = samples
        self._last: int | None = None  # the number of the sample that was shown last
        self._steps: dict[int, int] = {}  # by sample: the number of its steps already shown

    def say(self, text: str) -> None:
        self._console.print(text, style="dim")

    def policy(
        self,
        client: Client,
        *,
        temperature: float | None = None,
        separator: str | None = None,
        window: int | None = None,
    ) -> Policy:
        """Returns a policy that writes whole drafts, and shows each step as soon as it is written. The function takes
        the same arguments as the policy `whole`."""
        write = stepwise(client, temperature=temperature, separator=separator, window=window)

        async def propose(trajectory: Trajectory, n: int, first: int = 0) -> list[Trajectory]:
            return [await self._written(write, trajectory, number) for number in range(first, first + n)]

        return propose

    def critic(self, client: Client) -> Critic:
        """Returns a critic that asks the writing model about its own draft, and shows the critique."""
        own = own_critic(client)

        async def critique(trajectory: Trajectory) -> Critique:
            said = await own(trajectory)
            if trajectory.role is not Role.SAMPLE and said.opinion is Opinion.GO_ON:
                return said  # not shown: a search would show it for every step
            self._console.print(Text(f"  critic    {said.reason or said.opinion}", style="magenta"))
            return said

        return critique

    def draft(self, problem: Problem, trajectory: Trajectory) -> None:
        if trajectory.role is Role.SEARCH:
            self._console.print(branch_line(trajectory))
            return
        self._show(trajectory)
        self._name(trajectory)
        self._console.print(ending(trajectory))

    def unit(self, problem: Problem, unit: Unit) -> None:
        self.units.append(unit)
        chosen = pick(unit)
        if chosen and chosen.role is Role.SEARCH and chosen.steps:
            self._console.print()
            self._console.print(turn(chosen, chosen.turn))

    async def _written(self, write: Policy, path: Trajectory, number: int) -> Trajectory:
        self._show(path)
        [path] = await write(path, 1, number)
        self._show(path)
        while path.stop is None:
            [path] = await write(path, 1)
            self._show(path)
        return path

    def _name(self, path: Trajectory) -> None:
        """Shows the number of a trajectory's sample, if there are several samples and another sample was shown last."""
        if self._samples > 1 and path.sample != self._last:
            self._console.print(Text(f"sample {path.sample + 1} of {self._samples}", style="bold cyan"))
            self._last = path.sample

    def _show(self, path: Trajectory) -> None:
        """Shows the steps of a trajectory that are not shown yet."""
        shown = self._steps.get(path.sample, 0)
        if len(path.steps) > shown:
            self._name(path)
        for step in path.steps[shown:]:
            opens = step.depth == 1 or path.steps[step.depth - 2].by != "model"
            label = f"draft {step.turn}" if opens else ""
            self._console.print(step_line(step, label) if step.by == "model" else feedback_line(step))
        self._steps[path.sample] = max(shown, len(path.steps))


def verdict(unit: Unit, path: Trajectory) -> Verdict | None:
    """Returns the oracle's verdict on the last draft of a trajectory, or None if the answer is not known."""
    return next(
        (
            grade.verdict
            for grade in unit.grades
            if grade.grader == "oracle" and (grade.trajectory_id, grade.turn) == (path.trajectory_id, path.turn)
        ),
        None,
    )


def pick(unit: Unit) -> Trajectory | None:
    """Returns the trajectory that the agent chose, otherwise the first trajectory that did not fail. Returns None if
    all trajectories failed."""
    alive = [path for path in unit.trajectories if path.stop is not Stop.FAILED]
    return next((path for path in alive if path.chosen), alive[0] if alive else None)
