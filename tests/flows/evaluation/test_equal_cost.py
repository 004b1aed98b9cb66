"""The vote of equal cost and the control, against every choice of drafts that there is."""

from dataclasses import replace
from itertools import combinations
from statistics import mean

import pytest

from redraft.flows.evaluation.equal_cost import SampledDrafts, holm_corrected, with_baseline
from redraft.flows.evaluation.history import RIGHT, Cost, Draft, History
from redraft.flows.evaluation.result import EqualCost, MethodResult, Row
from redraft.flows.evaluation.turn import MeasuredRow
from redraft.graders.statistics import Interval, mean_interval

VOTES = {"a": (RIGHT, "3", RIGHT, None, "4"), "b": ("3", "3", RIGHT, "4", "3"), "c": (None, None, None, None, None)}
HALF = Interval(0.5, 0.4, 0.6)


def sampled(votes: dict[str, tuple[str | None, ...]], tokens: float = 10.0) -> SampledDrafts:
    paths = {name: tuple((Draft(vote, vote == RIGHT),) for vote in given) for name, given in votes.items()}
    costs = {name: {1: Cost(tokens, 5.0, 1.0, 0.5)} for name in votes}
    return SampledDrafts(
        History(paths, {}, costs, {name: len(given) for name, given in votes.items()}), list(votes), "m"
    )


def vote(drafts: tuple[str | None, ...]) -> float:
    """How often these drafts vote for the right answer, ties shared."""
    counts = {answer: drafts.count(answer) for answer in drafts if answer is not None}
    leading = [answer for answer, count in counts.items() if count == max(counts.values())]
    return (RIGHT in leading) / len(leading) if leading else 0.0


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_a_vote_is_the_mean_over_all_choices_of_k_drafts(k: int) -> None:
    expected = [mean(vote(chosen) for chosen in combinations(given, k)) for given in VOTES.values()]
    assert sampled(VOTES).majority(k) == pytest.approx(expected)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_control_is_how_many_choices_hold_a_right_draft(k: int) -> None:
    expected = [mean(RIGHT in chosen for chosen in combinations(given, k)) for given in VOTES.values()]
    assert sampled(VOTES).any_right(k) == pytest.approx(expected)


def test_a_fraction_of_a_draft_lies_between_two_votes() -> None:
    drafts = sampled(VOTES)
    low, high = drafts.majority(2), drafts.majority(3)
    between = [below + 0.25 * (above - below) for below, above in zip(low, high, strict=True)]
    assert drafts.majority(2.25) == pytest.approx(between)


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (4, [1, 2, 4]), (5, [1, 2, 4, 5]), (8, [1, 2, 4, 8])]
)
def test_the_baseline_has_the_votes_of_powers_of_two_and_of_all(count: int, sizes: list[int]) -> None:
    drafts = sampled({"a": (RIGHT,) * count})
    baseline = drafts.baseline()
    assert (list(baseline.votes), baseline.samples, baseline.model) == (sizes, count, "m")
    assert (baseline.pass_at_1, baseline.votes[1]) == (mean_interval([1.0]), mean_interval([1.0]))
    assert baseline.cost == Cost(10.0, 5.0, 1.0, 0.5)


def test_the_problem_with_the_fewest_drafts_limits_the_votes() -> None:
    assert sampled({"a": (RIGHT, "3", "4"), "b": ("3", RIGHT)}).most == 2


@pytest.mark.parametrize(("tokens", "worth"), [(5.0, 1.0), (10.0, 1.0), (25.0, 2.5), (70.0, 7.0)])
def test_tokens_pay_for_one_draft_at_least(tokens: float, worth: float) -> None:
    assert sampled(VOTES).worth(Cost(tokens)) == worth
    assert sampled(VOTES, tokens=0.0).worth(Cost(tokens)) is None


def measured(tokens: float, *shares: float) -> MeasuredRow:
    return MeasuredRow(Row(2, mean_interval(shares), Cost(tokens), oracle_used=False), shares)


@pytest.mark.parametrize(
    ("tokens", "k", "short"), [(10.0, 1.0, False), (50.0, 5.0, False), (51.0, 5.0, True), (500.0, 5.0, True)]
)
def test_a_method_that_pays_for_more_than_was_sampled_is_marked(tokens: float, k: float, short: bool) -> None:
    row = with_baseline(measured(tokens, 1.0, 1.0, 0.0), sampled(VOTES), guesses=None, tested=False)
    assert row.equal_cost is not None
    assert (row.equal_cost.k, row.equal_cost.short, row.equal_cost.p, row.control) == (k, short, None, None)
    expected = mean(1 - value for value in sampled(VOTES).majority(k)[:2]) * 2 / 3
    assert row.equal_cost.difference.estimate == pytest.approx(expected)


@pytest.mark.parametrize(("guesses", "there"), [(None, False), (0, False), (3, True), (5, True), (6, False)])
def test_there_is_a_control_for_as_many_guesses_as_were_sampled(guesses: int | None, there: bool) -> None:
    row = with_baseline(measured(10.0, 1.0, 0.0, 0.0), sampled(VOTES), guesses=guesses, tested=False)
    assert (row.control is not None) is there
    if row.control:
        assert row.control.guesses == guesses
        assert row.control.difference.estimate == pytest.approx(1 / 3 - row.control.accuracy.estimate)


def method(*ps: float | None) -> MethodResult:
    """A method whose rows have these p-values; None is a row without a comparison."""
    row = Row(1, HALF, Cost(), oracle_used=False)
    rows = tuple(row if p is None else replace(row, equal_cost=EqualCost(1.0, HALF, HALF, p=p)) for p in ps)
    return MethodResult("correct", "m", "correct", "r", "", True, 1, 1, rows, oracle_used=False)


def corrected(*methods: MethodResult) -> list[list[float | None]]:
    return [[row.equal_cost and row.equal_cost.p_holm for row in one.rows] for one in holm_corrected(methods)]


def test_p_values_of_last_rows_are_corrected_for_their_number() -> None:
    # Holm: 0.01 * 3, then the greater of that and 0.03 * 2, then of that and 0.04 * 1.
    assert corrected(method(0.5, 0.04), method(0.01), method(0.03)) == [
        [None, pytest.approx(0.06)],
        [pytest.approx(0.03)],
        [pytest.approx(0.06)],
    ]


def test_rows_without_a_p_value_are_not_counted() -> None:
    assert corrected(method(0.02), method(0.01, None), method(), method(None)) == [[0.02], [None, None], [], [None]]
    assert corrected() == []
