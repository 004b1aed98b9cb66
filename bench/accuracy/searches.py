"""Compares searches over steps, votes and best-of-N at equal tokens, on the embedded model:

    python bench/accuracy/searches.py

The problems are held out, of levels 3 and 4; their seed is a hash of the reward model's weights. Each method runs in
two sizes, whose numbers of tokens are about those of 4 and of 16 independent drafts. The first table compares each
method with a vote at the same number of tokens, and the second with best-of-N by the same reward model at the same
number of tokens. Both comparisons are exact expectations. It prints the tables of docs/search.md and draws its picture.
With an existing store (--db), it continues where the last run ended.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from math import ceil, floor
from pathlib import Path
from typing import Any

import numpy as np
from prm import seed_of

from redraft.flows.display.progress import Lines
from redraft.flows.evaluate import evaluate
from redraft.flows.evaluation.evaluation import Evaluation
from redraft.flows.evaluation.report import markdown
from redraft.flows.plots.accuracy import plot
from redraft.flows.settings import Settings
from redraft.graders.statistics import best_of_k, paired_bootstrap
from redraft.llm.providers.embedded.reward_model import HERE
from redraft.store import Store
from redraft.store.tables.sql import literal

SIZES = {
    4: (
        "self_consistency samples=4",
        "best_of_n grader=likelihood samples=4",
        "best_of_n grader=prm samples=4",
        "beam grader=prm n=4",
        "dvts grader=prm n=4",
        "lookahead grader=prm n=4",
        "mcts grader=prm iterations=8",
        "rest_mcts grader=prm iterations=4",
    ),
    16: (
        "self_consistency samples=16",
        "best_of_n grader=likelihood samples=16",
        "best_of_n grader=prm samples=16",
        "beam grader=prm n=16",
        "dvts grader=prm n=16",
        "lookahead grader=prm n=12",
        "mcts grader=prm iterations=12 branch=8",
        "rest_mcts grader=prm iterations=16 branch=6 full=true",
    ),
}
"""The methods, by the number of drafts whose cost they match."""


INDEPENDENT = ("self_consistency", "best_of_n")
RIVAL = "best_of_n grader=prm samples=16"
DRAFTS = """
    SELECT problem_id, correct, value FROM trajectories JOIN grades USING (trajectory_id)
    WHERE recipe = {recipe} AND grader = 'prm' AND step_id IS NULL AND correct IS NOT NULL"""
PICKS = "SELECT recipe, problem_id, correct FROM trajectories WHERE chosen AND correct IS NOT NULL"


async def measure(options: argparse.Namespace, db: str) -> Evaluation:
    return await evaluate(
        f"builtin:split=heldout,levels=3-4,seed={options.seed}",
        strategies=["greedy", *(way for size in SIZES.values() for way in size)],
        db=db,
        settings=Settings(samples=1),
        limit=options.problems,
        baseline=options.drafts,
        progress=Lines(seconds=60),
    )


def beside(found: Evaluation, db: str) -> str:
    """Returns the table of each search's difference, in percentage points, to the best of k drafts by the same reward
    model, where k drafts have as many tokens as the search. It is the exact expectation over all subsets of k of the 16
    drafts, interpolated between two integers k if needed."""
    methods = {method.label: method for method in found.methods}
    with Store(db, create=False) as store:
        drafts = _grouped(store.query(DRAFTS.format(recipe=literal(methods[RIVAL].recipe))).rows)
        picks = _grouped(store.query(PICKS).rows)
    lines = ["| search | tokens | right | best of k | difference |", "|---|---|---|---|---|"]
    searches = [way for size in SIZES.values() for way in size if way.split()[0] not in INDEPENDENT]
    shared = sorted(set(drafts).intersection(*({p for p, _ in picks[methods[way].recipe]} for way in searches)))
    for label in searches:
        method = methods[label]
        assert method.last is not None
        tokens, ours = method.last.cost.tokens, {p: float(right) for p, right in picks[method.recipe]}
        k = min(16.0, tokens / (methods[RIVAL].last.cost.tokens / 16))  # type: ignore[union-attr]
        theirs = [_best(drafts[p], k) for p in shared]
        gap = paired_bootstrap([ours[p] for p in shared], theirs)
        shown = " ".join(f"{100 * value:+.1f}" for value in (gap.estimate, gap.low, gap.high))
        rival = f"{np.mean(theirs):.1%} (k = {k:.1f})"
        lines.append(f"| {label} | {tokens:,.0f} | {method.last.accuracy.estimate:.1%} | {rival} | {shown} |")
    return "\n".join(lines)


def _grouped(rows: Sequence[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
    """Returns a dict from the first column of rows to the other columns."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for first, *rest in rows:
        found.setdefault(first, []).append(tuple(rest))
    return found


def _best(drafts: Sequence[tuple[bool, float]], k: float) -> float:
    """Returns the probability that the best of k drafts is right."""
    right, values = [bool(r) for r, _ in drafts], [v for _, v in drafts]
    low, high = floor(k), ceil(k)
    found = [best_of_k(values, right, size) for size in (low, high)]
    return found[0] + (k - low) * (found[1] - found[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=250)
    parser.add_argument("--seed", type=int, default=seed_of(HERE / "prm.npz"))
    parser.add_argument("--drafts", type=int, default=24, help="sampled for the votes, at most")
    parser.add_argument("--db", help="a store to keep; a temporary one without it")
    parser.add_argument("--plot", help="a picture to draw, .svg or .png")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        db = options.db or str(Path(folder) / "searches.duckdb")
        found = asyncio.run(measure(options, db))
        print(markdown(found))  # noqa: T201 - a table for the reader
        print(f"\n{beside(found, db)}\n\n{time.monotonic() - began:,.0f} s")  # noqa: T201
    if options.plot:
        plot(found, options.plot)


if __name__ == "__main__":
    main()
