"""Searches over steps beside votes and best-of-N, at equal tokens, on the embedded model: `python bench/searches.py`.

Held-out problems of levels 3 and 4, drawn by a seed that is hashed from the reward model's weights. Each method runs
in two sizes that write about as much as 4 and as 16 independent drafts. The first table holds each beside a vote of as
many tokens as it wrote, exactly; the second, in pairs, beside the best of 4 or of 16 by the same reward model. It
prints the tables of docs/search.md and draws its picture. A store that is kept (--db) goes on where it was.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from prm import seed_of

from redraft.flows.compared import markdown
from redraft.flows.evaluate import evaluate
from redraft.flows.evaluation import Evaluation
from redraft.flows.job import Settings
from redraft.flows.plot import plot
from redraft.flows.progress import Lines
from redraft.graders.statistics import paired_bootstrap
from redraft.llm.embedded.prm import HERE
from redraft.store import Store

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
"""What is run, by the number of drafts that it costs as much as."""


async def measure(options: argparse.Namespace, db: str) -> Evaluation:
    return await evaluate(
        f"builtin:levels=3-4,seed={options.seed}",
        strategies=["greedy", *(way for size in SIZES.values() for way in size)],
        db=db,
        settings=Settings(samples=1),
        limit=options.problems,
        baseline=options.drafts,
        progress=Lines(seconds=60),
    )


def beside(found: Evaluation, db: str) -> str:
    """Each method's difference to the best of as many drafts by the same reward model, in points."""
    with Store(db, create=False) as store:
        sql = "SELECT recipe, problem_id, correct FROM trajectories WHERE chosen AND correct IS NOT NULL"
        right: dict[str, dict[str, float]] = {}
        for recipe, problem, correct in store.query(sql).rows:
            right.setdefault(recipe, {})[problem] = float(correct)
    recipes: Mapping[str, str] = {method.label: method.recipe for method in found.methods}
    lines = ["| method | beside | difference | problems |", "|---|---|---|---|"]
    for size, ways in SIZES.items():
        rival = f"best_of_n grader=prm samples={size}"
        for way in ways:
            ours, theirs = (right[_of(recipes, name)] for name in (way, rival))
            shared = sorted(ours.keys() & theirs.keys())
            gap = paired_bootstrap([ours[p] for p in shared], [theirs[p] for p in shared])
            points = [f"{100 * value:+.1f}" for value in (gap.estimate, gap.low, gap.high)]
            lines.append(f"| {way} | best of {size} | {points[0]} [{points[1]}, {points[2]}] | {len(shared)} |")
    return "\n".join(lines)


def _of(recipes: Mapping[str, str], way: str) -> str:
    """The recipe of the method whose label has the words of a way."""
    return next(recipe for label, recipe in recipes.items() if set(way.split()) == set(label.split()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=400)
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
