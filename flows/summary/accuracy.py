"""Computes the accuracy of drafts, and the accuracy of each method of selecting among drafts."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

from redraft.graders.answers.canonical import canonical
from redraft.graders.selectors import weights
from redraft.graders.statistics import best_of_k, mean_interval, paired_bootstrap, pass_at_k
from redraft.store.problems import Kind

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Draft:
    """The first or the last draft of one trajectory."""

    problem_id: str
    kind: Kind
    answer: str | None
    correct: bool
    values: Mapping[str, float | None]  # the values of the draft, by grader
    key: str | None = field(init=False)  # the canonical form of the answer, for votes

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", canonical(self.answer, self.kind))


class Tally:
    """Collects a few numbers for each problem of a run. All shares are relative to the drafts that the oracle could
    judge. A problem without such drafts is not counted."""

    def __init__(self) -> None:
        self._firsts = array("d")  # by problem: the share of right first drafts, without failed trajectories
        self._lasts = array("d")
        self._gains = array("d")
        self._drawn: Counter[tuple[int, int]] = Counter()  # problems, by the number of first drafts and of right ones
        self._choices: dict[str, float] = defaultdict(float)  # how often each way of choosing a first draft is right
        self._graders: set[str] = set()  # graders that gave a first draft a value
        self._moves: Counter[tuple[bool, bool]] = Counter()  # trajectories: is the first draft right, and the last?
        self._redrafted = 0
        self._right = 0  # trajectories whose last draft is right
        self._undecided = 0
        self._oracle_used = False

    def add(self, rows: Iterable[Row]) -> None:
        """Counts the first and the last drafts of trajectories. All rows of a problem must be consecutive."""
        for _, drafts in groupby(rows, itemgetter("problem_id")):
            self._add(list(drafts))

    def facts(self, chosen: Sequence[float]) -> dict[str, Any]:
        """Returns the fields of a summary that are about drafts. `chosen` has 1 for each pick that is right, and 0 for
        each other pick."""
        facts: dict[str, Any] = {
            "graded_problems": len(self._firsts),
            "right_to_wrong": self._moves[True, False],
            "wrong_to_right": self._moves[False, True],
            "redrafted": self._redrafted,
            "undecided": self._undecided,
            "oracle_used": self._oracle_used,
            "right": self._right,
        }
        if not self._firsts:  # a search has picks, but no independent drafts
            if not chosen:
                return facts
            return facts | {
                "graded_problems": len(chosen),
                "chosen": mean_interval(chosen),
                "right": int(sum(chosen)),
            }
        interval = mean_interval(self._firsts)
        return facts | {
            "first": interval,
            "last": interval if self._firsts == self._lasts else mean_interval(self._lasts),
            "gain": paired_bootstrap(self._gains, [0.0] * len(self._gains)) if self._gains else None,
            "chosen": mean_interval(chosen) if chosen else None,
            **(self._chosen() if self._drawn else {}),
        }

    def _add(self, rows: Sequence[Row]) -> None:
        known = [row for row in rows if row["correct"] is not None]
        whole = {row["trajectory_id"] for row in rows if row["last"]}  # any other trajectory failed after a draft
        firsts = {
            row["trajectory_id"]: row["correct"] for row in known if row["first"] and row["trajectory_id"] in whole
        }
        lasts = {row["trajectory_id"]: row["correct"] for row in known if row["last"]}
        self._shares(list(firsts.values()), list(lasts.values()))
        self._moves.update((right, lasts[path]) for path, right in firsts.items() if path in lasts)
        self._redrafted += sum(row["last"] and row["turn"] > 1 for row in rows)
        self._undecided += sum(row["first"] + row["last"] for row in rows if row["correct"] is None)
        self._oracle_used |= any(row["oracle_used"] for row in rows)
        drawn = [_draft(row) for row in known if row["first"]]
        if drawn:
            self._choose(drawn)

    def _shares(self, firsts: Sequence[bool], lasts: Sequence[bool]) -> None:
        if firsts:
            self._firsts.append(_mean(firsts))
        if lasts:
            self._lasts.append(_mean(lasts))
            self._right += sum(lasts)
        if firsts and lasts:
            self._gains.append(self._lasts[-1] - self._firsts[-1])

    def _choose(self, drawn: Sequence[Draft]) -> None:
        self._drawn[len(drawn), sum(draft.correct for draft in drawn)] += 1
        self._choices["majority"] += vote(drawn, None)
        for grader, name in SCORES.items():
            self._choices[f"weighted majority by {name}"] += vote(drawn, grader)
            self._choices[f"best by {name}"] += best(drawn, grader)
            if any(draft.values.get(grader) is not None for draft in drawn):
                self._graders.add(grader)

    def _chosen(self) -> dict[str, Any]:
        """Returns the accuracies of the methods of selecting among the independent first drafts. A method that uses a
        grader is included if the grader graded any of these drafts."""
        sizes = [drawn for drawn, _ in self._drawn]
        k = min(sizes)  # a strategy that stops early draws many drafts only of hard problems
        silent = [name for grader, name in SCORES.items() if grader not in self._graders]
        problems = self._drawn.total()
        return {
            "samples": k,
            "most_samples": max(sizes),
            "pass_at_1": self._pass_at(1),
            "pass_at_k": self._pass_at(k),
            "selectors": {
                way: total / problems
                for way, total in self._choices.items()
                if not any(way.endswith(f" by {name}") for name in silent)
            },
        }

    def _pass_at(self, k: int) -> float:
        shares = ((pass_at_k(drawn, right, k), problems) for (drawn, right), problems in self._drawn.items())
        return sum(share * problems for share, problems in shares) / self._drawn.total()


def vote(drafts: Sequence[Draft], grader: str | None) -> float:
    """Returns the probability that a vote among the drafts is right. Each draft has one vote, or a weight by a grader.
    If several answers have the most votes, each wins with equal probability. Returns 0 if no draft has an answer."""
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
    """Returns the probability that the draft with the highest grade is right. Drafts with equal grades win with equal
    probability."""
    scores = [None if draft.answer is None else draft.values.get(grader) for draft in drafts]
    return best_of_k(scores, [draft.correct for draft in drafts], len(drafts))


def _draft(row: Row) -> Draft:
    values = {grader: row[grader] for grader in SCORES}
    return Draft(row["problem_id"], Kind(row["kind"]), row["answer"], row["correct"], values)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


SCORES = {"likelihood": "mean likelihood", "likelihood_sum": "summed likelihood"}
