"""What `solve` returns: a list that a notebook shows."""

from collections.abc import Sequence
from dataclasses import replace

from redraft.agents.measures import grade_drafts
from redraft.graders.answers.checker import Checker
from redraft.graders.oracle import oracle
from redraft.store.records import Grade, Keyring, Problem, Trajectory


class Trajectories(list[Trajectory]):
    """Trajectories, best first. A notebook shows each with its steps, its answer and its grades."""

    def _repr_html_(self) -> str:
        from redraft.store.html import trajectories  # a notebook alone asks for it

        return trajectories(self)


async def add_oracle_grades(trajectories: Sequence[Trajectory], problem: Problem) -> list[Trajectory]:
    """The trajectories, each draft with the oracle's grade where it has none. The agent is done by then, so that this
    reading of the key does not mark them `oracle_used`."""
    keys = Keyring({problem.problem_id: problem.answer})
    async with Checker() as checker:
        grades = await grade_drafts([oracle(keys, checker=checker)], trajectories)
    return [
        replace(trajectory, grades=(*trajectory.grades, *_missing_grades(trajectory, grades)))
        for trajectory in trajectories
    ]


def _missing_grades(trajectory: Trajectory, grades: Sequence[Grade]) -> list[Grade]:
    """The grades of this trajectory's turns that it has not got."""
    has = {(one.grader, one.turn) for one in trajectory.grades if one.step_id is None}
    return [g for g in grades if g.trajectory_id == trajectory.trajectory_id and (g.grader, g.turn) not in has]
