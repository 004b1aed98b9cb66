"""The unit of work: one problem under one recipe and replicate, with all results of solving it."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from msgspec import Struct, field
from msgspec.structs import replace

from redraft.store.calls import Call, Choices, Prompt
from redraft.store.digest import digest
from redraft.store.problems import Problem
from redraft.store.trajectory import Grade, Trajectory


def unit_id(recipe: str, problem_id: str, replicate: str) -> str:
    """Returns the id of the unit of work of a recipe, a problem and a replicate."""
    return digest("unit", recipe, problem_id, replicate)


def answers_id(unit: str, number: int) -> str:
    """Returns the id of the unit that holds the answers to rewrite number `number` of the unit `unit`."""
    return digest("answers", unit, number)


def key_hash(problem: Problem) -> str:
    """Returns a digest of the key by which a unit is judged. A missing key has a digest too. A unit is judged again if
    its stored digest differs from the digest of the problem's present key."""
    return _key_hash(problem.kind, problem.answer)


@lru_cache(maxsize=4096)  # many problems have the same answer
def _key_hash(kind: str, answer: str | None) -> str:
    return digest("key", kind, answer)


class Done(Struct, frozen=True):
    """The state of a unit in the store: its highest published attempt (from 1), the number of samples that were
    requested, its status, and the `key_hash` of the key that it was judged by."""

    attempt: int
    samples: int
    status: str  # "done", "failed" or "cut"
    key_hash: str = ""


class Rewrite(Struct, frozen=True):
    """A question that was made from a problem by augmentation. It was accepted, or `refused` has the reason. `question`
    is None if no question could be made. `problem` is the new problem, if it was accepted and differs from the
    original. `answers` is the number of sampled answers, and `agreed` the number of those that equal `answer`. `drafts`
    are the drafts of the new problem, and `grades` are their grades."""

    augmentation: str  # the name of the method
    question: str | None = None
    answer: str | None = None
    refused: str | None = None  # the reason, as "kind: details"; None if it was accepted
    problem: Problem | None = None
    answers: int = 0
    agreed: int = 0
    drafts: tuple[Trajectory, ...] = ()
    grades: tuple[Grade, ...] = ()

    @property
    def confidence(self) -> float | None:
        return self.agreed / self.answers if self.answers else None


class Unit(Struct, frozen=True):
    """A finished unit, ready to be published. Raises ValueError if a grade has step values, but not one for each step
    of its draft."""

    unit_id: str
    run_id: str
    recipe: str
    problem_id: str
    replicate: str
    attempt: int  # 1, 2, ...: the views show the highest published one
    samples: int  # the number that was requested
    status: str  # "done"; "failed" if a trajectory failed; "cut" if the run's budget was used up
    trajectories: tuple[Trajectory, ...]
    grades: tuple[Grade, ...]
    calls: tuple[tuple[Call, Choices], ...]  # the calls that are not yet in the store
    started_at: datetime  # UTC
    finished_at: datetime
    key_hash: str = ""  # the `key_hash` of the key that its drafts were judged by
    prompts: Mapping[str, Prompt] = field(default_factory=dict)  # the prompts of its calls, by prompt hash
    judged: tuple[Trajectory, ...] = ()  # trajectories of other units that this unit only grades
    rewrites: tuple[Rewrite, ...] = ()  # questions made from the problem; the answers to each form another unit

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
        """Returns the units that hold the answers to the new problems of this unit."""
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
