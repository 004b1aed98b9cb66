"""The alarms sound where a collapse was planted, and are silent where none was."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from alarms import NAMES, PLANTED, sounding

from redraft.flows.self_training.watch.alarms import LEVEL, alarms, p_rise
from redraft.flows.self_training.watch.indicators import Key
from redraft.store.tables.collapse import Alarm

TRIALS = 25


def heard(seed: int, planted: Mapping[str, Any], trials: int = TRIALS, problems: int = 200) -> Counter[str]:
    rng = np.random.default_rng(seed)
    return Counter(alarm for _ in range(trials) for alarm in sounding(rng, problems, **planted))


@pytest.mark.parametrize(
    ("name", "expected", "silent"),
    [
        ("pass@1 rises, pass@8 falls", "narrowing", NAMES[1:]),
        ("the loss on references rises by 0.01", "references", ("narrowing", *NAMES[2:])),
        ("the verifier likes wrong answers more, by 0.1", "verifier_gap", NAMES[:2]),
        ("the verifier's noise is three times as large", "verifier_order", NAMES[:3]),
    ],
)
def test_a_planted_collapse_is_heard_and_no_other(name: str, expected: str, silent: Sequence[str]) -> None:
    counts = heard(1, PLANTED[name])
    assert counts[expected] >= 0.9 * TRIALS
    assert all(counts[alarm] <= 3 for alarm in silent), counts


@pytest.mark.parametrize(
    "name", ["nothing", "every problem is solved more often", "every problem is solved less often"]
)
def test_without_a_collapse_the_alarms_are_silent(name: str) -> None:
    """At a level of 1%, more than 5 false alarms of 100 have a chance below 0.1%."""
    counts = heard(2, PLANTED[name], trials=100, problems=60)
    assert max(counts.values(), default=0) <= 5, counts


def test_a_p_value_is_the_share_of_exchanges_with_as_large_a_rise() -> None:
    differences = [0.25, 0.5, -0.125, 0.75, 0.5]
    sums = [
        sum(sign * abs(one) for sign, one in zip(signs, differences, strict=True))
        for signs in product((1, -1), repeat=5)
    ]
    assert p_rise(differences) == sum(each >= sum(differences) for each in sums) / len(sums)
    assert p_rise([-one for one in differences]) == p_rise([0.0, 0.0]) == 1.0


def values(**given: list[float]) -> dict[Key, dict[str, float]]:
    keys = {"one": Key("pass_at_k", 1), "most": Key("pass_at_k", 4), "loss": Key("reference_loss")}
    return {keys[name]: {f"p{place}": one for place, one in enumerate(each)} for name, each in given.items()}


def test_an_alarm_says_what_moved_and_since_when() -> None:
    before = values(one=[0.25] * 9, most=[1.0] * 9, loss=[0.5] * 9)
    now = values(one=[0.5] * 9, most=[0.5] * 9, loss=[0.5] * 9)
    since = {key: (2, each) for key, each in before.items()}
    assert alarms(now, since) == [
        Alarm("narrowing", 2**-9, True, "pass@1 0.250 to 0.500, pass@4 1.000 to 0.500", 2),
        Alarm("references", 1.0, False, "loss on references 0.500 to 0.500", 2),
    ]
    assert LEVEL == 0.01


def test_one_of_two_conditions_is_no_alarm_and_few_problems_cannot_sound() -> None:
    before = values(one=[0.25] * 9, most=[1.0] * 9)
    since = {key: (0, each) for key, each in before.items()}
    [rises] = alarms(values(one=[0.5] * 9, most=[1.0] * 9), since)
    assert (rises.p_value, rises.sounds) == (1.0, False)
    [few] = alarms(values(one=[0.5] * 6, most=[0.5] * 6), since)
    assert (few.p_value, few.sounds) == (2**-6, False)
    assert alarms(values(loss=[1.0]), since) == []
