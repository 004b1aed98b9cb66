"""Compares a method with a vote of independent drafts that has the same number of tokens, and with an oracle that stops
at a right draft without any correction."""

from collections.abc import Sequence
from dataclasses import replace

from redraft.flows.evaluation.history import RIGHT, Cost, History
from redraft.flows.evaluation.result import Baseline, Control, EqualCost, MethodResult, Row
from redraft.flows.evaluation.turn import MeasuredRow, cost_of
from redraft.graders.statistics import (
    holm,
    majority_between,
    mean_interval,
    paired_bootstrap,
    pass_at_k,
    sign_flip,
)


class SampledDrafts:
    """Independent drafts of one model, from which the expected result for any smaller number of drafts can be
    computed."""

    def __init__(self, found: History, problems: Sequence[str], model: str) -> None:
        self._votes = [[path[0].vote for path in found.paths[problem]] for problem in problems]
        self.most = min(map(len, self._votes))
        self.cost = cost_of(found, problems)
        self.model = model

    def baseline(self) -> Baseline:
        """Returns the baseline: the number of the drafts, their cost, their accuracy, and the accuracy of votes among
        them."""
        sizes = sorted({*(2**i for i in range(self.most.bit_length())), self.most})
        votes = {k: mean_interval(self.majority(k)) for k in sizes}
        return Baseline(self.model, self.most, self.cost, mean_interval(self.any_right(1)), votes)

    def worth(self, cost: Cost) -> float | None:
        """Returns the number of drafts, at least 1, that have as many tokens as `cost`. Returns None if the drafts'
        tokens are unknown."""
        return max(1.0, cost.tokens / self.cost.tokens) if self.cost.tokens else None

    def majority(self, k: float) -> tuple[float, ...]:
        """Returns the expected accuracy of a vote of k drafts, for each problem."""
        return tuple(majority_between(votes, RIGHT, k) for votes in self._votes)

    def any_right(self, k: int) -> tuple[float, ...]:
        """Returns the probability that at least one of k drafts is right, for each problem."""
        return tuple(pass_at_k(len(votes), votes.count(RIGHT), k) for votes in self._votes)


def with_baseline(
    measured: MeasuredRow,
    sampled: SampledDrafts,
    *,
    guesses: int | None,
    tested: bool,
    first: MeasuredRow | None = None,
) -> Row:
    """Returns the row with its comparison with self-consistency at the same number of tokens. If `tested`, the
    comparison has a p-value. If `guesses` is given, the row also has the accuracy of an oracle with that many
    independent drafts. `first` is the row of turn 1; with it, the comparison also has the gain of the later turns."""
    return replace(
        measured.row,
        equal_cost=_equal_cost(measured, sampled, tested, None if first is measured else first),
        control=_control(measured, sampled, guesses) if guesses and guesses <= sampled.most else None,
    )


def holm_corrected(methods: Sequence[MethodResult]) -> list[MethodResult]:
    """Returns the methods with corrected p-values in their last rows, by Holm's correction for the number of tests."""
    tested = [
        (place, row.equal_cost)
        for place, method in enumerate(methods)
        if (row := method.last) and row.equal_cost and row.equal_cost.p is not None
    ]
    adjusted = holm([equal.p for _, equal in tested if equal.p is not None])
    found = list(methods)
    for (place, equal), p in zip(tested, adjusted, strict=True):
        last = found[place].last
        rows = [replace(row, equal_cost=replace(equal, p_holm=p)) if row is last else row for row in found[place].rows]
        found[place] = replace(found[place], rows=tuple(rows))
    return found


def _equal_cost(
    measured: MeasuredRow, sampled: SampledDrafts, tested: bool, first: MeasuredRow | None
) -> EqualCost | None:
    worth = sampled.worth(measured.row.cost)
    if worth is None:
        return None
    k = min(worth, float(sampled.most))
    expected = sampled.majority(k)
    differences = _less(measured.shares, expected)
    started = sampled.worth(first.row.cost) if first else None
    return EqualCost(
        k=k,
        accuracy=mean_interval(expected),
        difference=paired_bootstrap(measured.shares, expected),
        short=worth > sampled.most,
        p=sign_flip(differences) if tested else None,
        beyond_first=paired_bootstrap(differences, _less(first.shares, sampled.majority(min(started, sampled.most))))
        if first and started
        else None,
    )


def _less(shares: Sequence[float], others: Sequence[float]) -> list[float]:
    return [mine - other for mine, other in zip(shares, others, strict=True)]


def _control(measured: MeasuredRow, sampled: SampledDrafts, guesses: int) -> Control:
    expected = sampled.any_right(guesses)
    return Control(guesses, mean_interval(expected), paired_bootstrap(measured.shares, expected))
