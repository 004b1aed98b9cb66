"""The protocol of every filter. A filter is a file in one of the folders here. Its only public function has the name of
the file and returns a Filter; the function's keyword arguments are the filter's configuration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from redraft.flows.filters.sifting.candidates import Candidate
from redraft.store.tables.store import Store

DEFAULTS = ("correct", "length", "equations", "duplicates", "cap")
"""The filters that are applied by default, in this order. They suit rows for supervised fine-tuning."""


class Filter(Protocol):
    """Decides about each candidate that the filters before it kept. Returns None to keep the candidate, or the reason
    why it is dropped. Reasons are counted by their text before the first colon.

    Each run makes new filters, so a filter may remember the candidates that it has seen.
    """

    def __call__(self, candidate: Candidate) -> str | None: ...


@dataclass(frozen=True, slots=True)
class SqlFilter:
    """A filter that DuckDB evaluates, at a speed of a million candidates in seconds.

    `sql` is an expression: NULL keeps a candidate, and a string drops it for this reason. It may use these columns:
    `place` (the candidate's index in the order in which filters see candidates), `open` (true if the filters before
    kept it), `question` (a hash), `trajectory_id`, `problem_id`, `answer`, `correct`, `stop`, `tokens`, `signature`,
    `by_equations`, `wrong_equation`, `oracle_used` and `split`. They have the same meaning as the fields of a
    Candidate.

    `facts` adds columns, which `sql` reads as `facts.<name>`. It is a SELECT, or a function that returns the SELECT for
    a store. The SELECT has at most one row for each value of the columns `by`, which are some of the columns above, or
    `commit_id`, `path_id` and `turn`. It may read the table `drafts`, which has every draft of the trajectories that
    may be candidates, with the columns above and `role`, `turns` and `ended`.

    `judge` is the same filter in Python. It is needed only if `sql` reads other candidates by `OVER (PARTITION BY open,
    ...)`; both forms must then decide the same. A filter without `judge` is always evaluated by DuckDB, even after a
    filter that has no SQL form.
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
    """A filter that decides about all candidates of a problem at once. `judge` receives the candidates of one problem
    that the filters before it kept, in order. It returns a list of the same length, with None to keep a candidate or
    the reason to drop it. Only the candidates of one problem are in memory."""

    judge: Callable[[Sequence[Candidate]], Sequence[str | None]]

    def __call__(self, candidate: Candidate) -> str | None:
        """Decides about a candidate as the only candidate of its problem."""
        [reason] = self.judge([candidate])
        return reason
