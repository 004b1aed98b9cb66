"""What `solve` returns: a list that a notebook shows."""

from collections.abc import Sequence
from dataclasses import replace

from redraft.agents.measures import judge
from redraft.graders.answers.checker import Checker
from redraft.graders.oracle import oracle
from redraft.store.records import Grade, Keyring, Problem, Trajectory


class Trajectories(list[Trajectory]):
    """Trajectories, best first. A notebook shows each with its steps, its answer and its grades."""

    def _repr_html_(self) -> str:
        from redraft.store.html import trajectories  # a notebook alone asks for it

        return trajectories(self)


async def compared(paths: Sequence[Trajectory], problem: Problem) -> list[Trajectory]:
    """The paths, each draft with the oracle's grade where it has none. The agent is done by then, so that this reading
    of the key does not mark them `oracle_used`."""
    keys = Keyring({problem.problem_id: problem.answer})
    async with Checker() as checker:
        grades = await judge([oracle(keys, checker=checker)], paths)
    return [replace(path, grades=(*path.grades, *_new(path, grades))) for path in paths]


def _new(path: Trajectory, grades: Sequence[Grade]) -> list[Grade]:
    """The grades of this path's turns that it has not got."""
    has = {(one.grader, one.turn) for one in path.grades if one.step_id is None}
    return [g for g in grades if g.trajectory_id == path.trajectory_id and (g.grader, g.turn) not in has]
