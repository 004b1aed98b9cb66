"""The protocol of every filter. A filter is a file in one of the folders here. Its one public function has the name of
the file and returns a Filter; the keyword arguments of the function are the filter's configuration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from redraft.flows.filters.sifting.candidates import Candidate
from redraft.store.tables.store import Store

DEFAULTS = ("correct", "length", "equations", "duplicates", "cap")
"""The filters that act if none are named, in this order. They suit rows for supervised fine-tuning."""


class Filter(Protocol):
    """Decides about each candidate that the filters before it kept. None keeps it; a reason in words drops it.
    Reasons are counted by their text before the first colon.

    Each run makes new filters, so a filter may remember the candidates that it has seen."""

    def __call__(self, candidate: Candidate) -> str | None: ...


@dataclass(frozen=True, slots=True)
class SqlFilter:
    """A filter that DuckDB decides, a million candidates in seconds.

    `sql` is an expression: NULL keeps a candidate, a text drops it. It may use these columns: `place` (the candidate's
    number in the order in which filters see them), `open` (whether the filters before kept it), `question` (a hash),
    `trajectory_id`, `problem_id`, `answer`, `correct`, `stop`, `tokens`, `signature`, `by_equations`, `wrong_equation`,
    `oracle_used` and `split`. They mean what they mean in a Candidate.

    `facts` adds columns, as `facts.<name>`: it is a SELECT with at most one row for each value of the columns `by`,
    which are among those above, `commit_id`, `path_id` and `turn`; or a function that returns it for a store. It may
    read the table `drafts`: each draft of the trajectories that may be candidates, with the columns above, `role`,
    `turns` and `ended`.

    `judge` is the same filter in Python. It is needed only if `sql` asks for other candidates, which is `OVER
    (PARTITION BY open, ...)`; both forms must then decide the same. A filter without it is always decided by DuckDB,
    also after a filter that has no SQL form.
    """

    judge: Callable[[Candidate], str | None] | None
    sql: str
    facts: str | Callable[[Store], str] = ""
    by: tuple[str, ...] = ()

    def __call__(self, candidate: Candidate) -> str | None:
        assert self.judge, "DuckDB decides this filter"
        return self.judge(candidate)


@dataclass(frozen=True, slots=True)
class ProblemFilter:
    """A filter that decides about all candidates of a problem at once: `judge` gets those that the filters before it
    kept, in order, and returns as many reasons; None keeps a candidate. Memory holds the candidates of one problem."""

    judge: Callable[[Sequence[Candidate]], Sequence[str | None]]

    def __call__(self, candidate: Candidate) -> str | None:
        """Decides about a candidate that is the only one of its problem."""
        [reason] = self.judge([candidate])
        return reason
