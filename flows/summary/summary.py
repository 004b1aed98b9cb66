"""What a run achieved: how often the first and the last draft are right, what each way of choosing among the first
drafts would have got, and what it cost."""

import json
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from redraft.flows.summary.accuracy import Tally
from redraft.flows.summary.queries import DRAFTS, OF_RUN, QUESTIONS
from redraft.graders.statistics import Interval
from redraft.llm.client.budget import Amount
from redraft.store.tables.query import Table
from redraft.store.tables.sql import literal, one_of
from redraft.store.tables.store import Store

PART = 2_000  # problems whose drafts are brought together at once

_Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Summary:
    """A run and the data that it belongs to: everything of its recipe and replicate on the problems it was given.

    Shares are means over problems, with 95% bootstrap intervals over problems. `selectors` tells how often each way of
    choosing one of a problem's first drafts is right, ties averaged; `chosen` is the agent's own pick.
    """

    db: str
    run_id: str
    recipe: str
    strategy: str
    model: str
    problems: int
    trajectories: int
    new: int = 0  # trajectories that this run drew, and that did not fail
    right: int = 0  # trajectories whose last draft is right; of a search the picks
    graded_problems: int = 0  # those with a known answer
    known_problems: int = 0  # those whose answer is known, drafted or not
    feedback: str | None = None  # that the strategy worked with, as is the grader
    grader: str | None = None
    asked: int | None = None  # samples a problem that this run was asked for
    samples: int = 0  # the fewest first drafts that a graded problem has: the k of pass@k
    most_samples: int = 0  # the most of them
    graded: int = 0  # values that graders other than the oracle and the likelihood gave to drafts and their steps
    ungraded: int = 0  # drafts, finished or not, that a grader was asked about and gave no value
    ungraded_by: str | None = None  # the grader of most of them
    ungraded_because: str | None = None  # its most frequent reason
    drafts: int = 0  # of every turn
    likelihoods: int = 0  # of them, those whose likelihood is known
    first: Interval | None = None
    last: Interval | None = None
    gain: Interval | None = None  # last - first, in pairs
    chosen: Interval | None = None  # the agent's own pick
    right_to_wrong: int = 0
    wrong_to_right: int = 0
    redrafted: int = 0  # trajectories with more than one draft
    undecided: int = 0
    oracle_used: bool = False
    pass_at_1: float | None = None
    pass_at_k: float | None = None
    selectors: Mapping[str, float] = field(default_factory=dict)
    tokens: int = 0  # that the model wrote in this run
    prompt_tokens: int = 0
    calls: int = 0
    cost_usd: float | None = None
    seconds: float = 0.0
    all_tokens: int = 0  # in every run of this recipe and replicate
    failures: Mapping[str, int] = field(default_factory=dict)  # failed trajectories by reason
    spent: str | None = None  # which budget of this run was used up, in words
    used: Amount | None = None  # of the run's budget, where it has one
    ended_by_budget: int = 0  # trajectories that met their problem's budget's end

    @property
    def failed(self) -> int:
        """Trajectories that failed; the same command tries them again."""
        return sum(self.failures.values())

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds if self.seconds else 0.0

    def __repr__(self) -> str:
        shares = {"first": self.first, "last": self.last, "pick": self.chosen}
        right = ", ".join(f"{name} {share.estimate:.1%} right" for name, share in shares.items() if share)
        counts = f"{self.problems:,} problems, {self.trajectories:,} trajectories"
        return f"<Summary {counts}, {right or 'no answer known'}: {self.db}>"

    def _repr_html_(self) -> str:
        from redraft.flows.summary.report import html  # a notebook alone asks for it

        summary: Any = self  # type checkers know this file by two names
        return html(summary)

    def to_json(self) -> str:
        """The same as one JSON object."""
        return json.dumps(asdict(self) | {"tokens_per_second": round(self.tokens_per_second, 1)})


def summarise(store: Store, run_id: str, *, recipe: str, replicate: str, problems: Sequence[str]) -> Summary:
    """The summary of a run that has ended. Raises StoreError."""
    own = f"recipe = {literal(recipe)} AND replicate = {literal(replicate)}"
    facts: dict[str, Any] = {}
    found = _Found()
    for part in _parts(sorted(problems)):
        these, asked = f"{own} AND {one_of('problem_id', part)}", one_of("p.problem_id", part)
        with store.held(read_only=True):  # for a part, not for all: until it is closed DuckDB keeps what it has read
            facts = facts or _of_run(store, run_id)
            ids = {"these": these, "problems": asked, "run": literal(run_id)}
            tables = store.queries(*(sql.format(**ids) for sql in QUESTIONS))
            found.add(*map(_rows, tables))
            found.drafts.add(store.rows(DRAFTS.format(these=these)))
    ids = {"db": store.path, "run_id": run_id, "recipe": recipe, "problems": len(problems)}
    return Summary(**ids, **facts, **found.facts())


def _of_run(store: Store, run_id: str) -> dict[str, Any]:
    [run], [spent] = (_rows(table) for table in store.queries(*(sql.format(run=literal(run_id)) for sql in OF_RUN)))
    return {**run, **spent}


class _Found:
    """What the parts of a run's problems tell together."""

    def __init__(self) -> None:
        self.drafts = Tally()
        self._sums: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._lost: Counter[tuple[str, str | None]] = Counter()  # drafts without a grade, by grader and reason
        self._picks = array("d")  # of each graded problem, whether it is right; no pick is wrong
        self._oracle_used = False

    def add(self, total: _Rows, failures: _Rows, likelihoods: _Rows, graded: _Rows, picks: _Rows) -> None:
        """Counts a part: the rows of each of QUESTIONS."""
        self._sums.update(total[0])
        self._sums.update(likelihoods[0])
        self._failures.update({row["reason"]: row["n"] for row in failures})
        for row in graded:
            self._sums["ungraded" if row["lost"] else "graded"] += row["n"]
            if row["lost"]:
                self._lost[row["grader"], row["reason"]] += row["n"]
        self._sums["known_problems"] += len(picks)
        self._oracle_used |= any(row["oracle_used"] for row in picks)  # a search has nothing but picks
        # problems that failed altogether, or were not reached, have none
        self._picks.extend(float(row["correct"]) for row in picks if row["ended"] and row["correct"] is not None)

    def facts(self) -> dict[str, Any]:
        """The fields of a Summary that are about the data."""
        drafts = self.drafts.facts(self._picks)
        drafts["oracle_used"] |= self._oracle_used
        worst = min(self._lost, key=lambda lost: (-self._lost[lost], lost[0], lost[1] or ""), default=(None, None))
        failures = dict(sorted(self._failures.items(), key=lambda failure: (-failure[1], failure[0])))
        return {
            **self._sums,
            "failures": failures,
            "ungraded_by": worst[0],
            "ungraded_because": worst[1],
            **drafts,
        }


def _rows(table: Table) -> _Rows:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def _parts(problems: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, max(1, len(problems)), PART):
        yield problems[start : start + PART]
