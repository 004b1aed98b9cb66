"""Each indicator on samples made by hand, against a closed form or brute force."""

import math
from collections import Counter
from itertools import product

import numpy as np
import pytest

from redraft.flows.self_training.watch.indicators import (
    DRAWN,
    Key,
    auroc,
    calibration_error,
    estimates,
    gini,
    pooled,
    problem_values,
)
from redraft.flows.self_training.watch.samples import Held, Sample

HELD = {
    "a": Held(
        [
            Sample(True, "4", "2+2=4", 5, signature=1, score=0.9),
            Sample(True, "4.0", "4", 3, signature=1, score=0.7),
            Sample(False, "5", "2+2=5", 5, signature=2, score=0.7),
            Sample(False, None, "2+", 7, cut=True),
        ],
        level=1,
    ),
    "b": Held([Sample(False, "7"), Sample(False, "7")], level=2),
}
FIRST = {"a": Held([Sample(False, "1")]), "b": Held([Sample(True, "2")])}


def test_the_values_of_problems() -> None:
    found = problem_values(HELD, {"b": 0.25}, FIRST)
    entropy = -(2 / 3 * math.log2(2 / 3) + 1 / 3 * math.log2(1 / 3))
    assert {key: each for key, each in found.items() if key.level is None} == {
        Key("pass_at_k", 1): {"a": 0.5, "b": 0.0},
        Key("pass_at_k", 2): {"a": pytest.approx(5 / 6), "b": 0.0},
        Key("pass_at_k", 3): {"a": 1.0},
        Key("pass_at_k", 4): {"a": 1.0},
        Key("gained"): {"a": 1.0, "b": 0.0},
        Key("lost"): {"a": 0.0, "b": 1.0},
        Key("majority"): {"a": 1.0, "b": 0.0},
        Key("entropy_bits"): {"a": pytest.approx(entropy), "b": 0.0},
        Key("one_answer"): {"a": 0.0, "b": 1.0},
        Key("one_wrong_answer"): {"a": 0.0, "b": 1.0},
        Key("signatures"): {"a": 2.0},
        Key("tokens"): {"a": 5.0, "b": 0.0},
        Key("cut"): {"a": 0.25, "b": 0.0},
        Key("no_answer"): {"a": 0.25, "b": 0.0},
        Key("verifier_gap"): {"a": pytest.approx((0.9 - 1 + 0.7 - 1 + 0.7) / 3)},
        Key("verifier_wrong"): {"a": 0.7},
        Key("verifier_order"): {"a": 0.75},
        Key("reference_loss"): {"b": 0.25},
    }
    assert {key: each for key, each in found.items() if key.level == 2} == {
        Key("pass_at_k", 1, 2): {"b": 0.0}, Key("pass_at_k", 2, 2): {"b": 0.0}, Key("gained", None, 2): {"b": 0.0},
        Key("lost", None, 2): {"b": 1.0}, Key("entropy_bits", None, 2): {"b": 0.0},
    }  # fmt: skip


