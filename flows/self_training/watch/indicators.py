"""Indicators of collapse: a value for each problem, and for each indicator its mean with an interval over problems."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from redraft.flows.self_training.watch.samples import Held, Sample
from redraft.graders.statistics import majority_at_k, pass_at_k
from redraft.store.tables.collapse import Indicator

RIGHT = "right"
WORDS = re.compile(r"\d|[^\W\d_]+|[^\w\s]")
"""Matches a digit, a word or a sign."""
LONGEST, DRAWN = 4, 48
"""The number of words of the longest n-grams, and the number of n-grams per problem for which diversity is computed."""
BINS = 10  # bins of equal width, for the calibration
DRAWS = 2000


class Key(NamedTuple):
    """The key of an indicator: its name, its number of samples or words, and the level of the problems if it is
    restricted to one level."""

    indicator: str
    k: int | None = None
    level: int | None = None


Values = Mapping[Key, Mapping[str, float]]
"""The values of all problems, by indicator."""


def problem_values(held: Mapping[str, Held], losses: Mapping[str, float], first: Mapping[str, Held]) -> Values:
    """Returns the values of each problem. `losses` are the losses of the problems' reference solutions, and `first` are
    the samples of the first model."""
    found: dict[Key, dict[str, float]] = {}

    def note(key: Key, problem_id: str, value: float, level: int | None = None) -> None:
        found.setdefault(key, {})[problem_id] = value
        if level is not None:
            found.setdefault(key._replace(level=level), {})[problem_id] = value

    for problem_id, one in held.items():
        n, right = len(one.samples), sum(sample.right for sample in one.samples)
        for k in range(1, n + 1):
            level = one.level if k in (1, n) else None
            note(Key("pass_at_k", k), problem_id, pass_at_k(n, right, k), level)
        if problem_id in first:
            before = any(sample.right for sample in first[problem_id].samples)
            note(Key("gained"), problem_id, float(right > 0 and not before), one.level)
            note(Key("lost"), problem_id, float(before and not right), one.level)
        for key, value in _sampled(one.samples):
            note(key, problem_id, value, one.level if key.indicator == "entropy_bits" else None)
    for problem_id, loss in losses.items():
        note(Key("reference_loss"), problem_id, loss)
    return found


def _sampled(samples: Sequence[Sample]) -> Iterator[tuple[Key, float]]:
    """Yields the other indicators and their values for the samples of one problem."""
    n = len(samples)
    answers = [RIGHT if sample.right else sample.answer for sample in samples]
    counts = Counter(answer for answer in answers if answer is not None)
    yield Key("majority"), majority_at_k(answers, RIGHT, n)
    if counts:
        total = sum(counts.values())
        yield Key("entropy_bits"), math.fsum(-count / total * math.log2(count / total) for count in counts.values())
        yield Key("one_answer"), float(len(counts) == 1)
        yield Key("one_wrong_answer"), float(len(counts) == 1 and RIGHT not in counts)
    for size, share in _distinct_ngrams(samples):
        yield Key("distinct_ngrams", size), share
    signatures = {sample.signature for sample in samples if sample.signature is not None}
    if signatures:
        yield Key("signatures"), float(len(signatures))
    yield Key("tokens"), sum(sample.tokens for sample in samples) / n
    yield Key("cut"), sum(sample.cut for sample in samples) / n
    yield Key("no_answer"), sum(sample.answer is None for sample in samples) / n
    scored = [(sample.score, sample.right) for sample in samples if sample.score is not None]
    if scored:
        gap = sum(score - right for score, right in scored) / len(scored)
        yield Key("verifier_gap"), gap
        wrong = [score for score, right in scored if not right]
        if wrong:  # wrong samples only: with more of them, the gap of an unchanged verifier would grow
            yield Key("verifier_wrong"), sum(wrong) / len(wrong)
        order = auroc(scored)
        if order is not None:
            yield Key("verifier_order"), order


def _distinct_ngrams(samples: Sequence[Sample]) -> Iterator[tuple[int, float]]:
    """Yields pairs of n, from 1, and the expected share of distinct n-grams among DRAWN n-grams of all samples, drawn
    without replacement (rarefaction: Hurlbert 1971). Therefore the share does not depend on the length of the samples.
    Nothing is yielded if there are fewer n-grams."""
    words = [WORDS.findall(sample.text.lower()) for sample in samples]
    for size in range(1, LONGEST + 1):
        grams = Counter(tuple(each[at : at + size]) for each in words for at in range(len(each) - size + 1))
        total = sum(grams.values())
        if total >= DRAWN:
            seen = Counter(grams.values())
            yield size, sum(many * pass_at_k(total, count, DRAWN) for count, many in seen.items()) / DRAWN


def auroc(scored: Sequence[tuple[float, bool]]) -> float | None:
    """Returns the probability that a right sample has a higher score than a wrong one; equal scores count one half.
    Returns None unless there are both right and wrong samples."""
    right = np.array([score for score, is_right in scored if is_right])
    wrong = np.sort([score for score, is_right in scored if not is_right])
    if not len(right) or not len(wrong):
        return None
    below = np.searchsorted(wrong, right, "left") + np.searchsorted(wrong, right, "right")
    return float(below.mean() / 2 / len(wrong))


def calibration_error(scored: Sequence[tuple[float, bool]]) -> float:
    """Returns the expected calibration error (Guo et al. 2017) over BINS bins of equal width: the mean absolute
    difference between a bin's mean score and its share of right samples, weighted by its number of samples."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for score, right in scored:
        bins.setdefault(min(int(score * BINS), BINS - 1), []).append((score, right))
    return math.fsum(abs(math.fsum(score - right for score, right in each)) for each in bins.values()) / len(scored)


