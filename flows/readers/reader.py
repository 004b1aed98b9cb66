"""Code that all readers share. A reader converts a row of a file, with solutions that others have labelled, to
trajectories with grades."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from redraft.graders.answers.extract import extract
from redraft.graders.rewards.aggregate import Neutral, positive
from redraft.store.problems import Kind, Problem, Question
from redraft.store.sources.answer import known_answer
from redraft.store.trajectory import Detail, Grade, Role, Stop, Trajectory, Verdict

SEPARATOR = "\n\n"


class Dropped(Exception):
    """Raised if a row is left out on purpose. The message is the reason; rows with the same reason have the same
    message."""


@dataclass(frozen=True, slots=True)
class Context:
    """The settings for reading a row: the source and split of its problem, the id of its unit, how a neutral step
    counts, and the separator of steps."""

    source: str
    unit: str  # the id of this row's unit of work
    split: str | None = None
    neutral: Neutral = "positive"
    separator: str = SEPARATOR


@dataclass(slots=True)
class Imported:
    """A problem with its trajectories and their grades."""

    problem: Problem
    paths: list[Trajectory] = field(default_factory=list)
    grades: list[Grade] = field(default_factory=list)

    def add(self, path: Trajectory, *grades: Grade) -> None:
        """Adds a trajectory with grades of its last draft."""
        self.add_graded(path, (replace(one, turn=path.turn) for one in grades))

    def add_graded(self, path: Trajectory, grades: Iterable[Grade]) -> None:
        """Adds a trajectory with grades of any of its drafts."""
        self.paths.append(path)
        self.grades.extend(replace(one, trajectory_id=path.trajectory_id) for one in grades)


def written(
    question: Question, texts: Sequence[str], *, role: Role = Role.SAMPLE, ended: bool = True, sibling: int = 0
) -> Trajectory:
    """Returns a trajectory with one draft of these steps. Its answer is extracted in the same way as from a model's
    draft. `sibling` is the index of the last step among its siblings."""
    path = Trajectory(question, role=role)
    for number, text in enumerate(texts, start=1):
        last = number == len(texts)
        path = path.grow(text, sibling if last else 0, final=ended and last)
    if not ended:
        return path
    return replace(path, stop=Stop.ANSWERED, answer=extract(path.text(), question.kind))


def answered(path: Trajectory) -> Trajectory:
    """Returns the trajectory with its last draft marked as complete. The answer is extracted in the same way as from a
    model's draft."""
    *before, last = path.steps
    steps = (*before, replace(last, final=True))
    return replace(path, steps=steps, stop=Stop.ANSWERED, answer=extract(path.text(), path.question.kind))


def rated(details: Sequence[Detail | None], by: str, person: str | None, neutral: Neutral) -> Grade:
    """Returns a grade with a value for each step. A step whose detail is None was not rated and has no value. If every
    step has a value, the value of the draft is the lowest one."""
    values = tuple(None if one is None else positive(one, neutral) for one in details)
    known = [value for value in values if value is not None]
    return Grade(
        by,
        "",
        1,
        value=min(known) if len(known) == len(values) else None,
        steps=values,
        details=tuple(one or Detail() for one in details),
        reason=None if len(known) == len(values) else "not every step was rated",
        grader_model=person,
    )


def told(verdict: bool, person: str | None, by: str = "human") -> Grade:
    """Returns the grade for a verdict on a whole draft, given by a person or by another grader."""
    return Grade(
        by,
        "",
        1,
        value=float(verdict),
        verdict=Verdict.RIGHT if verdict else Verdict.WRONG,
        grader_model=person,
    )


def problem_of(context: Context, question: str, answer: Any = None, **meta: object) -> Problem:
    """Returns the problem of a row. `answer` is the known answer in the row. Rows of one source with the same question
    have the same problem. Raises SourceError for an answer that is an object."""
    known = known_answer(answer)
    kept = {name: value for name, value in {**meta, "no_answer": known.why}.items() if value is not None}
    return Problem(
        question.strip(), known.answer, source=context.source, split=context.split, kind=Kind.MATH, meta=kept
    )


GOOD, NEUTRAL, BAD = Detail(1.0, 0.0, 0.0), Detail(0.0, 1.0, 0.0), Detail(0.0, 0.0, 1.0)
