"""What the readers of other people's labelled solutions share: a row becomes trajectories with the grades they had."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from redraft.graders.answers.extract import extract
from redraft.graders.rewards.aggregate import Neutral, positive
from redraft.store.problems import Kind, Problem, Question
from redraft.store.trajectory import Detail, Grade, Role, Stop, Trajectory, Verdict

SEPARATOR = "\n\n"


class Dropped(Exception):
    """A row that is left out on purpose; the message says why, in the same words for every such row."""


@dataclass(frozen=True, slots=True)
class Context:
    """How rows are read: where they come from, and as what a neutral step counts."""

    source: str
    unit: str  # of this row
    split: str | None = None
    neutral: Neutral = "positive"
    separator: str = SEPARATOR


@dataclass(slots=True)
class Imported:
    """A problem, what was written about it, and what was said of that."""

    problem: Problem
    paths: list[Trajectory] = field(default_factory=list)
    grades: list[Grade] = field(default_factory=list)

    def add(self, path: Trajectory, grade: Grade | None = None) -> None:
        """One more trajectory, with its grade."""
        self.paths.append(path)
        if grade is not None:
            self.grades.append(replace(grade, trajectory_id=path.trajectory_id, turn=path.turn))


def written(
    question: Question, texts: Sequence[str], *, role: Role = Role.SAMPLE, ended: bool = True, sibling: int = 0
) -> Trajectory:
    """A draft of these steps, whose answer is read as every other's. `sibling` is the number of its last step."""
    path = Trajectory(question, role=role)
    for number, text in enumerate(texts, start=1):
        last = number == len(texts)
        path = path.grow(text, sibling if last else 0, final=ended and last)
    if not ended:
        return path
    return replace(path, stop=Stop.ANSWERED, answer=extract(path.text(), question.kind))


def rated(details: Sequence[Detail | None], by: str, person: str | None, neutral: Neutral) -> Grade:
    """A grade whose steps have these details; None is a step that nobody rated, and has no value. The draft has a value
    where every step has one: the least."""
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


def told(verdict: bool, person: str | None) -> Grade:
    """A person's verdict on a whole draft."""
    return Grade(
        "human",
        "",
        1,
        value=float(verdict),
        verdict=Verdict.RIGHT if verdict else Verdict.WRONG,
        grader_model=person,
    )


def problem_of(context: Context, question: str, answer: str | None = None, **meta: object) -> Problem:
    """A row's problem; equal questions of one source are one problem."""
    kept = {name: value for name, value in meta.items() if value is not None}
    return Problem(
        question.strip(), answer or None, source=context.source, split=context.split, kind=Kind.MATH, meta=kept
    )


GOOD, NEUTRAL, BAD = Detail(1.0, 0.0, 0.0), Detail(0.0, 1.0, 0.0), Detail(0.0, 0.0, 1.0)
