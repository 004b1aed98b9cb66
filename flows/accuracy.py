"""How often drafts are right, and what choosing among them would get: each problem in a few numbers, then all."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

from redraft.graders.canonical import canonical
from redraft.graders.selectors import weights
from redraft.graders.statistics import Interval, best_of_k, paired_bootstrap, pass_at_k, wilson
from redraft.store.records import Kind

Row = Mapping[str, Any]


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


@dataclass(frozen=True, slots=True)
class Told:
    """What the drafts of one problem tell; shares are None where no draft is decided."""

    drawn: int  # first drafts that the oracle decided
    right: int  # of them
    choices: Mapping[str, float]  # how often each way of choosing one of those is right
    graders: frozenset[str]  # that gave one of those a value
    first: float | None  # share of right ones, of the first drafts of trajectories that did not fail later
    last: float | None
    moves: Mapping[tuple[bool, bool], int]  # of trajectories, from the first draft to the last
    redrafted: int
    undecided: int
    oracle_used: bool


def accuracy(rows: Iterable[Row], chosen: Sequence[float]) -> dict[str, Any]:
    """The part of a summary that is about the drafts. `rows` are the first and the last drafts of the trajectories in
    the order of their problems, of which one at a time is held; `chosen` is whether each agent's pick is right."""
    told = [_told(list(drafts)) for _, drafts in groupby(rows, itemgetter("problem_id"))]
    moves: Counter[tuple[bool, bool]] = Counter()
    for one in told:
        moves.update(one.moves)
    firsts = [one.first for one in told if one.first is not None]
    lasts = [one.last for one in told if one.last is not None]
    facts: dict[str, Any] = {
        "graded_problems": len(firsts),
        "right_to_wrong": moves[True, False],
        "wrong_to_right": moves[False, True],
        "redrafted": sum(one.redrafted for one in told),
        "undecided": sum(one.undecided for one in told),
        "oracle_used": any(one.oracle_used for one in told),
    }
    if not firsts:  # a search draws no independent drafts: it has its picks alone
        return facts | ({"graded_problems": len(chosen), "chosen": _interval(chosen)} if chosen else {})
    pairs = [(one.first, one.last) for one in told if one.first is not None and one.last is not None]
    interval = _interval(firsts)
    return facts | {
        "first": interval,
        "last": interval if firsts == lasts else _interval(lasts),
        "gain": paired_bootstrap([last for _, last in pairs], [first for first, _ in pairs]) if pairs else None,
        "chosen": _interval(chosen) if chosen else None,
        **_choices([one for one in told if one.drawn]),
    }


def _told(rows: Sequence[Row]) -> Told:
    known = [(row, _draft(row)) for row in rows if row["correct"] is not None]
    whole = {row["trajectory_id"] for row in rows if row["draft"] == "last"}  # others failed after a draft
    decided = [(row, draft) for row, draft in known if row["trajectory_id"] in whole]
    pairs: dict[str, dict[str, bool]] = defaultdict(dict)
    for row, _ in decided:
        pairs[row["trajectory_id"]][row["draft"]] = row["correct"]
    drawn = _of(known, "first")
    return Told(
        drawn=len(drawn),
        right=sum(draft.correct for draft in drawn),
        choices=_selected(drawn) if drawn else {},
        graders=frozenset(g for g in SCORES if any(draft.values.get(g) is not None for draft in drawn)),
        first=_share(_of(decided, "first")),
        last=_share(_of(decided, "last")),
        moves=Counter((pair["first"], pair["last"]) for pair in pairs.values() if len(pair) == 2),
        redrafted=sum(row["draft"] == "last" and row["turn"] > 1 for row in rows),
        undecided=len(rows) - len(known),
        oracle_used=any(row["oracle_used"] for row in rows),
    )


def _selected(drafts: Sequence[Draft]) -> dict[str, float]:
    found = {"majority": vote(drafts, None)}
    for grader, name in SCORES.items():
        found[f"weighted majority by {name}"] = vote(drafts, grader)
        found[f"best by {name}"] = best(drafts, grader)
    return found


def _choices(told: Sequence[Told]) -> dict[str, Any]:
    """What choosing among the independent first drafts would get; by a grader, where it graded any of them."""
    sizes = [one.drawn for one in told]
    k = min(sizes)  # strategies that stop early leave the many drafts to the hard problems
    silent = {name for grader, name in SCORES.items() if not any(grader in one.graders for one in told)}
    names = [name for name in told[0].choices if not any(name.endswith(f" by {grader}") for grader in silent)]
    return {
        "samples": k,
        "most_samples": max(sizes),
        "pass_at_1": _mean([pass_at_k(one.drawn, one.right, 1) for one in told]),
        "pass_at_k": _mean([pass_at_k(one.drawn, one.right, k) for one in told]),
        "selectors": {name: _mean([one.choices[name] for one in told]) for name in names},
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


def _draft(row: Row) -> Draft:
    values = {grader: row[grader] for grader in SCORES}
    return Draft(row["problem_id"], Kind(row["kind"]), row["answer"], row["correct"], values)


def _of(drafts: Iterable[tuple[Row, Draft]], end: str) -> list[Draft]:
    """The first or the last drafts, given with their rows."""
    return [draft for row, draft in drafts if row["draft"] == end]


def _share(drafts: Sequence[Draft]) -> float | None:
    return _mean([float(draft.correct) for draft in drafts]) if drafts else None


def _interval(values: Sequence[float]) -> Interval:
    """By bootstrap over problems; by Wilson where all are right or all wrong, and nothing varies to be drawn again."""
    if set(values) in ({0.0}, {1.0}):
        return wilson(int(sum(values)), len(values))
    return paired_bootstrap(values, [0.0] * len(values))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


SCORES = {"likelihood": "mean likelihood", "likelihood_sum": "summed likelihood"}
