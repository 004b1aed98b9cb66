"""What follows a round, and the intervals that it follows from."""

from dataclasses import replace

import pytest

from redraft.flows.self_training.decision import change, decide
from redraft.graders.statistics import paired_bootstrap
from redraft.store.tables.rounds import Estimate, Round

UP, FLAT, DOWN = Estimate(0.05, 0.02, 0.08), Estimate(0.01, -0.02, 0.04), Estimate(-0.05, -0.08, -0.02)

TOLD, KEPT = "that can be told from zero", "in a second round; the policy before is kept"


def past(*changes: tuple[Estimate, str]) -> list[Round]:
    one = Round(loop_id="l", round=0, state="evaluated", method="rft", config={}, run_id="r")
    later = [replace(one, round=n, change=found, decision=what) for n, (found, what) in enumerate(changes, 1)]
    return [one, *later]


@pytest.mark.parametrize(
    ("found", "earlier", "decision", "reason"),
    [
        (UP, past(), "go on", "accuracy rose: +5.0% [+2.0%, +8.0%]"),
        (FLAT, past(), "go on", "no change that can be told from zero: +1.0% [-2.0%, +4.0%]"),
        (FLAT, past((UP, "go on")), "go on", "no change that can be told from zero: +1.0% [-2.0%, +4.0%]"),
        (FLAT, past((FLAT, "go on")), "stop", f"a second round without a gain {TOLD}: +1.0% [-2.0%, +4.0%]"),
        (DOWN, past((UP, "go on")), "take back", "accuracy fell: -5.0% [-8.0%, -2.0%]"),
        (DOWN, past((DOWN, "take back")), "stop", f"accuracy fell by -5.0% [-8.0%, -2.0%] {KEPT}"),
        (UP, past((DOWN, "take back")), "go on", "accuracy rose: +5.0% [+2.0%, +8.0%]"),
        (Estimate(), past(), "stop", "no held-out problem could be judged"),
    ],
)  # fmt: skip
def test_what_follows_a_round(found: Estimate, earlier: list[Round], decision: str, reason: str) -> None:
    assert decide(found, earlier) == (decision, reason)


def test_a_change_pairs_the_problems_that_both_have() -> None:
    now, before = {"a": 1.0, "b": 0.5, "c": 0.0, "x": 1.0}, {"c": 0.25, "b": 0.0, "a": 0.5, "y": 1.0}
    expected = paired_bootstrap([1.0, 0.5, 0.0], [0.5, 0.0, 0.25])
    assert change(now, before) == Estimate(expected.estimate, expected.low, expected.high)
    assert change(now, {"y": 1.0}) == Estimate()