def gini(counts: Sequence[int]) -> float:
    """Returns the Gini coefficient of counts: 0 if all are equal, and near 1 if one count has nearly the whole sum."""
    ordered, total = sorted(counts), sum(counts)
    ranked = sum(rank * count for rank, count in enumerate(ordered, start=1))
    return 2 * ranked / (len(ordered) * total) - (len(ordered) + 1) / len(ordered) if total else 0.0


def pooled(held: Mapping[str, Held], kept: Sequence[int]) -> list[Indicator]:
    """Returns the indicators that have no value per problem. `kept` are the numbers of rows of each training
    problem."""
    found: list[Indicator] = []
    scored = [(s.score, s.right) for one in held.values() for s in one.samples if s.score is not None]
    if scored:
        found.append(Indicator("verifier_auroc", value=auroc(scored), problems=len(held)))
        if all(0 <= score <= 1 for score, _ in scored):
            found.append(Indicator("verifier_ece", value=calibration_error(scored), problems=len(held)))
    if kept:
        with_rows = sum(count > 0 for count in kept)
        found.append(Indicator("kept_rows", value=sum(kept) / len(kept), problems=with_rows))
        found.append(Indicator("kept_gini", value=gini(kept), problems=with_rows))
    return found


def estimates(now: Values, since: Mapping[Key, tuple[int, Mapping[str, float]]]) -> list[Indicator]:
    """Returns the mean of each indicator, and its change from an earlier round, each with a bootstrap interval over
    problems. `since` has the number and the values of that round. All indicators share the same bootstrap draws."""
    problems = sorted({problem_id for values in now.values() for problem_id in values})
    if not problems:
        return []
    draws = np.random.default_rng(0).multinomial(len(problems), np.full(len(problems), 1 / len(problems)), DRAWS)
    counts = draws.astype(np.float64)
    found: list[Indicator] = []
    for key, values in sorted(
        now.items(), key=lambda item: tuple(-1 if part is None else part for part in item[0][1:])
    ):
        earlier, before = since.get(key, (None, {}))
        changes = {one: value - before[one] for one, value in values.items() if one in before}
        mean, change = _interval(values, problems, counts), _interval(changes, problems, counts)
        found.append(Indicator(*key, *mean, *change, len(values), earlier))
    return found


def _interval(
    values: Mapping[str, float], problems: Sequence[str], counts: np.ndarray
) -> tuple[float | None, float | None, float | None]:
    """Returns a triple: the mean over the problems that have a value, and the lower and upper bounds of its 95%
    interval."""
    if not values:
        return None, None, None
    known = np.array([problem in values for problem in problems], np.float64)
    each = np.array([values.get(problem, 0.0) for problem in problems])
    drawn = counts @ known
    means = (counts @ each)[drawn > 0] / drawn[drawn > 0]
    low, high = np.quantile(means, [0.025, 0.975])
    return math.fsum(values.values()) / len(values), float(low), float(high)
