"""Tests whether a round shows signs of collapse. Each test is paired over problems, with a stated error rate."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from redraft.flows.self_training.watch.indicators import Key, Values
from redraft.graders.statistics import sign_flip
from redraft.store.tables.collapse import Alarm

LEVEL = 0.01
"""The significance level of a single test: if nothing has changed, an alarm is raised in at most this share of
rounds."""
TOLD = "{name} {before:.3f} to {now:.3f}"


class _Side(NamedTuple):
    """One condition of an alarm: an indicator, and whether it rises (1) or falls (-1)."""

    key: Key
    sign: int
    name: str


def alarms(now: Values, since: Mapping[Key, tuple[int, Mapping[str, float]]]) -> list[Alarm]:
    """Returns the test of each alarm whose indicators are known. `since` has, for each indicator, the number and the
    values of the round with which it is compared.

    An alarm with two conditions is raised only if both are significant on their own. Its error rate is then at most
    LEVEL even if one of the conditions is true (an intersection-union test: Berger 1982).
    """
    most = max((key.k or 0 for key in now if key.indicator == "pass_at_k"), default=0)
    conditions = {
        "narrowing": [
            _Side(Key("pass_at_k", 1), 1, "pass@1"),
            _Side(Key("pass_at_k", most), -1, f"pass@{most}"),
        ],
        "references": [_Side(Key("reference_loss"), 1, "loss on references")],
        "verifier_gap": [
            _Side(Key("verifier_gap"), 1, "the verifier's score less the truth"),
            _Side(Key("verifier_wrong"), 1, "its score of wrong samples"),
        ],
        "verifier_order": [_Side(Key("verifier_order"), -1, "the verifier's order of right and wrong")],
    }
    return [found for name, sides in conditions.items() if (found := _alarm(name, sides, now, since))]


def _alarm(
    name: str, sides: list[_Side], now: Values, since: Mapping[Key, tuple[int, Mapping[str, float]]]
) -> Alarm | None:
    worst, told, earlier = 0.0, list[str](), 0
    for side in sides:
        values, (earlier, before) = now.get(side.key, {}), since.get(side.key, (0, {}))
        both = sorted(values.keys() & before.keys())
        if not both:
            return None
        worst = max(worst, p_rise([side.sign * (values[one] - before[one]) for one in both]))
        means = [sum(each[one] for one in both) / len(both) for each in (before, values)]
        told.append(TOLD.format(name=side.name, before=means[0], now=means[1]))
    return Alarm(name, worst, worst <= LEVEL, ", ".join(told), earlier)


def p_rise(differences: list[float], test: Callable[[list[float]], float] = sign_flip) -> float:
    """Returns the one-sided p-value for a positive mean of paired differences, one per problem. If the two values of
    each problem are exchangeable, the test is exact: for every p, the probability of a p-value of at most p is at most
    p."""
    return test(differences) / 2 if sum(differences) > 0 else 1.0
