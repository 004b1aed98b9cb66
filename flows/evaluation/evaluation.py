"""The results of an evaluation, with notes about how to interpret them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from redraft.flows.evaluation.result import Baseline, MethodResult
from redraft.flows.evaluation.table import footnotes, tables
from redraft.store.errors import plural
from redraft.store.html import GREY, notes, table, title


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A comparison of methods on the same problems. A problem is included if every method has judged drafts of it.
    `asked` is the number of problems before this selection."""

    db: str
    asked: int
    problems: int
    tasks: Sequence[str]  # several given sources, else the sources that the problems name
    methods: Sequence[MethodResult]
    baselines: Sequence[Baseline] = ()
    temperature: float = 1.0
    concurrency: int = 1  # maximum number of concurrent calls
    spent: str | None = None  # a sentence that names the budget that was used up
    not_reached: Sequence[str] = ()  # methods that the budget did not reach
    taken: int = 0  # problems left out because an export of this store has them
    of_training: int = 0  # problems of a training split
    remarks: Sequence[str] = ()  # violated items of flows/evaluation/checklist.py

    @property
    def failed(self) -> int:
        """Returns the number of failed trajectories. A repeated command tries them again."""
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
        """Returns the title of the tables: the number of problems and their tasks."""
        names = ", ".join(task or "unnamed" for task in self.tasks)
        return f"{plural(self.problems, 'problem')} ({names}), shares with 95% intervals"

    def footnotes(self) -> list[str]:
        """Returns the sentences that explain the tables."""
        return footnotes(self.methods, self.baselines, self.problems, self.concurrency) if self.problems else []

    def caveats(self) -> list[str]:
        """Returns the reasons to doubt the numbers, each as one or two sentences: failures, budgets, and the
        checklist."""
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
