"""Measures best of 16 drafts of the embedded model, chosen by the embedded process reward model: `python
bench/accuracy/prm.py`.

The problems are held out, of levels 2 to 4. Their seed is a hash of the reward model's weights, so nobody could have
seen them before the weights were committed. Two selections that cost nothing are measured for comparison: the majority,
and the policy's log-probability of each draft (sum, and mean per token). Ties count with their mean. Intervals are 95%,
from a bootstrap over problems, paired for differences. AUC is the probability that a right draft (or step) has a higher
value than a wrong one of the same problem. A model that only knows which problems are hard has an AUC of one half. A
step's label is exact, because it comes from the generator of the problems.
"""

import argparse
import asyncio
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from embedded import ask

from redraft.graders.answers.extract import extract
from redraft.graders.rewards.aggregate import aggregate
from redraft.graders.statistics import Interval, best_of_k, majority_at_k, mean_interval, paired_bootstrap, pass_at_k
from redraft.llm.model import Choice
from redraft.llm.providers.embedded.model import embedded
from redraft.llm.providers.embedded.reward_model import HERE, ProcessRewardModel
from redraft.store.problems import Problem
from redraft.store.sources.wordproblems import problems
from redraft.store.sources.wordproblems.labels import labels

SAMPLES, LEVELS = 16, (2, 3, 4)


@dataclass(frozen=True, slots=True)
class Draft:
    text: str
    right: bool
    logprobs: tuple[float, ...]
    values: tuple[float, ...]  # the value of each line
    labels: tuple[bool, ...]


def seed_of(weights: Path) -> int:
    return int(blake2b(weights.read_bytes(), digest_size=4).hexdigest(), 16)


def drafts(prm: ProcessRewardModel, problem: Problem, choices: Sequence[Choice]) -> list[Draft]:
    """Returns the drafts with their values. Each distinct text is graded once."""
    values: dict[str, tuple[float, ...]] = {}
    found: list[Draft] = []
    for choice in choices:
        lines = choice.text.strip().split("\n")
        if choice.text not in values:
            values[choice.text] = tuple(prm.score(problem.question, lines))
        exact = tuple(label.right for label in labels(problem.meta["solution"], lines))
        right = extract(choice.text) == problem.answer
        found.append(Draft(choice.text, right, choice.logprobs or (), values[choice.text], exact))
    return found


def auc(values: Sequence[float], right: Sequence[bool]) -> float | None:
    """Returns the AUC of the values. Returns None if all are right, or all are wrong."""
    high, low = (np.array([v for v, r in zip(values, right, strict=True) if r == side]) for side in (True, False))
    if not len(high) or not len(low):
        return None
    above = (high[:, None] > low).mean() + (high[:, None] == low).mean() / 2
    return float(above)


def chosen(one: Sequence[Draft], gold: str | None) -> dict[str, float]:
    """Returns, for each selection, the probability that it is right on one problem."""
    right = [draft.right for draft in one]

    def best(scores: Sequence[float]) -> float:
        return best_of_k(scores, right, len(one))

    answers = [extract(draft.text) for draft in one]
    product = [aggregate(draft.values) for draft in one]
    return {
        "one draft": pass_at_k(len(one), sum(right), 1),
        "majority": majority_at_k(answers, gold, len(one)),
        "log-probability, sum": best([sum(draft.logprobs) for draft in one]),
        "log-probability, mean": best([sum(draft.logprobs) / len(draft.logprobs) for draft in one]),
        "PRM, product": best(product),
        "PRM, minimum": best([aggregate(draft.values, "minimum") for draft in one]),
        "PRM, last": best([aggregate(draft.values, "last") for draft in one]),
        "PRM, vote": vote(answers, product, gold),
        "any of them": float(any(right)),
    }


def vote(answers: Sequence[str | None], values: Sequence[float], gold: str | None) -> float:
    """Returns the probability that the answer with the highest sum of values is right."""
    sums: dict[str, float] = {}
    for answer, value in zip(answers, values, strict=True):
        if answer is not None:
            sums[answer] = sums.get(answer, 0.0) + value
    top = [answer for answer, total in sums.items() if total == max(sums.values())]
    return (gold in top) / len(top) if top else 0.0


def within(each: Sequence[Sequence[Draft]]) -> dict[str, list[float]]:
    """Returns the AUC of every problem that has both right and wrong drafts."""
    found: dict[str, list[float | None]] = {
        "drafts, PRM": [auc([aggregate(d.values) for d in one], [d.right for d in one]) for one in each],
        "drafts, log-probability": [auc([sum(d.logprobs) for d in one], [d.right for d in one]) for one in each],
        "steps, PRM": [
            auc(
                [float(v) for d in one for v in np.cumprod(d.values)],
                [label for d in one for label in d.labels],
            )
            for one in each
        ],
    }
    return {name: [value for value in values if value is not None] for name, values in found.items()}


def measure(weights: Path, count: int, seed: int) -> dict[str, Any]:
    prm, policy = ProcessRewardModel(weights), embedded()
    asked = list(itertools.islice(problems(levels=LEVELS, seed=seed), count))
    replies = asyncio.run(ask(policy, [problem.question for problem in asked], SAMPLES, 64))
    each = [drafts(prm, problem, reply.choices) for problem, reply in zip(asked, replies, strict=True)]
    rows = [chosen(one, problem.answer) for one, problem in zip(each, asked, strict=True)]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    pairs = [(a, b) for a in ("PRM, product", "PRM, vote") for b in ("majority", *likelihoods(columns))]
    return {
        "problems": count,
        "seed": seed,
        "accuracy": {name: told(mean_interval(values)) for name, values in columns.items()},
        "difference": {f"{a} - {b}": told(paired_bootstrap(columns[a], columns[b])) for a, b in pairs},
        "auc": {name: told(mean_interval(values)) for name, values in within(each).items()},
    }


def likelihoods(columns: dict[str, list[float]]) -> list[str]:
    return [name for name in columns if name.startswith("log-probability")]


def told(interval: Interval) -> list[float]:
    return [round(value, 4) for value in (interval.estimate, interval.low, interval.high)]


def show(found: dict[str, Any]) -> None:
    print(f"{found['problems']} problems of seed {found['seed']}")  # noqa: T201
    for title in ("accuracy", "difference", "auc"):
        print(f"\n| {title} | | 95% interval |\n|---|---|---|")  # noqa: T201
        for name, (value, low, high) in found[title].items():
            print(f"| {name} | {value:.3f} | [{low:.3f}, {high:.3f}] |")  # noqa: T201


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=1000)
    parser.add_argument("--weights", type=Path, default=HERE / "prm.npz", help="beside a tokenizer.json")
    parser.add_argument("--seed", type=int, help="another than that of the weights")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    chosen_seed = seed_of(options.weights) if options.seed is None else options.seed
    figures = measure(options.weights, options.problems, chosen_seed)
    show(figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))
