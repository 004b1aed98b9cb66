"""Stores that a test writes by hand: each trajectory is a mapping of facts."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.filter import filter
from redraft.store import Grade, Problem, Role, Stop, Store, Trajectory, Verdict, replace
from redraft.store.unit import Unit, unit_id

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
Facts = Mapping[str, Any]
VERDICTS = {True: Verdict.RIGHT, False: Verdict.WRONG, None: Verdict.UNDECIDED}


def written(store: Store, problems: Sequence[Problem], drafts: Mapping[str, Sequence[Facts]]) -> Store:
    """Publishes a unit for each problem of `drafts`. Facts of a trajectory: `text`, `answer`, `right`, `oracle` (it was
    used), `stop`, `value` (of the grader prm), `model` (of that grader), `role`."""
    store.add(problems)
    asked = {problem.problem_id: problem for problem in problems}
    run = store.start_run("generate", "r", "best_of_n", "m", {})
    for name, facts in drafts.items():
        unit = unit_id("r", name, "")
        made, grades = [], []
        for sample, given in enumerate(facts):
            role = Role(given.get("role", "sample"))
            drawn = Trajectory(asked[name].ask(unit), sample=sample, role=role, oracle_used=given.get("oracle", False))
            drawn = drawn.grow(
                given.get("text", f"It is {given.get('answer')}."), sample, tokens=given.get("tokens", 5)
            )
            stop = Stop(given.get("stop", "answered"))
            made.append(replace(drawn, answer=given.get("answer"), stop=stop, reason=given.get("reason")))
            ident = made[-1].trajectory_id
            if "right" in given:
                grades.append(Grade("oracle", ident, 1, None, VERDICTS[given["right"]]))
            if "value" in given:
                grades.append(Grade("prm", ident, 1, given["value"], grader_model=given.get("model", "m")))
        facts_of_unit = (name, "", 1, len(made), "done", tuple(made), tuple(grades), (), NOON, NOON)
        store.publish([Unit(unit, run, "r", *facts_of_unit)])
    return store


@pytest.fixture
def by_hand(tmp_path: Path) -> Callable[..., Store]:
    """Returns a function that makes a store of problems, or of the question "p?" a problem, and drafts by problem."""

    def make(drafts: Mapping[str, Sequence[Facts]], problems: Sequence[Problem] = ()) -> Store:
        asked = problems or [Problem(f"{name}?", "1", problem_id=name) for name in drafts]
        return written(Store(tmp_path / "r.duckdb"), asked, drafts)

    return make


Outcome = dict[str, str | None]


@pytest.fixture
def outcome() -> Callable[..., Any]:
    """Returns a function that filters a store, and returns the reason of each trajectory as "problem.sample"; None if
    it is kept."""

    async def outcome(store: Store, filters: Sequence[Any], **given: Any) -> Outcome:
        found = await filter(db=store, filters=filters, **given)
        rows = store.query(OUTCOME, {"dataset": found.dataset_id}).rows
        assert found.kept == sum(reason is None for _, reason in rows)
        return dict(rows)

    return outcome


OUTCOME = """
SELECT problem_id || '.' || sample, dropped_because FROM dataset_rows JOIN trajectories USING (trajectory_id)
WHERE dataset_id = $dataset ORDER BY problem_id, sample"""
