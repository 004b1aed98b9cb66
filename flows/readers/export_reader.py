"""Reads the trajectories of documents in which `redraft export` stored all its data about them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct, ValidationError, convert
from msgspec.structs import replace

from redraft.flows.readers.reader import Context, Imported
from redraft.store.errors import SourceError
from redraft.store.problems import Problem, Question
from redraft.store.trajectory import Detail, Grade, Role, Step, Stop, Trajectory, Verdict, follow

OWN = "redraft"
"""The key for data in redraft's own documents for which the format has no field."""
T = TypeVar("T")


class OwnGrade(Struct):
    """A grade of a draft or of a step. A grade of a step is stored with the step."""

    turn: int
    grader: str
    trajectory_id: str
    grader_model: str | None = None
    verdict: Verdict | None = None
    value: float | None = None
    p_good: float | None = None
    p_neutral: float | None = None
    p_bad: float | None = None
    n: int | None = None
    lo: float | None = None
    hi: float | None = None
    reason: str | None = None


class OwnStep(Struct):
    """The data of a step. If the document has the step as a message, the step's text is there."""

    step_id: str
    turn: int
    by: str
    text: str = ""
    tokens: int = 0
    logprob: float | None = None
    value: float | None = None
    visits: int | None = None
    call_id: str | None = None
    final: bool = False
    grades: list[OwnGrade] = []


class OwnDraft(Struct):
    """The end of a draft: its turn, answer and stop."""

    answer: str | None = None
    stop: Stop | None = None


class OwnTrajectory(Struct):
    """A trajectory, identified by its last step. `grades` are the grades of whole drafts."""

    trajectory_id: str
    role: Role
    drafts: list[OwnDraft]
    leaf_step_id: str | None = None
    sample: int = 0
    stop: Stop | None = None
    score: float | None = None
    chosen: bool = False
    oracle_used: bool = False
    reason: str | None = None
    grades: list[OwnGrade] = []


class Own(Struct):
    """The data that `redraft export` adds to a document. `steps` are all steps; or `other_steps` are the steps that the
    document does not show."""

    problem: Problem
    trajectories: list[OwnTrajectory]
    steps: list[OwnStep] = []
    other_steps: list[OwnStep] = []


def own_trajectories(own: Own, shown: Iterable[OwnStep], context: Context) -> Imported:
    """Returns the trajectories of a document. `shown` are the steps that the document shows, and `own` has the others.
    Raises SourceError if a step of a trajectory is missing."""
    by_id = {step.step_id: step for step in (*own.steps, *own.other_steps, *shown)}
    found = Imported(own.problem)
    for told in own.trajectories:
        way = _way(by_id, told.leaf_step_id)
        path = _trajectory(told, way, own.problem.ask(context.unit))
        found.add_graded(path, _grades(told, way, path))
    return found


def own_part(facts: Mapping[str, Any], kind: type[T], at: str) -> T:
    """Returns a part of a document as an object of the type `kind`. Raises SourceError, which names the position `at`,
    if the part is not in redraft's form."""
    try:
        return convert(_without_null(facts), kind)
    except ValidationError as error:
        raise SourceError(f"{at}: {error}") from None
    except UnicodeEncodeError:
        raise SourceError(f"{at} has half a character (a single surrogate) where it can be none") from None


def _without_null(value: Any) -> Any:
    """Returns a value without null fields: a row of Parquet has null in every column that only other rows use."""
    if isinstance(value, Mapping):
        return {name: _without_null(one) for name, one in value.items() if one is not None}
    return [_without_null(one) for one in value] if isinstance(value, list) else value


def _way(known: Mapping[str, OwnStep], leaf: str | None) -> list[OwnStep]:
    """Returns the steps from the first step to a leaf. The id of a step is its parent's id and its number. Raises
    SourceError if a step is missing."""
    way: list[OwnStep] = []
    while leaf is not None:
        if leaf not in known:
            raise SourceError(f"the document has no step {leaf[:80]!r}, which a trajectory goes through")
        if not PLACE.fullmatch(leaf):
            raise SourceError(f"the step id {leaf[:80]!r} is no place in a tree, such as unit/0.1")
        way.append(known[leaf])
        parent, dot, _ = leaf.rpartition(".")
        leaf = parent if dot else None
    return way[::-1]


def _trajectory(told: OwnTrajectory, way: Sequence[OwnStep], question: Question) -> Trajectory:
    """Returns a trajectory with the same steps and another unit's question."""
    if not told.drafts:
        raise SourceError(f"trajectory {told.trajectory_id[:80]!r} has no drafts")
    branch = "/".join(way[0].step_id.split("/")[1:-1]) if way else ""
    question = replace(question, branch=f"{branch}/" if branch else "")
    steps: list[Step] = []
    for step in way:
        sibling = int(step.step_id.replace("/", ".").rpartition(".")[2])
        facts = {name: getattr(step, name) for name in COPIED}
        steps.append(follow(question, steps[-1] if steps else None, step.text, sibling, by=step.by, **facts))
    *before, last = told.drafts
    return Trajectory(
        question, tuple(steps), told.sample, told.role, told.stop,
        tuple(draft.stop or Stop.ANSWERED for draft in before), last.answer, tuple(draft.answer for draft in before),
        told.score, told.chosen, (), told.oracle_used, told.reason,
    )  # fmt: skip


def _grades(told: OwnTrajectory, way: Sequence[OwnStep], path: Trajectory) -> Iterator[Grade]:
    """Yields the grades of a trajectory. A grade of a whole draft contains the values of the draft's steps by the same
    grader. Other grades of steps are separate grades."""
    by_step = [(step, [grade for grade in step.grades if grade.trajectory_id == told.trajectory_id]) for step in way]
    for whole in told.grades:
        draft = [grades for step, grades in by_step if step.turn == whole.turn and step.by == "model"]
        given = _taken(draft, whole)
        values, details = tuple(grade.value for grade in given), tuple(_detail(grade) for grade in given)
        yield replace(_grade(whole), steps=values, details=details)
    for step, (_, grades) in zip(path.steps, by_step, strict=True):
        yield from (replace(_grade(grade), step_id=step.step_id) for grade in grades)


def _taken(draft: Sequence[list[OwnGrade]], whole: OwnGrade) -> list[OwnGrade]:
    """Removes from each step of a draft the first grade that belongs to a grade of the whole draft, and returns these
    grades. Returns an empty list if a step has no such grade, because a grader that grades a draft step by step gives a
    grade to every step."""
    key = (whole.turn, whole.grader, whole.grader_model)
    first = [
        next((each for each in grades if (each.turn, each.grader, each.grader_model) == key), None) for grades in draft
    ]
    found = [grade for grade in first if grade is not None]
    if len(found) < len(draft):
        return []
    for grades, grade in zip(draft, found, strict=True):
        grades.remove(grade)
    return found


def _grade(told: OwnGrade) -> Grade:
    return Grade(told.grader, "", told.turn, told.value, told.verdict, (), told.reason, told.grader_model)


def _detail(told: OwnGrade) -> Detail:
    return Detail(*(getattr(told, name) for name in Detail.__struct_fields__))


PLACE = re.compile(r".*[/.]\d{1,9}", re.DOTALL)
"""Matches the id of a step, which ends with the step's number."""
COPIED = ("turn", "tokens", "logprob", "value", "visits", "call_id", "final")
"""The fields of a step that are copied to the unit of another question."""
