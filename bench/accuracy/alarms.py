"""Measures how often the alarms of self-training are raised on samples with simulated changes: `python
bench/accuracy/alarms.py`.

Each trial draws problems with probabilities of a right answer, samples before and after a change, losses on references,
and a verifier's scores. Then it counts which alarms are raised. Without a change, every alarm is a false alarm.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from redraft.flows.self_training.watch.alarms import alarms
from redraft.flows.self_training.watch.indicators import Key, Values, problem_values
from redraft.flows.self_training.watch.samples import Held, Sample

SAMPLES = 8
NAMES = ("narrowing", "references", "verifier_gap", "verifier_order")
Chances = Callable[[np.ndarray], np.ndarray]


def same(chances: np.ndarray) -> np.ndarray:
    return chances


def sharpened(chances: np.ndarray) -> np.ndarray:
    """Returns probabilities after sharpening: problems that were sometimes solved are nearly always solved, and all
    others almost never. pass@1 rises, and pass@8 falls."""
    return np.where(chances > 0.3, np.minimum(chances + 0.5, 0.98), chances / 10)


def better(chances: np.ndarray) -> np.ndarray:
    """Returns higher probabilities for every problem."""
    return np.minimum(chances + 0.1, 1.0)


def worse(chances: np.ndarray) -> np.ndarray:
    return chances * 0.8


def drawn(rng: np.random.Generator, chances: np.ndarray, bias: float = 0.0, noise: float = 0.1) -> dict[str, Held]:
    """Draws samples of problems with these probabilities of a right answer. The verifier's scores are 1 for right and 0
    for wrong samples, plus noise, plus a bias on wrong samples."""
    found: dict[str, Held] = {}
    for number, chance in enumerate(chances):
        right = rng.random(SAMPLES) < chance
        scores = np.clip(0.3 + 0.4 * right + bias * ~right + rng.normal(0, noise, SAMPLES), 0, 1)
        samples = [
            Sample(bool(is_right), "1" if is_right else str(rng.integers(2, 5)), score=float(score))
            for is_right, score in zip(right, scores, strict=True)
        ]
        found[f"p{number}"] = Held(samples, 1 + number % 3)
    return found


def sounding(
    rng: np.random.Generator, problems: int, change: Chances = same, *, loss: float = 0.0, **verifier: float
) -> set[str]:
    """Returns the alarms that are raised in a round whose probabilities are changed by `change`, compared with a round
    before the change."""
    chances = rng.beta(0.8, 0.8, problems)
    first, now = drawn(rng, chances), drawn(rng, change(chances), **verifier)
    losses = rng.gamma(4, 0.1, problems)
    before = {f"p{number}": float(each) for number, each in enumerate(losses + rng.normal(0, 0.02, problems))}
    after = {f"p{number}": float(each) for number, each in enumerate(losses + rng.normal(loss, 0.02, problems))}
    values = problem_values(first, before, first)
    tests = alarms(problem_values(now, after, first), since(values))
    assert {test.alarm for test in tests} == set(NAMES)
    return {test.alarm for test in tests if test.sounds}


def since(values: Values) -> Mapping[Key, tuple[int, Mapping[str, float]]]:
    return {key: (0, each) for key, each in values.items()}


PLANTED: dict[str, dict[str, Any]] = {
    "nothing": {},
    "every problem is solved more often": {"change": better},
    "every problem is solved less often": {"change": worse},
    "pass@1 rises, pass@8 falls": {"change": sharpened},
    "the loss on references rises by 0.01": {"loss": 0.01},
    "the verifier likes wrong answers more, by 0.1": {"bias": 0.1},
    "the verifier's noise is three times as large": {"noise": 0.3},
}


def main(options: argparse.Namespace) -> None:
    for name, planted in PLANTED.items():
        rng = np.random.default_rng(options.seed)
        trials = options.trials if name == "nothing" else -(-options.trials // 5)
        heard = Counter(alarm for _ in range(trials) for alarm in sounding(rng, options.problems, **planted))
        shares = ", ".join(f"{alarm} {heard[alarm] / trials:.1%}" for alarm in NAMES)
        print(f"{name} ({trials:,} rounds): {shares}", flush=True)  # noqa: T201


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000, help="rounds without a change; a fifth of each change")
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args())
