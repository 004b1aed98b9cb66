"""Makes the rows of the tables in `raw` from a unit of work. Each row's values are in the order of the columns."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from redraft.store.calls import Call, Choices
from redraft.store.json_records import exact, strict
from redraft.store.problems import Problem
from redraft.store.trajectory import Detail, Grade, Step, Stop, Trajectory
from redraft.store.unit import Unit

Row = tuple[Any, ...]


def utc(moment: datetime | None = None) -> str:
    """Returns a moment as the text of a UTC timestamp; by default the current time."""
    return (moment or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")


def unit_rows(unit: Unit, calls: Sequence[tuple[Call, Choices]]) -> dict[str, list[Row]]:
    """Returns the rows of one unit, by table. A step that several trajectories share has one row."""
    attempt = (unit.unit_id, unit.attempt)
    rollouts = _rollouts(unit)
    explored = (*rollouts, *unit.trajectories)
    stored_elsewhere = {step.step_id for trajectory in unit.judged for step in trajectory.steps}
    steps = {
        step.step_id: step
        for trajectory in explored
        for step in trajectory.steps
        if step.step_id not in stored_elsewhere
    }
    trajectories = {trajectory.trajectory_id: trajectory for trajectory in (*unit.judged, *explored)}
    grades = (*unit.grades, *(grade for trajectory in rollouts for grade in trajectory.grades))
    return {
        "raw.steps": [(*attempt, *_step_row(step)) for step in steps.values()],
        "raw.trajectories": [(*attempt, *_trajectory_row(trajectory)) for trajectory in explored],
        "raw.turns": [(*attempt, *row) for trajectory in explored for row in _turn_rows(trajectory)],
        "raw.grades": [(*attempt, *row) for grade in grades for row in _grade_rows(grade, trajectories)],
        "raw.calls": [(*attempt, *_call_row(call, choices)) for call, choices in calls],
        "raw.prompts": [(*attempt, prompt_hash, exact(dict(prompt))) for prompt_hash, prompt in unit.prompts.items()],
        "raw.commits": [
            (*attempt, unit.run_id, unit.recipe, unit.problem_id, unit.replicate, unit.samples, unit.status,
             utc(unit.started_at), utc(unit.finished_at), utc(), unit.key_hash)
        ],
    }  # fmt: skip


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


def _trajectory_row(trajectory: Trajectory) -> Row:
    leaf = trajectory.steps[-1].step_id if trajectory.steps else None
    return (
        trajectory.trajectory_id, trajectory.sample, trajectory.role, leaf, trajectory.turn, trajectory.answer,
        trajectory.score, trajectory.chosen, trajectory.stop, trajectory.tokens, trajectory.oracle_used,
        trajectory.reason,
    )  # fmt: skip


def _turn_rows(trajectory: Trajectory) -> Iterator[Row]:
    answers, stops = (*trajectory.answers, trajectory.answer), (*trajectory.stops, trajectory.stop)
    drafts: defaultdict[int, list[Step]] = defaultdict(list)
    feedback: dict[int, str] = {}
    for step in trajectory.steps:
        if step.by == "model":
            drafts[step.turn].append(step)
        else:
            feedback.setdefault(step.turn, step.text)
    for turn in range(1, trajectory.turn + 1):
        draft = drafts[turn]
        yield (
            trajectory.trajectory_id, turn, draft[-1].step_id if draft else None,
            "".join([step.text for step in draft]), _turn_value(answers, turn), _turn_value(stops, turn),
            feedback.get(turn),
        )  # fmt: skip


def _turn_value(values: tuple[Any, ...], turn: int) -> str | Stop | None:
    """Returns the value of a turn; None if the turn has no value yet."""
    return values[turn - 1] if turn <= len(values) else None


def _grade_rows(grade: Grade, trajectories: dict[str, Trajectory]) -> Iterator[Row]:
    yield _grade_row(grade, grade.step_id, grade.verdict, grade.value, NO_DETAIL)
    if grade.steps and grade.step_id is None and grade.trajectory_id in trajectories:
        details = grade.details or (NO_DETAIL,) * len(grade.steps)
        draft = trajectories[grade.trajectory_id].draft(grade.turn)
        for step, value, detail in zip(draft, grade.steps, details, strict=True):
            yield _grade_row(grade, step.step_id, None, value, detail)


def _grade_row(grade: Grade, step_id: str | None, verdict: str | None, value: float | None, detail: Detail) -> Row:
    return (
        grade.trajectory_id, step_id, grade.turn, grade.grader, grade.grader_model, verdict, value,
        detail.p_good, detail.p_neutral, detail.p_bad, detail.n, detail.lo, detail.hi, grade.reason, None,
    )  # fmt: skip


def _call_row(call: Call, choices: Choices) -> Row:
    return (
        call.call_id, call.purpose, call.place, call.first, call.n, call.model, call.prompt_hash,
        exact(dict(call.params)), call.prompt_tokens, call.completion_tokens, call.cached_tokens,
        call.reasoning_tokens, call.cost_usd, call.latency_ms, call.attempts, call.finish_reason, call.error,
        exact(list(choices)), call.answered_at and datetime.fromtimestamp(call.answered_at, UTC),
        call.failed_tries and exact(dict(call.failed_tries)),
    )  # fmt: skip


NO_DETAIL = Detail()
