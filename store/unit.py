"""The unit of work: one problem under one recipe and replicate, with all results of solving it."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from redraft.store.calls import Call, Choices, Prompt
from redraft.store.digest import digest
from redraft.store.problems import Problem
from redraft.store.trajectory import Grade, Trajectory


def unit_id(recipe: str, problem_id: str, replicate: str) -> str:
    """Returns the id of one unit of work."""
    return digest("unit", recipe, problem_id, replicate)


def answers_id(unit: str, number: int) -> str:
    """Returns the id of the unit of the answers to a unit's rewrite."""
    return digest("answers", unit, number)


def key_hash(problem: Problem) -> str:
    """Returns a digest of the key by which a unit was judged; a missing key has a digest too. If the digest of a unit
    differs from the problem's present digest, the unit is judged again."""
    return digest("key", problem.kind, problem.answer)


class Done(Struct, frozen=True):
    """The state of a unit in the store: its highest published attempt (from 1), the samples asked for, its status, and
    the `key_hash` of the problem that it was judged by."""

    attempt: int
    samples: int
    status: str  # "done", "failed" or "cut"
    key_hash: str = ""


class Rewrite(Struct, frozen=True):
    """A question that was made from a problem, accepted or refused; or the reason why nothing could be made, without a
    question. `problem` is the new problem, if it was accepted and is not the original one. `confidence` is the share of
    the sampled `answers` that equal the `answer`, and `agreed` their number. `drafts` are the answers to the new
    problem, and `grades` judge them."""

    augmentation: str  # the name of the method
    question: str | None = None
    answer: str | None = None
    refused: str | None = None  # the reason, whose kind ends at the first colon; None if it was accepted
    problem: Problem | None = None
    answers: int = 0
    agreed: int = 0
    drafts: tuple[Trajectory, ...] = ()
    grades: tuple[Grade, ...] = ()

    @property
    def confidence(self) -> float | None:
        return self.agreed / self.answers if self.answers else None


class Unit(Struct, frozen=True):
    """A finished unit, ready to be published. Raises ValueError for a grade that fits none of its drafts."""

    unit_id: str
    run_id: str
    recipe: str
    problem_id: str
    replicate: str
    attempt: int  # 1, 2, ...: the views show the highest published one
    samples: int  # how many were asked for
    status: str  # "done"; "failed" if a trajectory failed; "cut" if the run's budget was used up
    trajectories: tuple[Trajectory, ...]
    grades: tuple[Grade, ...]
    calls: tuple[tuple[Call, Choices], ...]  # the calls that the store has not got yet
    started_at: datetime  # UTC
    finished_at: datetime
    key_hash: str = ""  # of the problem that its drafts were judged by
    prompts: Mapping[str, Prompt] = field(default_factory=dict)  # of its calls, by their hashes
    judged: tuple[Trajectory, ...] = ()  # trajectories of other units, of which it holds only grades
    rewrites: tuple[Rewrite, ...] = ()  # what was made of the problem; the answers to each are a unit of their own

    def __post_init__(self) -> None:
        drafts = {trajectory.trajectory_id: trajectory for trajectory in (*self.judged, *self.trajectories)}
        for grade in self.grades:
            if not grade.steps or grade.trajectory_id not in drafts:
                continue
            steps = len(drafts[grade.trajectory_id].draft(grade.turn))
            if len(grade.steps) != steps:
                raise ValueError(
                    f"grader {grade.grader!r} gave {len(grade.steps)} step values for turn {grade.turn} of"
                    f" {grade.trajectory_id}, which has {steps} steps: give one a step, or none"
                )

    def answered(self) -> list["Unit"]:
        """Returns the units of the answers to the new problems of this unit."""
        return [
            replace(
                self,
                unit_id=answers_id(self.unit_id, number),
                problem_id=rewrite.problem.problem_id,
                samples=rewrite.answers,
                trajectories=rewrite.drafts,
                grades=rewrite.grades,
                calls=(),
                key_hash=key_hash(rewrite.problem),
                prompts={},
                judged=(),
                rewrites=(),
            )
            for number, rewrite in enumerate(self.rewrites)
            if rewrite.problem is not None and rewrite.drafts
        ]