def test_distinct_ngrams_are_the_expected_share_in_a_draw_of_equal_size() -> None:
    rng = np.random.default_rng(0)
    words = ["".join(chr(97 + letter) for letter in (number // 26, number % 26)) for number in range(30)]
    texts = [" ".join(words[place] for place in rng.integers(0, 30, 40)) for _ in range(2)]
    found = problem_values({"a": Held([Sample(True, "1", text) for text in texts])}, {}, {})
    grams = [word for text in texts for word in text.split()]
    shares = [len({grams[place] for place in rng.permutation(80)[:DRAWN]}) / DRAWN for _ in range(4000)]
    assert found[Key("distinct_ngrams", 1)]["a"] == pytest.approx(np.mean(shares), abs=0.003)
    pairs = Counter(pair for text in texts for pair in zip(text.split(), text.split()[1:], strict=False))
    left = sum(1 - math.comb(78 - count, DRAWN) / math.comb(78, DRAWN) for count in pairs.values())
    assert found[Key("distinct_ngrams", 2)]["a"] == pytest.approx(left / DRAWN)


def test_longer_samples_are_no_more_alike() -> None:
    """A share of all n-grams would fall with the length."""

    def share(length: int) -> float:
        texts = [" ".join(f"{chr(97 + place % 20)}" for place in range(length)) for _ in range(2)]
        return problem_values({"a": Held([Sample(True, "1", text) for text in texts])}, {}, {})[
            Key("distinct_ngrams", 1)
        ]["a"]

    assert share(400) == pytest.approx(share(40), abs=0.08)
    assert len(set("abcdefghijklmnopqrst")) / 800 < 0.03
    with pytest.raises(KeyError):
        share(DRAWN // 2 - 1)


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(3)
    scored = [
        (float(score), bool(right))
        for score, right in zip(rng.integers(0, 6, 40) / 5, rng.random(40) < 0.4, strict=True)
    ]
    pairs = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for (a, right), (b, other) in product(scored, scored)
        if right and not other
    ]
    assert auroc(scored) == pytest.approx(np.mean(pairs))
    assert auroc([(0.5, True)]) is None


def test_calibration_is_the_weighted_distance_of_score_and_truth() -> None:
    scored = [(0.95, True), (0.92, False), (0.41, True), (1.0, True), (0.05, False)]
    expected = (abs(0.95 + 0.92 + 1.0 - 2) + abs(0.41 - 1) + 0.05) / 5
    assert calibration_error(scored) == pytest.approx(expected)
    assert calibration_error([(1.0, True), (0.0, False)]) == 0


def test_gini() -> None:
    counts = [0, 1, 3, 4, 0]
    distances = sum(abs(a - b) for a in counts for b in counts)
    assert gini(counts) == pytest.approx(distances / (2 * len(counts) ** 2 * np.mean(counts)))
    assert (gini([2, 2, 2]), gini([0, 0]), gini([0, 0, 0, 8])) == (pytest.approx(0), 0.0, pytest.approx(0.75))


def test_what_has_no_value_of_each_problem() -> None:
    told = {one.indicator: (one.value, one.problems) for one in pooled(HELD, [2, 0, 1])}
    assert told == {
        "verifier_auroc": (0.75, 2), "verifier_ece": (pytest.approx((0.1 + abs(1.4 - 1)) / 3), 2),
        "kept_rows": (1.0, 2), "kept_gini": (pytest.approx(gini([2, 0, 1])), 2),
    }  # fmt: skip
    assert pooled(FIRST, []) == []


def test_intervals_are_those_of_a_bootstrap_over_problems() -> None:
    rng = np.random.default_rng(5)
    before = {f"p{place}": float(one) for place, one in enumerate(rng.random(400))}
    now = {name: one + float(rng.normal(0.1, 0.05)) for name, one in before.items()}
    key = Key("tokens")
    [found] = estimates({key: now}, {key: (1, before)})
    assert found.value == pytest.approx(np.mean(list(now.values())))
    assert found.change == pytest.approx(np.mean([now[name] - before[name] for name in before]))
    for low, high, each in (
        (found.value_lo, found.value_hi, list(now.values())),
        (found.change_lo, found.change_hi, [now[name] - before[name] for name in before]),
    ):
        half = 1.96 * float(np.std(each)) / 20
        assert (low, high) == (
            pytest.approx(np.mean(each) - half, abs=half / 5),
            pytest.approx(np.mean(each) + half, abs=half / 5),
        )
    assert (found.problems, found.since) == (400, 1)
    [alone] = estimates({key: {"p1": 2.0}}, {})
    assert (alone.value, alone.value_lo, alone.value_hi, alone.change, alone.since) == (2.0, 2.0, 2.0, None, None)
    assert estimates({}, {}) == []
