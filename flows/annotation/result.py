"""The result of a run of `annotate`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from redraft.llm.usage import Amount
from redraft.store.errors import plural
from redraft.store.html import notes, table
from redraft.store.tables.sql import literal
from redraft.store.tables.store import Store


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


def read_annotation(store: Store, run_id: str, grader: str, known: int) -> Annotation:
    """Returns the counts of a run that has ended, from the store. If a unit was done in several attempts of the run,
    the last one counts."""
    counts, lost = store.queries(*(sql.format(own=OWN.format(run=literal(run_id))) for sql in (COUNTS, LOST)))
    drafts, values, steps, rollouts, failed = counts.rows[0]
    found = Annotation(store.path, run_id, grader, drafts, values, steps, rollouts, known, failed)
    return replace(found, lost={reason or "the grader gave no reason": count for reason, count in lost.rows})


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


OWN = """
WITH own AS (
    SELECT commit_id, status FROM raw.commits WHERE run_id = {run}
    QUALIFY row_number() OVER (PARTITION BY unit_id ORDER BY attempt DESC) = 1
), judged AS (
    SELECT commit_id, trajectory_id, turn, value, reason FROM raw.grades SEMI JOIN own USING (commit_id)
    WHERE elsewhere AND step_id IS NULL
)"""
"""The last attempts of a run at its units, and the drafts that they judged."""

COUNTS = """{own}
SELECT (SELECT count(*) FROM judged), (SELECT count(value) FROM judged),
    (SELECT coalesce(sum(list_aggregate("values", 'count')), 0)::BIGINT
     FROM raw.step_grades SEMI JOIN judged USING (commit_id, trajectory_id, turn)),
    (SELECT count(DISTINCT trajectory_id) FROM raw.turns SEMI JOIN own USING (commit_id) WHERE role = 'rollout'),
    (SELECT count(*) FROM own WHERE status = 'failed')"""

LOST = """{own}
SELECT reason, count(*) AS drafts FROM judged WHERE value IS NULL GROUP BY reason ORDER BY drafts DESC, reason"""
