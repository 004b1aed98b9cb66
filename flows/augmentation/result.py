"""The result of a run of `augment`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

from redraft.llm.usage import Amount
from redraft.store.errors import plural
from redraft.store.html import notes, table
from redraft.store.unit import Rewrite


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

    def count(self, rewrites: Sequence[Rewrite], *, failed: bool) -> None:
        """Adds the rewrites of one problem to the counts. If a call failed, only the failure is counted, because the
        problem is tried again."""
        self.problems += 1
        self.failed += failed
        if failed:
            reasons = [rewrite.refused for rewrite in rewrites if (rewrite.refused or "").startswith(FAILED)]
            self.failure = self.failure or next((reason.partition(": ")[2] for reason in reasons if reason), "")
            return  # the next try counts them
        for rewrite in rewrites:
            self.rewrites += rewrite.question is not None
            self.accepted += rewrite.refused is None
            if rewrite.refused is not None:
                kind = rewrite.refused.partition(":")[0]
                self.refused[kind] = self.refused.get(kind, 0) + 1

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


FAILED = ("not made", "not tested")
"""The prefixes of the reasons of questions that a failed call prevented."""
NOTHING = 'No rewrite was accepted: `redraft query "FROM rewrites"` shows each with the reason.'


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
