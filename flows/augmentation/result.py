"""The result of a run of `augment`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

from redraft.llm.usage import Amount
from redraft.store.errors import plural
from redraft.store.html import notes, table
from redraft.store.tables.sql import literal
from redraft.store.tables.store import Store


@dataclass(slots=True)
class MethodResult:
    """The counts of one method. `rewrites` counts new questions, and `refused` counts the refused ones by kind of
    reason. `known` counts problems that earlier runs have done. `failed` counts problems with a failed call, and
    `failure` is the reason of the first failure."""

    method: str
    run_id: str
    problems: int = 0
    known: int = 0
    rewrites: int = 0
    accepted: int = 0
    failed: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    recipe: str = ""
    failure: str = ""

    def __str__(self) -> str:
        if self.known and not self.problems:
            return f"{self.method}: {plural(self.known, 'problem')} done before, none left"
        why = f" ({self.failure})" if self.failure else ""
        failed = f"; {plural(self.failed, 'problem')} failed{why}: the same command tries again" if self.failed else ""
        refused = ", ".join(f"{count:,} {kind}" for kind, count in self.refused.items())
        known = f"; {plural(self.known, 'problem')} done before" if self.known else ""
        return (
            f"{self.method}: {self.accepted:,} of {plural(self.rewrites, 'rewrite')} accepted"
            f"{f' ({refused})' if refused else ''}{known}{failed}"
        )


@dataclass(slots=True)
class AugmentResult:
    """The counts of a run, with a MethodResult for each method. `left_out` maps each method that could not run to the
    reason."""

    db: str
    methods: list[MethodResult] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    spent: str | None = None  # a sentence that names the budget that is used up
    used: Amount | None = None  # how much of the run's budget was used, if it has one

    @property
    def accepted(self) -> int:
        return sum(method.accepted for method in self.methods)

    @property
    def failed(self) -> int:
        return sum(method.failed for method in self.methods)

    def __str__(self) -> str:
        lines = [str(method) for method in self.methods]
        nothing = [] if self.accepted or any(method.known for method in self.methods) else [NOTHING]
        stopped = f"; stopped: {self.spent}" if self.spent else ""
        made = plural(self.accepted, "rewrite") if any(method.problems for method in self.methods) else "no new rewrite"
        kept = f"{made} accepted: kept in {self.db}{stopped}"
        return "\n".join([*lines, kept, *nothing])

    def _repr_html_(self) -> str:
        rows = [
            (method.method, f"{method.accepted:,} of {method.rewrites:,}", ", ".join(method.refused))
            for method in self.methods
        ]
        return table([*rows, ("data", self.db, "")]) + notes([self.spent] if self.spent else [])


NOTHING = 'No rewrite was accepted: `redraft query "FROM rewrites"` shows each with the reason.'


def read_method(store: Store, run_id: str, method: str, recipe: str, known: int) -> MethodResult:
    """Returns the counts of a run of one method that has ended, from the store. If a problem was done in several
    attempts of the run, the last one counts. Problems that a budget cut short do not count."""
    sqls = (sql.format(own=OWN.format(run=literal(run_id))) for sql in (UNITS, REWRITES, REFUSED, FAILURE))
    units, rewrites, refused, failure = (table.rows for table in store.queries(*sqls))
    [(problems, failed)], [(made, accepted)] = units, rewrites
    reasons = [reason.partition(": ")[2] for (reason,) in failure]
    return MethodResult(
        method, run_id, problems, known, made, accepted, failed, dict(refused), recipe, reasons[0] if reasons else ""
    )


def sum_of_augment_tries(tries: Sequence[AugmentResult]) -> AugmentResult:
    """Returns the sum of the counts of several tries of one run, in order. Only the failed problems of the last try are
    counted."""
    first, last = tries[0], tries[-1]
    for method in last.methods:
        earlier = [one for each in tries[:-1] for one in each.methods if one.method == method.method]
        method.problems += sum(one.problems - one.failed for one in earlier)
        method.rewrites += sum(one.rewrites for one in earlier)
        method.accepted += sum(one.accepted for one in earlier)
        counts = [one.refused for one in earlier] + [method.refused]
        method.refused = {kind: sum(each.get(kind, 0) for each in counts) for kind in dict.fromkeys(chain(*counts))}
        method.known = next((one.known for one in first.methods if one.method == method.method), method.known)
    return last


OWN = """
WITH last AS (
    SELECT commit_id, status, problem_id FROM raw.commits WHERE run_id = {run}
    QUALIFY row_number() OVER (PARTITION BY unit_id ORDER BY attempt DESC) = 1
), made AS (
    SELECT commit_id, problem_id FROM raw.rewrites SEMI JOIN last USING (commit_id)
), own AS (
    FROM last WHERE commit_id IN (SELECT commit_id FROM made)
    OR problem_id NOT IN (SELECT problem_id FROM made WHERE problem_id IS NOT NULL)
)"""
"""The last attempts of a run at its problems. The answers to new questions are units of the run too, and left out."""

UNITS = """{own}
SELECT count(*) FILTER (status <> 'cut'), count(*) FILTER (status = 'failed') FROM own"""

REWRITES = """{own}
SELECT count(question), count(*) FILTER (refused IS NULL)
FROM raw.rewrites SEMI JOIN (FROM own WHERE status = 'done') done USING (commit_id)"""

REFUSED = """{own}
SELECT split_part(refused, ':', 1) AS kind, count(*)
FROM raw.rewrites SEMI JOIN (FROM own WHERE status = 'done') done USING (commit_id)
WHERE refused IS NOT NULL GROUP BY kind ORDER BY min((commit_id, number))"""

FAILURE = """{own}
SELECT refused FROM raw.rewrites SEMI JOIN (FROM own WHERE status = 'failed') failed USING (commit_id)
WHERE starts_with(refused, 'not made') OR starts_with(refused, 'not tested') ORDER BY commit_id, number LIMIT 1"""
"""A question that a failed call prevented."""
