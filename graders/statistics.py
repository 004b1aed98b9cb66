"""Statistics of samples and methods: exact expectations over all subsets, confidence intervals, and tests.

If a formula gives the exact value, nothing is resampled. A sample without an answer counts as wrong and is included in
n.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the bounds of its confidence interval."""

    estimate: float
    low: float
    high: float


def pass_at_k(n: int, c: int, k: int) -> float:
    """Returns pass@k: the probability that at least one of k samples is right, if the k samples are drawn from n
    samples of which c are right. It is 1 - C(n-c, k) / C(n, k), the unbiased estimator of Chen et al. 2021. Raises
    ValueError unless 0 <= c <= n and 1 <= k <= n."""
    _check(n, k)
    if not 0 <= c <= n:
        raise ValueError(f"c must be between 0 and n = {n}, not {c}")
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


def best_of_k(scores: Sequence[float | None], correct: Sequence[bool], k: int) -> float:
    """Returns the probability that the best-scored of k samples is right, over all subsets of size k. Ties are resolved
    at random. A sample without a score (None) never beats a sample with a score, and counts as wrong. Raises ValueError
    unless 1 <= k <= n."""
    n = len(scores)
    _check(n, k)
    pairs = zip(scores, correct, strict=True)
    ranked = sorted(((-math.inf if s is None else s, bool(c) and s is not None) for s, c in pairs), reverse=True)
    total, rank = 0.0, 0
    while rank <= n - k:  # a sample with a higher rank is in no subset the best one
        tied = [right for score, right in ranked[rank:] if score == ranked[rank][0]]
        chosen = sum(math.comb(n - 1 - i, k - 1) for i in range(rank, rank + len(tied)))
        total += sum(tied) / len(tied) * (chosen / math.comb(n, k))
        rank += len(tied)
    return total


def majority_at_k(answers: Sequence[Hashable | None], gold: Hashable | None, k: int) -> float:
    """Returns the probability that `gold` is the most frequent answer of k samples, over all subsets of size k. Tied
    answers win with equal probability. None has no vote but is included in n. The result is exact; the time is O(n
    k^2). Raises ValueError unless 1 <= k <= n.

    For each count j of gold, dynamic programming goes through the other answers. It counts the subsets in which no
    other answer occurs more than j times, by the number of samples used and the number of answers that occur exactly j
    times.
    """
    n = len(answers)
    _check(n, k)
    counts: dict[Hashable, int] = {}
    for answer in answers:
        if answer is not None:
            counts[answer] = counts.get(answer, 0) + 1
    c = counts.pop(gold, 0) if gold is not None else 0
    nulls = n - c - sum(counts.values())
    won = sum(math.comb(c, j) * _wins(list(counts.values()), nulls, j, k) for j in range(1, min(c, k) + 1))
    return won / math.comb(n, k)


def majority_between(answers: Sequence[Hashable | None], gold: Hashable | None, k: float) -> float:
    """Returns `majority_at_k` for a k that need not be an integer. The vote draws floor(k) samples, and with
    probability k - floor(k) one more, so it costs k samples on average. Raises ValueError unless 1 <= k <= n."""
    _check(len(answers), k)
    whole = math.floor(k)
    below = majority_at_k(answers, gold, whole)
    if whole == k:
        return below
    return below + (k - whole) * (majority_at_k(answers, gold, whole + 1) - below)


def wilson(successes: int, n: int, z: float = 1.959964) -> Interval:
    """Returns a proportion with Wilson's score interval, 95% by default. Raises ValueError unless 0 <= successes <= n
    and n >= 1."""
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} is no proportion")
    p, spread = successes / n, z * z / n
    middle = p + spread / 2
    half = z * math.sqrt(p * (1 - p) / n + spread / (4 * n))
    low, high = (middle - half) / (1 + spread), (middle + half) / (1 + spread)
    return Interval(p, max(0.0, low), min(1.0, high))


def clustered_share(counts: Mapping[tuple[int, int], int], z: float = 1.959964) -> Interval:
    """Returns the fraction of right samples with its confidence interval over problems, 95% by default. `counts` maps
    (right samples, samples) to the number of problems with these numbers. Samples of one problem are not independent,
    so the variance is that of a ratio of sums over problems (Cochran 1977, section 6.5), with the factor m / (m - 1)
    for m problems. For a single problem, and if all samples are right or all are wrong, Wilson's interval over problems
    is used. Raises ValueError if there are no samples."""
    drawn = sum(samples * problems for (_, samples), problems in counts.items())
    if not drawn:
        raise ValueError("no samples have no share")
    share = sum(right * problems for (right, _), problems in counts.items()) / drawn
    many = sum(problems for (_, samples), problems in counts.items() if samples)
    if many == 1 or share in (0, 1):
        bounds = wilson(round(share * many), many, z)
        return Interval(share, min(bounds.low, share), max(bounds.high, share))
    spread = sum(problems * (right - share * samples) ** 2 for (right, samples), problems in counts.items())
    half = z * math.sqrt(spread * many / (many - 1)) / drawn
    return Interval(share, max(0.0, share - half), min(1.0, share + half))


