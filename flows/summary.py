"""What a run achieved: how often the first and the last draft are right, what each way of choosing among the first
drafts would have got, and what it cost."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from redraft.flows.summary_queries import QUESTIONS
from redraft.graders.canonical import canonical
from redraft.graders.selectors import weights
from redraft.graders.statistics import Interval, best_of_k, paired_bootstrap, pass_at_k, wilson
from redraft.llm.budget import Amount
from redraft.store.records import Kind
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


@dataclass(frozen=True, slots=True)
class Draft:
    """The first or the last draft of one trajectory."""

    problem_id: str
    kind: Kind
    answer: str | None
    correct: bool
    values: Mapping[str, float | None]  # by grader
    key: str | None = field(init=False)  # of the answer: what it counts for in a vote

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", canonical(self.answer, self.kind))


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
    }
    [run], [spent], [total], failed, picks, drafts, [judged], [ungraded] = (
        [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        for table in store.queries(*(sql.format(**parts) for sql in QUESTIONS))
    )
    failures = {row["reason"]: row["n"] for row in failed}
    facts = {**run, **spent, **total, "failures": failures, "problems": len(problems)}
    ids = {"db": store.path, "run_id": run_id, "recipe": recipe}
    facts |= {"known_problems": len(picks), **judged, **ungraded}
    return Summary(**ids, **facts, **_accuracy(drafts, _chosen(picks)))


def _accuracy(rows: Sequence[Mapping[str, Any]], chosen: Sequence[float]) -> dict[str, Any]:
    known = [(row, _draft(row)) for row in rows if row["correct"] is not None]
    whole = {row["trajectory_id"] for row in rows if row["draft"] == "last"}  # others failed after a draft
    decided = [(row, draft) for row, draft in known if row["trajectory_id"] in whole]
    pairs: dict[str, dict[str, bool]] = defaultdict(dict)
    for row, _ in decided:
        pairs[row["trajectory_id"]][row["draft"]] = row["correct"]
    moves = Counter((pair["first"], pair["last"]) for pair in pairs.values() if len(pair) == 2)
    first, last = (_by_problem(decided, end) for end in ("first", "last"))
    facts: dict[str, Any] = {
        "graded_problems": len(first),
        "right_to_wrong": moves[True, False],
        "wrong_to_right": moves[False, True],
        "redrafted": sum(row["draft"] == "last" and row["turn"] > 1 for row in rows),
        "undecided": len(rows) - len(known),
        "oracle_used": any(row["oracle_used"] for row in rows),
    }
    if not first:
        return facts
    common = [problem for problem in first if problem in last]
    before, after = ([_share(found[problem]) for problem in common] for found in (first, last))
    firsts, lasts = ([_share(found) for found in turn.values()] for turn in (first, last))
    interval = _interval(firsts)
    return facts | {
        "first": interval,
        "last": interval if firsts == lasts else _interval(lasts),
        "gain": paired_bootstrap(after, before) if common else None,
        "chosen": _interval(chosen) if chosen else None,
        **_choices(list(_by_problem(known, "first").values())),
    }


def _choices(problems: Sequence[Sequence[Draft]]) -> dict[str, Any]:
    """What choosing among the independent first drafts would get."""
    sizes = [len(drafts) for drafts in problems]
    k = min(sizes)  # strategies that stop early leave the many drafts to the hard problems
    counts = [(len(drafts), sum(draft.correct for draft in drafts)) for drafts in problems]
    selectors: dict[str, Callable[[Sequence[Draft]], float]] = {"majority": lambda drafts: vote(drafts, None)}
    for grader, name in SCORES.items():
        if any(draft.values.get(grader) is not None for drafts in problems for draft in drafts):
            selectors[f"weighted majority by {name}"] = lambda drafts, grader=grader: vote(drafts, grader)
            selectors[f"best by {name}"] = lambda drafts, grader=grader: best(drafts, grader)
    return {
        "samples": k,
        "most_samples": max(sizes),
        "pass_at_1": _mean([pass_at_k(n, c, 1) for n, c in counts]),
        "pass_at_k": _mean([pass_at_k(n, c, k) for n, c in counts]),
        "selectors": {name: _mean([select(drafts) for drafts in problems]) for name, select in selectors.items()},
    }


def vote(drafts: Sequence[Draft], grader: str | None) -> float:
    """The chance that a problem's vote is right: each answer counts its drafts, or the sum of their weights by a
    grader; answers that lead together win with equal chance. 0 where there is no answer to vote for."""
    shares = weights([draft.values.get(grader) for draft in drafts]) if grader else [1.0] * len(drafts)
    totals: dict[str, float] = defaultdict(float)
    right: dict[str, bool] = {}
    for draft, share in zip(drafts, shares, strict=True):
        if draft.key is not None and share > 0:
            totals[draft.key] += share
            right[draft.key] = draft.correct
    most = max(totals.values(), default=0.0)
    leading = [answer for answer, total in totals.items() if total == most]
    return _mean([float(right[answer]) for answer in leading]) if leading else 0.0


def best(drafts: Sequence[Draft], grader: str) -> float:
    """The chance that the draft with the highest grade is right; equals win with equal chance."""
    scores = [None if draft.answer is None else draft.values.get(grader) for draft in drafts]
    return best_of_k(scores, [draft.correct for draft in drafts], len(drafts))


def _draft(row: Mapping[str, Any]) -> Draft:
    values = {grader: row[grader] for grader in SCORES}
    return Draft(row["problem_id"], Kind(row["kind"]), row["answer"], row["correct"], values)


def _by_problem(drafts: Iterable[tuple[Mapping[str, Any], Draft]], end: str) -> dict[str, list[Draft]]:
    """The first or the last drafts, given with their rows."""
    found: dict[str, list[Draft]] = defaultdict(list)
    for row, draft in drafts:
        if row["draft"] == end:
            found[draft.problem_id].append(draft)
    return found


def _chosen(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """One value a graded problem: whether the agent's pick is right; no pick is wrong. Problems that failed altogether,
    or were not reached, have none."""
    return [float(row["correct"]) for row in rows if row["ended"] and row["correct"] is not None]


def _share(drafts: Sequence[Draft]) -> float:
    return _mean([float(draft.correct) for draft in drafts])


def _interval(values: Sequence[float]) -> Interval:
    """By bootstrap over problems; by Wilson where all are right or all wrong, and nothing varies to be drawn again."""
    if set(values) in ({0.0}, {1.0}):
        return wilson(int(sum(values)), len(values))
    return paired_bootstrap(values, [0.0] * len(values))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


SCORES = {"likelihood": "mean likelihood", "likelihood_sum": "summed likelihood"}
