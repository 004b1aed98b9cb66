from collections import Counter
from fractions import Fraction
from itertools import combinations, product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.graders.statistics import (
    best_of_k,
    clustered_share,
    holm,
    majority_at_k,
    majority_between,
    mean_interval,
    paired_bootstrap,
    pass_at_k,
    sign_flip,
    wilson,
)

SAMPLES = st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9, None]), st.booleans()), min_size=1, max_size=8)
ANSWERS = st.lists(st.sampled_from(["a", "b", "c", "d", None]), min_size=1, max_size=9)


def test_published_vectors() -> None:
    assert best_of_k([0.9, 0.8, 0.7, 0.6, 0.5], [False, True, True, False, True], 3) == pytest.approx(2 / 5)
    assert majority_at_k(["a", "a", "b", "b", "c"], "a", 3) == pytest.approx(13 / 30)
    assert pass_at_k(5, 2, 3) == pytest.approx(9 / 10)


@pytest.mark.parametrize("n", range(1, 8))
def test_pass_at_k_is_the_share_of_subsets_with_a_right_one(n: int) -> None:
    for c in range(n + 1):
        for k in range(1, n + 1):
            hits = sum(min(subset) < c for subset in combinations(range(n), k))
            assert pass_at_k(n, c, k) == pytest.approx(hits / comb(n, k))


def test_pass_at_k_stays_exact_for_many_samples() -> None:
    assert pass_at_k(1000, 300, 1) == pytest.approx(0.3)
    assert pass_at_k(10_000, 1, 5000) == pytest.approx(0.5)


@given(SAMPLES, st.data())
def test_best_of_k_is_the_mean_over_subsets_with_ties_shared(samples, data) -> None:
    k = data.draw(st.integers(1, len(samples)))
    expected = Fraction(0)
    for subset in combinations(samples, k):
        top = max(-1.0 if score is None else score for score, _ in subset)
        tied = [right and score is not None for score, right in subset if (-1.0 if score is None else score) == top]
        expected += Fraction(sum(tied), len(tied))
    scores, correct = zip(*samples, strict=True)
    assert best_of_k(scores, correct, k) == pytest.approx(float(expected / comb(len(samples), k)))


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.data())
def test_best_of_k_with_a_perfect_scorer_is_pass_at_k(correct: list[bool], data) -> None:
    k = data.draw(st.integers(1, len(correct)))
    expected = pass_at_k(len(correct), sum(correct), k)
    assert best_of_k([float(c) for c in correct], correct, k) == pytest.approx(expected)


@given(ANSWERS, st.data())
def test_majority_at_k_is_the_share_of_subsets_that_gold_wins(answers, data) -> None:
    k = data.draw(st.integers(1, len(answers)))
    expected = Fraction(0)
    for subset in combinations(answers, k):
        counts = Counter(answer for answer in subset if answer is not None)
        tied = [answer for answer, count in counts.items() if count == max(counts.values())]
        expected += Fraction(1, len(tied)) if "a" in tied else 0
    assert majority_at_k(answers, "a", k) == pytest.approx(float(expected / comb(len(answers), k)))


def test_majority_at_k_of_equal_texts_counts_each_sample() -> None:
    answers = ["a"] * 300 + [f"b{n}" for n in range(700)]
    assert majority_at_k(answers, "a", 1) == pytest.approx(0.3)
    assert majority_at_k(answers, "a", 20) > 0.95
    assert majority_at_k(answers, None, 20) == 0.0


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"), [(40, 50, 0.670, 0.888), (0, 20, 0.0, 0.161), (20, 20, 0.839, 1.0)]
)
def test_wilson_interval(successes: int, n: int, low: float, high: float) -> None:
    interval = wilson(successes, n)
    assert (interval.low, interval.high) == (pytest.approx(low, abs=5e-4), pytest.approx(high, abs=5e-4))
    assert interval.estimate == successes / n


def test_a_share_of_clusters_has_the_interval_of_the_problems_means() -> None:
    """With as many samples of each problem the interval is the usual one of their means, whatever their number."""
    generator = np.random.default_rng(3)
    shares = generator.integers(0, 9, 500) / 8
    found = clustered_share(Counter((round(8 * share), 8) for share in shares.tolist()))
    half = 1.959964 * shares.std(ddof=1) / np.sqrt(500)
    assert found.estimate == pytest.approx(shares.mean())
    assert (found.low, found.high) == (pytest.approx(shares.mean() - half), pytest.approx(shares.mean() + half))


def test_the_interval_of_a_share_of_clusters_covers_the_truth() -> None:
    """Problems of unlike difficulty with 1 to 8 samples: 95% of intervals hold the share, where Wilson's over samples
    hold it far less often."""
    generator, held, naive = np.random.default_rng(4), 0, 0
    for _ in range(1000):
        chances, drawn = generator.beta(0.5, 0.5, 60), generator.integers(1, 9, 60)
        right = generator.binomial(drawn, chances)
        found = clustered_share(Counter(zip(right.tolist(), drawn.tolist(), strict=True)))
        over_samples = wilson(int(right.sum()), int(drawn.sum()))
        held += found.low <= 0.5 <= found.high
        naive += over_samples.low <= 0.5 <= over_samples.high
    assert 925 <= held <= 970
    assert naive < 800


