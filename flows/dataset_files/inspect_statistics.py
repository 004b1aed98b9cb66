"""The metrics of each scorer of an Inspect log: the mean over problems, and its standard error."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

LETTERS = {"C": 1.0, "I": 0.0}


@dataclass(slots=True)
class _Scorer:
    """The running statistics of one scorer: the number of scored problems, their mean, the sum of squared deviations
    from it (Welford 1962), and the number of problems without a score."""

    letters: bool
    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    unscored: int = 0

    def add(self, value: float) -> None:
        self.count += 1
        before = value - self.mean
        self.mean += before / self.count
        self.squares += before * (value - self.mean)

    @property
    def metrics(self) -> dict[str, float]:
        """Returns the mean, under Inspect's name for it, and its standard error."""
        error = math.sqrt(self.squares / (self.count - 1) / self.count) if self.count > 1 else 0.0
        return {self.name: self.mean, "stderr": error}

    @property
    def name(self) -> str:
        return "accuracy" if self.letters else "mean"


class ScorerMeans:
    """Collects the scores of samples, problem by problem. As in Inspect, the value of a problem is the mean over its
    epochs, without epochs whose score is NaN. Only the scores of one problem are in memory."""

    def __init__(self) -> None:
        self._scorers: dict[str, _Scorer] = {}
        self._values: dict[str, list[float]] = {}
        self._problem_id = ""

    def see(self, problem_id: str, scores: Mapping[str, Mapping[str, Any]]) -> None:
        """Adds the scores of a sample, by scorer name."""
        if problem_id != self._problem_id:
            self._end_problem()
            self._problem_id = problem_id
        for name, score in scores.items():
            value = score["value"]
            scorer = self._scorers.setdefault(name, _Scorer(letters=False))
            scorer.letters |= isinstance(value, str)
            self._values.setdefault(name, []).append(LETTERS.get(value, math.nan) if isinstance(value, str) else value)

    def results(self) -> list[dict[str, Any]]:
        """Returns the metrics of each scorer. Must be called after the last sample."""
        self._end_problem()
        return [
            {
                "name": name, "scorer": name, "scored_samples": scorer.count, "unscored_samples": scorer.unscored,
                "params": {},
                "metrics": {key: {"name": key, "value": value, "params": {}} for key, value in scorer.metrics.items()},
            }
            for name, scorer in self._scorers.items()
        ]  # fmt: skip

    def scorers(self) -> list[dict[str, Any]]:
        """Returns each scorer with the names of its metrics, from which Inspect can compute the metrics again."""
        return [
            {"name": name, "options": {}, "metadata": {},
             "metrics": [{"name": f"inspect_ai/{key}", "options": {}} for key in scorer.metrics]}
            for name, scorer in self._scorers.items()
        ]  # fmt: skip

    def _end_problem(self) -> None:
        for name, values in self._values.items():
            known = [value for value in values if not math.isnan(value)]
            if known:
                self._scorers[name].add(fmean(known))
            else:
                self._scorers[name].unscored += 1
        self._values = {}
