"""The results of an evaluation, with the notes that a reader needs to judge them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from redraft.flows.evaluation.result import Baseline, MethodResult
from redraft.flows.evaluation.table import footnotes, tables
from redraft.store.errors import plural
from redraft.store.html import GREY, notes, table, title


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A comparison of methods on the same problems. A problem counts if every method has judged drafts of it; `asked`
    is the number of problems before that choice."""

    db: str
    asked: int
    problems: int
    tasks: Sequence[str]  # the given sources if there are several, else the sources that the problems name
    methods: Sequence[MethodResult]
    baselines: Sequence[Baseline] = ()
    temperature: float = 1.0
    concurrency: int = 1  # the most calls that were in flight at once
    spent: str | None = None  # a sentence that names the budget that was used up
    not_reached: Sequence[str] = ()  # methods that the budget did not reach
    taken: int = 0  # problems left out since an export of this store contains them
    of_training: int = 0  # problems of a training split
    remarks: Sequence[str] = ()  # broken items of flows/evaluation/checklist.py

    @property
    def failed(self) -> int:
        """Returns how many trajectories failed. The same command tries them again."""
        return sum(sum(method.failures.values()) for method in self.methods)

    def __repr__(self) -> str:
        last = [f"{one.label} {one.last.accuracy.estimate:.1%} right" for one in self.methods if one.last]
        return f"<Evaluation {plural(self.problems, 'problem')}, {', '.join(last) or 'nothing measured'}: {self.db}>"

    def _repr_html_(self) -> str:
        grids = [table(rows, head, caption) for caption, head, rows in tables(self.methods, bool(self.baselines))]
        below = notes(self.footnotes(), GREY) + notes(self.caveats())
        return "".join([title(self.heading), *grids, below])

    @property
    def heading(self) -> str:
        """Returns the number of problems and their tasks, as the title of the tables."""
        names = ", ".join(task or "unnamed" for task in self.tasks)
        return f"{plural(self.problems, 'problem')} ({names}), shares with 95% intervals"

    def footnotes(self) -> list[str]:
        """Returns the sentences that a reader needs to understand the tables."""
        return footnotes(self.methods, self.baselines, self.problems, self.concurrency) if self.problems else []

    def caveats(self) -> list[str]:
        """Returns the reasons to doubt the numbers, in a sentence or two each: failures, budgets, and the checklist."""
        found = [
            f"{method.label}: {count:,} failed: {reason}"
            for method in self.methods
            for reason, count in method.failures.items()
        ]
        if found:
            found.append("The tables leave out failed trajectories. The same command tries them again.")
        if self.spent:
            left = ", ".join(self.not_reached)
            found.append(
                f"{self.spent} The same command continues from here{f'; not started: {left}' if left else ''}."
            )
        return [*found, *self.remarks]

    def to_json(self) -> str:
        """Returns the fields as one JSON object."""
        return json.dumps(asdict(self))
