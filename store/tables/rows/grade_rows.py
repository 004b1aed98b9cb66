"""Makes the rows of raw.grades and raw.step_grades: one row for each judgement, and one for each sequence of values of
consecutive steps."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from redraft.store.tables.rows.turn_rows import path_id
from redraft.store.trajectory import Detail, Grade, Step, Trajectory


def grade_row(grade: Grade, trajectory: Trajectory | None, elsewhere: bool) -> tuple[Any, ...]:
    """Returns the row of a grade, without its commit. `trajectory` is the trajectory that the grade judges, if the unit
    has it. `elsewhere` is true if another unit stored the draft."""
    step, depth, number = grade.step_id, None, None
    if step is not None:
        depth = step.count(".") + 1
        draft = trajectory.draft(grade.turn) if trajectory else ()
        number = next((place for place, known in enumerate(draft, start=1) if known.step_id == step), None)
    return (
        path_id(grade.trajectory_id), grade.trajectory_id, grade.turn, step, depth, number, grade.grader,
        grade.grader_model, grade.verdict, grade.value, grade.reason, elsewhere,
    )  # fmt: skip


def step_grade_rows(grade: Grade, trajectory: Trajectory) -> Iterator[tuple[Any, ...]]:
    """Yields the rows of a grade's step values, without their commit. One row has the values of consecutive steps, each
    of which is the parent of the next."""
    draft = trajectory.draft(grade.turn)
    start, number = 0, path_id(grade.trajectory_id)
    for end in range(1, len(draft) + 1):
        if end < len(draft) and _follows(draft[end - 1], draft[end]):
            continue
        last = draft[end - 1].step_id
        yield (
            number, grade.trajectory_id, grade.turn, last, last.count(".") + 1, start + 1, grade.grader,
            grade.grader_model, grade.reason, list(grade.steps[start:end]), *_details(grade.details[start:end]),
        )  # fmt: skip
        start = end


def _follows(before: Step, step: Step) -> bool:
    return step.parent_id == before.step_id and step.step_id.rpartition(".")[0] == before.step_id


def _details(details: Sequence[Detail]) -> list[list[Any] | None]:
    """Returns one list for each column of evidence, with one value for each step; None for a column that has no
    value."""
    columns = [[getattr(detail, name) for detail in details] for name in Detail.__struct_fields__]
    return [column if any(value is not None for value in column) else None for column in columns]


def verdicts(grades: Sequence[Grade]) -> Mapping[tuple[str, int], Any]:
    """Returns the oracle's first verdict on each draft, by (trajectory id, turn)."""
    found: dict[tuple[str, int], Any] = {}
    for grade in grades:
        if grade.grader == "oracle" and grade.step_id is None:
            found.setdefault((grade.trajectory_id, grade.turn), grade.verdict)
    return found
