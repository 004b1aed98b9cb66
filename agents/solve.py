"""`solve` solves one question without a store and returns a list of trajectories, which a notebook displays."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from redraft.agents.build import Spec, build
from redraft.agents.measure import grade_drafts
from redraft.graders.answers.checker import Checker
from redraft.graders.oracle import oracle
from redraft.llm.client.client import Client
from redraft.llm.model import Sampling
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.providers.route import route
from redraft.llm.truncation import Truncation
from redraft.store.problems import Keyring, Kind, Problem
from redraft.store.trajectory import Grade, Trajectory

DEFAULTS = Sampling()


class Trajectories(list[Trajectory]):
    """A list of trajectories, best first. A notebook displays each trajectory with its steps, its answer and its
    grades."""

    def _repr_html_(self) -> str:
        from redraft.store.html import trajectories  # only notebooks need it

        return trajectories(self)


async def solve(
    question: str,
    strategy: Spec = "correct",
    model: str = "embedded",
    *,
    answer: str | None = None,
    kind: Kind = Kind.MATH,
    api_base: str | None = None,
    temperature: float = DEFAULTS.temperature,
    max_tokens: int = DEFAULTS.max_tokens,
    top_p: float | None = None,
    top_k: int | None = None,
    min_p: float | None = None,
    seed: int = DEFAULTS.seed,
    prompts: Prompts = Prompts(),  # noqa: B008 - frozen
    **arguments: Any,
) -> Trajectories:
    """Solves one question. Returns every explored trajectory, best first; the pick has `chosen` set. Nothing is stored.

    `answer` is the known answer, for parts that read the answer key. If `answer` is given, each draft is compared with
    it at the end and gets a grade by `oracle`. `arguments` are the arguments of `build`: samples, grader, critic,
    watch, and the strategy's own arguments. Raises PartError for an unknown part or argument, and ModelError if the
    model can't be used at all.
    """
    problem = Problem(question, answer, kind=kind)
    keys = Keyring({problem.problem_id: answer}) if answer is not None else None
    sampling = Sampling(temperature, max_tokens, seed, Truncation(top_p, top_k, min_p))
    client = Client(route(model, api_base, chat_template=prompts.chat), sampling=sampling, prompts=prompts)
    try:
        agent = build(strategy, client, keys=keys, **arguments)
        explored = await agent(problem.ask())
        if keys is None:
            return Trajectories(explored)
        if keys.was_opened(problem.ask().unit):
            explored = [replace(trajectory, oracle_used=True) for trajectory in explored]
        return Trajectories(await add_oracle_grades(explored, problem))
    finally:
        await client.close()


async def add_oracle_grades(trajectories: Sequence[Trajectory], problem: Problem) -> list[Trajectory]:
    """Returns the trajectories with a grade by `oracle` for every draft. The agent has ended by then, so this use of
    the answer key does not mark the trajectories `oracle_used`."""
    keys = Keyring({problem.problem_id: problem.answer})
    async with Checker() as checker:
        grades = await grade_drafts([oracle(keys, checker=checker)], trajectories)
    return [
        replace(trajectory, grades=(*trajectory.grades, *_missing_grades(trajectory, grades)))
        for trajectory in trajectories
    ]


def _missing_grades(trajectory: Trajectory, grades: Sequence[Grade]) -> list[Grade]:
    """Returns those of `grades` that belong to a turn of this trajectory and are not in the trajectory yet."""
    has = {(one.grader, one.turn) for one in trajectory.grades if one.step_id is None}
    return [g for g in grades if g.trajectory_id == trajectory.trajectory_id and (g.grader, g.turn) not in has]
