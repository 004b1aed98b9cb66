"""The end of a run whose units cannot be stored: one error, a run that has ended, and answers that are not lost."""

from pathlib import Path

import duckdb
import pytest

from redraft.agents import Agent, Policy
from redraft.flows import generate
from redraft.llm import Scripted
from redraft.store import Problem, Question, RedraftError, Store, Trajectory, replace


@pytest.mark.parametrize("broken", [True, False])
async def test_a_run_has_ended_even_if_its_units_cannot_be_stored(tmp_path: Path, broken: bool) -> None:
    """Somebody renames a table of the store while the run is at work. Once the table is back, the same run goes on from
    the answers in its journal."""
    db, asked = tmp_path / "redraft.duckdb", []

    def rename(old: str, new: str) -> None:
        with duckdb.connect(str(db)) as connection:
            connection.execute(f"ALTER TABLE raw.{old} RENAME TO {new}")

    def solver(policy: Policy, *, samples: int = 1) -> Agent:
        async def solve(question: Question) -> list[Trajectory]:
            drafts = await policy(Trajectory(question), samples)
            if broken:
                rename("steps", "elsewhere")
            return [replace(drafts[0], chosen=True)]

        return solve

    def answer(request: object, index: int) -> str:
        asked.append(request)
        return "#### 2"

    async def run() -> int:
        problems = [Problem("What is 1 + 1?", "2")]
        return (await generate(problems, db=db, model=Scripted(answer), strategy=solver, samples=1)).trajectories

    if broken:
        with pytest.raises((RedraftError, duckdb.Error), match="steps"):
            await run()
        assert Store(db).query("SELECT status FROM runs").rows == [("failed",)]
        rename("elsewhere", "steps")
        broken = False
    assert await run() == 1
    assert len(asked) == 1
    assert Store(db).query("SELECT status FROM runs ORDER BY started_at").rows[-1] == ("finished",)
