"""Metrics of a log against the same numbers from all values at once."""

import math
import random
import statistics
from typing import Any

import pytest

from redraft.flows.dataset_files.inspect_statistics import ScorerMeans


def score(value: Any) -> dict[str, Any]:
    return {"value": value}


def whole(means: ScorerMeans) -> dict[str, tuple[int, int, dict[str, float]]]:
    return {
        each["name"]: (
            each["scored_samples"],
            each["unscored_samples"],
            {name: metric["value"] for name, metric in each["metrics"].items()},
        )
        for each in means.results()
    }


def test_letters_are_a_share_and_what_is_unscored_counts_nowhere() -> None:
    means = ScorerMeans()
    for problem, values in {"a": ["C", "I", math.nan], "b": ["C"], "c": [math.nan, math.nan], "d": ["I", "I"]}.items():
        for value in values:
            means.see(problem, {"oracle": score(value)})
    found = whole(means)
    by_problem = [0.5, 1.0, 0.0]
    error = statistics.stdev(by_problem) / math.sqrt(3)
    assert found == {"oracle": (3, 1, {"accuracy": pytest.approx(0.5), "stderr": pytest.approx(error)})}
    assert means.scorers()[0]["metrics"] == [
        {"name": "inspect_ai/accuracy", "options": {}},
        {"name": "inspect_ai/stderr", "options": {}},
    ]


@pytest.mark.parametrize("problems", [1, 2, 50])
def test_mean_and_error_are_those_of_all_values_at_once(problems: int) -> None:
    chance, means = random.Random(problems), ScorerMeans()
    kept: dict[str, dict[int, list[float]]] = {"likelihood": {}, "prm": {}}
    for problem in range(problems):
        for _ in range(chance.randint(1, 5)):
            drawn = {name: chance.gauss(1e6 if name == "prm" else -1.0, 1.0) for name in kept}
            for name, value in drawn.items():
                kept[name].setdefault(problem, []).append(value)
            means.see(str(problem), {name: score(value) for name, value in drawn.items()})
    for name, (scored, unscored, metrics) in whole(means).items():
        values = [statistics.fmean(each) for each in kept[name].values()]
        error = statistics.stdev(values) / math.sqrt(problems) if problems > 1 else 0.0
        assert (scored, unscored) == (problems, 0)
        assert metrics == {"mean": pytest.approx(statistics.fmean(values)), "stderr": pytest.approx(error)}


def test_a_scorer_that_judged_some_problems_alone_has_their_mean() -> None:
    means = ScorerMeans()
    means.see("a", {"oracle": score("C")})
    means.see("b", {"oracle": score("I"), "judge (m)": score(0.25)})
    assert whole(means) == {
        "oracle": (2, 0, {"accuracy": 0.5, "stderr": pytest.approx(0.5)}),
        "judge (m)": (1, 0, {"mean": 0.25, "stderr": 0.0}),
    }
