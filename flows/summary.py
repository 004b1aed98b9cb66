"""What a run achieved: how often the first and the last draft are right, what each way of choosing among the first
drafts would have got, and what it cost."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from redraft.flows.accuracy import accuracy
from redraft.flows.summary_queries import DRAFTS, ENDS, QUESTIONS
from redraft.graders.statistics import Interval
from redraft.llm.budget import Amount
from redraft.store.sql import literal, one_of
from redraft.store.store import Store


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

    def to_json(self) -> str:
        """The same as one JSON object."""
        return json.dumps(asdict(self) | {"tokens_per_second": round(self.tokens_per_second, 1)})


def summarise(store: Store, run_id: str, *, recipe: str, replicate: str, problems: Sequence[str]) -> Summary:
    """The summary of a run that has ended. Raises StoreError."""
    these = f"recipe = {literal(recipe)} AND replicate = {literal(replicate)} AND {one_of('problem_id', problems)}"
    published = f"u.recipe = {literal(recipe)} AND u.replicate = {literal(replicate)}"
    published += f" AND {one_of('u.problem_id', problems)}"
    parts = {
        "these": these,
        "published": published,
        "run": literal(run_id),
        "problems": one_of("p.problem_id", problems),
        "ends": ENDS,
    }
    [run], [spent], [total], failed, picks, [judged], [ungraded] = (
        [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        for table in store.queries(*(sql.format(**parts) for sql in QUESTIONS))
    )
    failures = {row["reason"]: row["n"] for row in failed}
    facts = {**run, **spent, **total, "failures": failures, "problems": len(problems)}
    ids = {"db": store.path, "run_id": run_id, "recipe": recipe}
    facts |= {"known_problems": len(picks), **judged, **ungraded}
    drafts = accuracy(store.rows(DRAFTS.format(**parts)), _chosen(picks))
    drafts["oracle_used"] |= any(row["oracle_used"] for row in picks)  # a search has nothing but picks
    return Summary(**ids, **facts, **drafts)


def _chosen(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """One value a graded problem: whether the agent's pick is right; no pick is wrong. Problems that failed altogether,
    or were not reached, have none."""
    return [float(row["correct"]) for row in rows if row["ended"] and row["correct"] is not None]