def paired_bootstrap(
    first: Sequence[float], second: Sequence[float], draws: int = 10_000, seed: int = 0, level: float = 0.95
) -> Interval:
    """Returns the mean difference `first - second` of two methods on the same problems, with its percentile interval.

    Each method has one value for each problem, such as its pass@1. The bootstrap draws problems, each with both values,
    and not samples, because samples of one problem are not independent. Raises ValueError if the sequences are empty or
    their lengths differ.
    """
    if len(first) != len(second) or not len(first):
        raise ValueError(f"paired values are needed, one a problem, not {len(first)} and {len(second)}")
    difference = np.asarray(first, float) - np.asarray(second, float)
    if not difference.any():
        return Interval(0.0, 0.0, 0.0)
    means = _counted_draws(difference, draws, seed) if len(difference) > MANY else None
    if means is None:
        means = _draws(difference, draws, seed)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(difference.mean()), float(low), float(high))


def mean_interval(values: Sequence[float]) -> Interval:
    """Returns the mean of the problems' values, each from 0 to 1, with its 95% bootstrap interval over problems. If all
    values are 0 or all are 1, the bootstrap interval would have width 0, so Wilson's interval is returned instead.
    Raises ValueError if there are no values."""
    if set(values) in ({0.0}, {1.0}):
        return wilson(int(sum(values)), len(values))
    return paired_bootstrap(values, [0.0] * len(values))


def sign_flip(differences: Sequence[float], draws: int = 10_000, seed: int = 0) -> float:
    """Returns the two-sided p-value of paired differences, one for each problem (Fisher 1935): the probability that
    their sum is at least as far from 0 if each difference is positive or negative with probability 1/2. If there are at
    most `draws` combinations of signs, all are evaluated; otherwise the observed combination and `draws` random ones.
    Differences of 0 are ignored; if all are 0, the p-value is 1."""
    nonzero = np.asarray([difference for difference in differences if difference], float)
    size = len(nonzero)
    if not size:
        return 1.0
    bound = abs(nonzero.sum()) - 1e-9 * np.abs(nonzero).sum()  # rounding may make equal sums differ a little
    if 2**size <= draws:
        signs = np.arange(2**size)[:, None] >> np.arange(size) & 1
        return float(np.mean(np.abs((2 * signs - 1) @ nonzero) >= bound))
    generator, rows = np.random.default_rng(seed), max(1, MOST_INDICES // size)
    far = sum(
        int((np.abs((2 * generator.integers(0, 2, (min(rows, draws - start), size)) - 1) @ nonzero) >= bound).sum())
        for start in range(0, draws, rows)
    )
    return (1 + far) / (1 + draws)


def holm(values: Sequence[float]) -> list[float]:
    """Returns the adjusted p-values of several comparisons, in the same order (Holm 1979). Call a comparison a finding
    if its adjusted p-value is below a level. Then the probability that any finding is false is at most that level."""
    adjusted, least = [0.0] * len(values), 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        least = max(least, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = least
    return adjusted


def _draws(values: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Returns `draws` means. Each is the mean of len(values) values that are drawn with replacement."""
    generator, size = np.random.default_rng(seed), len(values)
    rows = max(1, MOST_INDICES // size)
    return np.concatenate(
        [
            values[generator.integers(0, size, (min(rows, draws - start), size))].mean(axis=1)
            for start in range(0, draws, rows)
        ]
    )


def _counted_draws(values: np.ndarray, draws: int, seed: int) -> np.ndarray | None:
    """Returns means with the same distribution as those of `_draws`, but faster: it draws the number of occurrences of
    each distinct value from a multinomial distribution. Returns None if there are too many distinct values."""
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) > len(values) // 4:
        return None
    size = len(values)
    return np.random.default_rng(seed).multinomial(size, counts / size, draws) @ distinct / size


def _wins(others: Sequence[int], nulls: int, j: int, k: int) -> float:
    ways = {(j, 0): 1}
    for count in others:
        grown: dict[tuple[int, int], int] = {}
        for (used, ties), number in ways.items():
            for taken in range(min(count, j, k - used) + 1):
                place = (used + taken, ties + (taken == j))
                grown[place] = grown.get(place, 0) + number * math.comb(count, taken)
        ways = grown
    return sum(number * math.comb(nulls, k - used) / (ties + 1) for (used, ties), number in ways.items())


def _check(n: int, k: float) -> None:
    if not 1 <= k <= n:
        raise ValueError(f"k must be between 1 and n = {n}, not {k}")


MANY = 200  # values; drawing more of them one by one is slow
MOST_INDICES = 250_000  # indices drawn at once; 2 MB, and as much for their values
