"""The result of a run of `annotate`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from redraft.llm.usage import Amount
from redraft.store.errors import plural
from redraft.store.html import notes, table
from redraft.store.trajectory import Grade


@dataclass(slots=True)
class Annotation:
    """The counts of a run. `drafts` counts the graded drafts, `values` the drafts with a value, and `steps` the steps
    with a value. `known` counts drafts that an earlier run graded. `lost` counts the drafts without a value, by
    reason."""

    db: str
    run_id: str
    grader: str
    drafts: int = 0
    values: int = 0
    steps: int = 0
    rollouts: int = 0
    known: int = 0
    failed: int = 0  # units with a failed call; a repeated command retries them
    lost: dict[str, int] = field(default_factory=dict)
    spent: str | None = None  # a sentence that names the budget that is used up
    used: Amount | None = None  # how much of the run's budget was used, if it has one

    def __str__(self) -> str:
        lost = ", ".join(f"{count:,} {reason}" for reason, count in self.lost.items())
        return (
            f"{plural(self.drafts, 'draft')} judged by {self.grader}, {self.values:,} with a value,"
            f" {plural(self.steps, 'step')}"
            f"{f', {self.rollouts:,} rollouts' if self.rollouts else ''}"
            f"{f' (without a value: {lost})' if lost else ''}; {self.known:,} were known: kept in {self.db}"
            f"{f'; stopped: {self.spent}' if self.spent else ''}"
        )

    def _repr_html_(self) -> str:
        lost = [(f"without a value: {reason}", count, "drafts") for reason, count in self.lost.items()]
        counts = [
            ("drafts graded", self.drafts, f"by {self.grader}; {self.known:,} were known"),
            ("with a value", self.values, f"and {plural(self.steps, 'step')}"),
            ("rollouts", self.rollouts, ""),
        ]
        return table([*counts, *lost, ("data", self.db, "")]) + notes([self.spent] if self.spent else [])

    def count(self, grades: Sequence[Grade]) -> None:
        """Adds these grades to the counts."""
        self.drafts += len(grades)
        self.values += sum(grade.value is not None for grade in grades)
        self.steps += sum(value is not None for grade in grades for value in grade.steps)
        self.rollouts += sum(len(grade.rollouts) for grade in grades)
        for grade in grades:
            if grade.value is None:
                reason = grade.reason or "the grader gave no reason"
                self.lost[reason] = self.lost.get(reason, 0) + 1


def sum_of_tries(tries: Sequence[Annotation]) -> Annotation:
    """Returns the sum of the counts of several tries of one run, in order. The `known` of each try includes the drafts
    that earlier tries graded, so these are subtracted."""
    first, last = tries[0], tries[-1]
    drafts = last.known + last.drafts - first.known
    return replace(
        last,
        drafts=drafts,
        known=first.known,
        values=min(drafts, sum(one.values for one in tries)),
        steps=sum(one.steps for one in tries),
        rollouts=sum(one.rollouts for one in tries),
    )
