"""A unit of work as rows of the bulk tables, in the order of their columns."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from redraft.store.calls import Call, Choices
from redraft.store.json_records import exact, strict
from redraft.store.problems import Problem
from redraft.store.trajectory import Detail, Grade, Step, Stop, Trajectory
from redraft.store.units import Unit

Row = tuple[Any, ...]


def utc(moment: datetime | None = None) -> str:
    """A moment, now by default, as the text of a UTC timestamp."""
    return (moment or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")


def rows_of(unit: Unit, calls: Sequence[tuple[Call, Choices]]) -> dict[str, list[Row]]:
    """The rows of one unit by table. A step that several trajectories share is one row."""
    mark = (unit.unit_id, unit.attempt)
    thrown = _thrown(unit)
    explored = (*thrown, *unit.trajectories)
    elsewhere = {step.step_id for trajectory in unit.judged for step in trajectory.steps}
    steps = {
        step.step_id: step
        for trajectory in explored
        for step in trajectory.steps
        if not elsewhere or step.step_id not in elsewhere
    }
    paths = {trajectory.trajectory_id: trajectory for trajectory in (*unit.judged, *explored)}
    grades = (*unit.grades, *(grade for trajectory in thrown for grade in trajectory.grades))
    return {
        "raw.steps": [(*mark, *_step(step)) for step in steps.values()],
        "raw.trajectories": [(*mark, *_trajectory(trajectory)) for trajectory in explored],
        "raw.turns": [(*mark, *row) for trajectory in explored for row in _turns(trajectory)],
        "raw.grades": [(*mark, *row) for grade in grades for row in _grades(grade, paths)],
        "raw.calls": [(*mark, *_call(call, choices)) for call, choices in calls],
        "raw.prompts": [(*mark, prompt_hash, exact(dict(prompt))) for prompt_hash, prompt in unit.prompts.items()],
        "raw.commits": [
            (*mark, unit.run_id, unit.recipe, unit.problem_id, unit.replicate, unit.samples, unit.status,
             utc(unit.started_at), utc(unit.finished_at), utc(), unit.key_hash)
        ],
    }  # fmt: skip


def _thrown(unit: Unit) -> tuple[Trajectory, ...]:
    """The rollouts that are in grades only."""
    found = {path.trajectory_id: path for grade in unit.grades for path in grade.rollouts}
    if not found:
        return ()
    told = {trajectory.trajectory_id for trajectory in unit.trajectories}
    return tuple(path for trajectory_id, path in found.items() if trajectory_id not in told)


def problem_row(problem: Problem, added_at: str) -> Row:
    """A row of raw.problems."""
    return (
        problem.problem_id, problem.source, problem.split, problem.question, problem.answer, problem.kind,
        problem.level, problem.subject, problem.parent_id, problem.augmentation, strict(dict(problem.meta)), added_at,
    )  # fmt: skip


_step = attrgetter(
    "step_id", "parent_id", "prefix_key", "depth", "turn", "by", "text", "final", "tokens", "logprob", "value",
    "visits", "call_id",
)  # fmt: skip


def _trajectory(path: Trajectory) -> Row:
    leaf = path.steps[-1].step_id if path.steps else None
    return (
        path.trajectory_id, path.sample, path.role, leaf, path.turn, path.answer, path.score, path.chosen, path.stop,
        path.tokens, path.oracle_used, path.reason,
    )  # fmt: skip


def _turns(path: Trajectory) -> Iterator[Row]:
    answers, stops = (*path.answers, path.answer), (*path.stops, path.stop)
    drafts: defaultdict[int, list[Step]] = defaultdict(list)
    feedback: dict[int, str] = {}
    for step in path.steps:
        if step.by == "model":
            drafts[step.turn].append(step)
        else:
            feedback.setdefault(step.turn, step.text)
    for turn in range(1, path.turn + 1):
        draft = drafts[turn]
        yield (
            path.trajectory_id, turn, draft[-1].step_id if draft else None, "".join([step.text for step in draft]),
            _at(answers, turn), _at(stops, turn), feedback.get(turn),
        )  # fmt: skip


def _at(values: tuple[Any, ...], turn: int) -> str | Stop | None:
    return values[turn - 1] if turn <= len(values) else None


def _grades(grade: Grade, paths: dict[str, Trajectory]) -> Iterator[Row]:
    yield _grade(grade, grade.step_id, grade.verdict, grade.value, NONE)
    if grade.steps and grade.step_id is None and grade.trajectory_id in paths:
        details = grade.details or (NONE,) * len(grade.steps)
        draft = paths[grade.trajectory_id].draft(grade.turn)
        for step, value, detail in zip(draft, grade.steps, details, strict=True):
            yield _grade(grade, step.step_id, None, value, detail)


def _grade(grade: Grade, step_id: str | None, verdict: str | None, value: float | None, detail: Detail) -> Row:
    return (
        grade.trajectory_id, step_id, grade.turn, grade.grader, grade.grader_model, verdict, value,
        detail.p_good, detail.p_neutral, detail.p_bad, detail.n, detail.lo, detail.hi, grade.reason, None,
    )  # fmt: skip


def _call(call: Call, choices: Choices) -> Row:
    return (
        call.call_id, call.purpose, call.place, call.first, call.n, call.model, call.prompt_hash,
        exact(dict(call.params)), call.prompt_tokens, call.completion_tokens, call.cached_tokens,
        call.reasoning_tokens, call.cost_usd, call.latency_ms, call.attempts, call.finish_reason, call.error,
        exact(list(choices)), call.answered_at and datetime.fromtimestamp(call.answered_at, UTC),
        call.failed_tries and exact(dict(call.failed_tries)),
    )  # fmt: skip


NONE = Detail()
