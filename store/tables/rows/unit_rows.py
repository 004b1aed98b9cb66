"""Makes the rows of the tables in `raw` from a unit of work. The values of a row are in the order of the columns."""

from collections.abc import Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from redraft.store.calls import Call, Choices
from redraft.store.json_records import exact, strict
from redraft.store.problems import Problem
from redraft.store.tables.rows.grade_rows import grade_row, step_grade_rows, verdicts
from redraft.store.tables.rows.turn_rows import turn_rows
from redraft.store.trajectory import Trajectory
from redraft.store.unit import Rewrite, Unit

Row = tuple[Any, ...]


def utc(moment: datetime | None = None) -> str:
    """Returns a time as the text of a UTC timestamp; by default the current time."""
    return (moment or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")


def unit_rows(unit: Unit, calls: Sequence[tuple[Call, Choices]], commit_id: int) -> dict[str, list[Row]]:
    """Returns the rows of one unit, by table of `raw`. A step that several trajectories share has only one row."""
    rollouts = _rollouts(unit)
    explored = (*rollouts, *unit.trajectories)
    stored_elsewhere = {step.step_id for trajectory in unit.judged for step in trajectory.steps}
    steps = {
        step.step_id: step
        for trajectory in explored
        for step in trajectory.steps
        if step.step_id not in stored_elsewhere
    }
    own = {trajectory.trajectory_id: trajectory for trajectory in explored}
    judged = {trajectory.trajectory_id: trajectory for trajectory in unit.judged} | own
    grades = (*unit.grades, *(grade for trajectory in rollouts for grade in trajectory.grades))
    found = verdicts(grades)
    return {
        "steps": [(commit_id, *_step_row(step)) for step in steps.values()],
        "turns": [(commit_id, *row) for trajectory in explored for row in turn_rows(trajectory, found)],
        "grades": [
            (commit_id, *grade_row(grade, judged.get(grade.trajectory_id), grade.trajectory_id not in own))
            for grade in grades
        ],
        "step_grades": [
            (commit_id, *row)
            for grade in grades
            if grade.steps and grade.step_id is None and grade.trajectory_id in judged
            for row in step_grade_rows(grade, judged[grade.trajectory_id])
        ],
        "calls": [(commit_id, *_call_row(call, choices)) for call, choices in calls],
        "prompts": [(commit_id, prompt_hash, exact(dict(prompt))) for prompt_hash, prompt in unit.prompts.items()],
        "rewrites": [(commit_id, number, *_rewrite_row(one)) for number, one in enumerate(unit.rewrites)],
        "commits": [
            (commit_id, unit.unit_id, unit.attempt, unit.run_id, unit.recipe, unit.problem_id, unit.replicate,
             unit.samples, unit.status, utc(unit.started_at), utc(unit.finished_at), utc(), unit.key_hash)
        ],
    }  # fmt: skip


def _rewrite_row(rewrite: Rewrite) -> Row:
    problem_id = rewrite.problem.problem_id if rewrite.problem else None
    return (
        rewrite.augmentation, problem_id, rewrite.question, rewrite.answer, rewrite.refused, rewrite.confidence,
        rewrite.answers, rewrite.agreed,
    )  # fmt: skip


def _rollouts(unit: Unit) -> tuple[Trajectory, ...]:
    """Returns the rollouts in the unit's grades that are not among its trajectories."""
    rollouts = {rollout.trajectory_id: rollout for grade in unit.grades for rollout in grade.rollouts}
    if not rollouts:
        return ()
    drafts = {trajectory.trajectory_id for trajectory in unit.trajectories}
    return tuple(rollout for trajectory_id, rollout in rollouts.items() if trajectory_id not in drafts)


def problem_row(problem: Problem, added_at: str) -> Row:
    """Returns a row of raw.problems."""
    return (
        problem.problem_id, problem.source, problem.split, problem.question, problem.answer, problem.kind,
        problem.level, problem.subject, problem.parent_id, problem.augmentation, strict(dict(problem.meta)), added_at,
    )  # fmt: skip


_step_row = attrgetter(
    "step_id", "parent_id", "prefix_key", "depth", "turn", "by", "text", "final", "tokens", "logprob", "value",
    "visits", "call_id",
)  # fmt: skip


def _call_row(call: Call, choices: Choices) -> Row:
    return (
        call.call_id, call.purpose, call.place, call.first, call.n, call.model, call.prompt_hash,
        exact(dict(call.params)), call.prompt_tokens, call.completion_tokens, call.cached_tokens,
        call.reasoning_tokens, call.cost_usd, call.latency_ms, call.attempts, call.finish_reason, call.error,
        exact(list(choices)), call.answered_at and datetime.fromtimestamp(call.answered_at, UTC),
        call.failed_tries and exact(dict(call.failed_tries)),
    )  # fmt: skip
