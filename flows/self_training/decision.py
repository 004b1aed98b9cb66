"""Measures a policy on the held-out problems, and decides how the loop continues after a round."""

from collections.abc import Mapping, Sequence

from redraft.graders.statistics import Interval, mean_interval, paired_bootstrap
from redraft.store.tables.rounds import Estimate, Round
from redraft.store.tables.sql import literal
from redraft.store.tables.store import Store

GO_ON, STOP, TAKE_BACK = "go on", "stop", "take back"
PATIENCE = 3600.0  # the time limit in seconds for another run to stop writing


def shares(store: Store, recipe: str, replicate: str) -> dict[str, float]:
    """Returns the share of right samples of each problem, which is the unbiased pass@1. Failed samples, and samples
    that the oracle could not decide, are not counted."""
    found = store.query(SHARES.format(recipe=literal(recipe), replicate=literal(replicate)), patience=PATIENCE)
    return {problem_id: float(share) for problem_id, share in found.rows}


def accuracy(now: Mapping[str, float]) -> Estimate:
    """Returns the mean share over problems, with its interval."""
    return _estimate(mean_interval(list(now.values()))) if now else Estimate()


def change(now: Mapping[str, float], before: Mapping[str, float]) -> Estimate:
    """Returns the mean difference between two models over the problems that both have, with its paired interval."""
    both = sorted(now.keys() & before.keys())
    if not both:
        return Estimate()
    return _estimate(paired_bootstrap([now[one] for one in both], [before[one] for one in both]))


def decide(found: Estimate, earlier: Sequence[Round]) -> tuple[str, str]:
    """Returns a pair of the decision after a round and its reason. `found` is the change of accuracy from the policy
    before the round, and `earlier` are the previous rounds. After a fall, the trained policy is discarded. Two falls in
    a row, or two rounds in a row whose change is not significantly different from zero, stop the loop."""
    if found.mean is None or found.low is None or found.high is None:
        return STOP, "no held-out problem could be judged"
    told = f"{found.mean:+.1%} [{found.low:+.1%}, {found.high:+.1%}]"
    last = next((one for one in reversed(earlier) if one.round > 0), None)
    if found.high < 0:
        if last and last.decision == TAKE_BACK:
            return STOP, f"accuracy fell by {told} in a second round; the policy before is kept"
        return TAKE_BACK, f"accuracy fell: {told}"
    if found.low > 0:
        return GO_ON, f"accuracy rose: {told}"
    if last and last.change.low is not None and last.change.low <= 0:
        return STOP, f"a second round without a gain that can be told from zero: {told}"
    return GO_ON, f"no change that can be told from zero: {told}"


def fell(one: Round) -> bool:
    """Returns True if the policy of a round was discarded."""
    return one.change.high is not None and one.change.high < 0


def _estimate(found: Interval) -> Estimate:
    return Estimate(found.estimate, found.low, found.high)


SHARES = """
SELECT problem_id, avg(correct::INT) FROM samples
WHERE recipe = {recipe} AND replicate = {replicate} AND stop IS DISTINCT FROM 'failed' AND correct IS NOT NULL
GROUP BY problem_id ORDER BY problem_id"""