def test_a_share_of_clusters_at_its_ends() -> None:
    assert clustered_share({(8, 8): 20}) == wilson(20, 20)
    assert clustered_share({(0, 8): 20}) == wilson(0, 20)
    one = clustered_share({(3, 8): 1})
    assert one.low <= one.estimate == 3 / 8 <= one.high
    with pytest.raises(ValueError, match="no samples"):
        clustered_share({(0, 0): 3})


def test_paired_bootstrap_agrees_with_the_normal_approximation() -> None:
    generator = np.random.default_rng(1)
    first, second = generator.random(400), generator.random(400)
    interval = paired_bootstrap(first.tolist(), second.tolist())
    difference = first - second
    half = 1.96 * difference.std() / 20
    assert interval.estimate == pytest.approx(difference.mean())
    assert interval.low == pytest.approx(difference.mean() - half, abs=0.003)
    assert interval.high == pytest.approx(difference.mean() + half, abs=0.003)
    assert interval == paired_bootstrap(first.tolist(), second.tolist())


def test_paired_bootstrap_of_a_constant_difference_has_no_width() -> None:
    interval = paired_bootstrap([1.0, 2.0, 3.0], [0.0, 1.0, 2.0], draws=100)
    assert (interval.estimate, interval.low, interval.high) == (1.0, 1.0, 1.0)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="k must be between 1 and n = 3, not 4"):
        pass_at_k(3, 1, 4)
    with pytest.raises(ValueError, match="k must be between 1 and n = 0"):
        best_of_k([], [], 1)
    with pytest.raises(ValueError, match="c must be between 0 and n = 3, not 4"):
        pass_at_k(3, 4, 1)
    with pytest.raises(ValueError, match="5 successes of 3"):
        wilson(5, 3)
    with pytest.raises(ValueError, match="not 1 and 2"):
        paired_bootstrap([1.0], [1.0, 2.0])


@given(ANSWERS.filter(lambda answers: len(answers) > 1), st.data())
def test_between_two_sizes_a_vote_is_drawn_with_either(answers, data) -> None:
    low = data.draw(st.integers(1, len(answers) - 1))
    part = data.draw(st.sampled_from([0.25, 0.5, 0.75]))
    small, large = majority_at_k(answers, "a", low), majority_at_k(answers, "a", low + 1)
    assert majority_between(answers, "a", low + part) == pytest.approx((1 - part) * small + part * large)
    assert majority_between(answers, "a", float(low)) == small


@pytest.mark.parametrize("k", [0.5, 3.5])
def test_no_vote_of_less_than_one_or_more_than_there_are(k: float) -> None:
    with pytest.raises(ValueError, match="between 1 and n = 3"):
        majority_between(["a", "b", "c"], "a", k)


@given(st.lists(st.sampled_from([-1.0, -0.5, -0.1, 0.0, 0.1, 0.3, 1.0]), max_size=8))
def test_a_sign_flip_counts_every_choice_of_signs(differences: list[float]) -> None:
    moved = [difference for difference in differences if difference]
    signs = list(product([-1, 1], repeat=len(moved)))
    sums = [abs(sum(sign * d for sign, d in zip(row, moved, strict=True))) for row in signs]
    expected = sum(total >= abs(sum(moved)) - 1e-9 for total in sums) / len(signs)
    assert sign_flip(differences) == pytest.approx(expected)


def test_many_equal_differences_are_a_binomial_test() -> None:
    differences = [1.0] * 15 + [-1.0] * 5 + [0.0] * 70
    exact = 2 * sum(comb(20, up) for up in range(15, 21)) / 2**20
    assert sign_flip(differences) == pytest.approx(exact, abs=0.008)
    assert sign_flip(differences, draws=2**20) == exact
    assert sign_flip(differences) == sign_flip(differences)
    assert sign_flip([1.0] * 40) == 1 / 10_001


def test_holm_against_its_textbook() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_rejects_what_its_steps_reject(values: list[float]) -> None:
    """Holm's own procedure: the smallest p-value against alpha / m, the next against alpha / (m - 1), and so on."""
    adjusted = holm(values)
    for alpha in (0.01, 0.05, 0.3):
        rejected = set()
        for rank, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
            if (len(values) - rank) * values[place] > alpha:
                break
            rejected.add(place)
        assert {place for place, value in enumerate(adjusted) if value <= alpha} == rejected


def test_an_interval_that_nothing_varies_in_is_wilsons() -> None:
    assert mean_interval([1.0] * 20) == wilson(20, 20)
    assert mean_interval([0.0] * 20) == wilson(0, 20)
    assert mean_interval([0.0, 0.5]) == paired_bootstrap([0.0, 0.5], [0.0, 0.0])


def test_many_values_are_drawn_by_how_often_each_is_there() -> None:
    """Against the normal limit: 6,000 values of 0, 1/2 and 1, and against values that all differ."""
    values = [0.0] * 3000 + [0.5] * 1000 + [1.0] * 2000
    found = mean_interval(values)
    half = 1.959964 * np.std(values) / np.sqrt(len(values))
    assert found.estimate == pytest.approx(5 / 12)
    assert (found.low, found.high) == (pytest.approx(5 / 12 - half, abs=4e-4), pytest.approx(5 / 12 + half, abs=4e-4))
    noise = np.random.default_rng(0).normal(0, 1e-9, len(values))
    apart = paired_bootstrap(list(np.asarray(values) + noise), [0.0] * len(values), draws=4000)
    assert (apart.low, apart.high) == (pytest.approx(found.low, abs=8e-4), pytest.approx(found.high, abs=8e-4))
