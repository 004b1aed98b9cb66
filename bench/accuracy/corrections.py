"""Measures the effect of each feedback on the embedded model, turn by turn and at equal tokens:

    python bench/accuracy/corrections.py

It uses 500 held-out problems of levels 2 to 4 that no other benchmark draws, the base weights, and 4 trajectories per
problem. It prints the tables of docs/evaluate.md and draws its picture. With an existing store (--db), it continues
where the last run ended.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from redraft.flows.display.progress import Lines
from redraft.flows.evaluate import evaluate
from redraft.flows.evaluation.evaluation import Evaluation
from redraft.flows.evaluation.report import markdown
from redraft.flows.plots.accuracy import plot
from redraft.flows.settings import Settings

FEEDBACK = {
    "none": "feedback=none",
    "model": "feedback=none critic=model",
    "likelihood": "feedback=likelihood",
    "prm": "feedback=prm feedback.grader=likelihood feedback.threshold=-0.2",
    "fixed": "feedback=fixed policy.window=2",
    "tool": "feedback=tool",
    "oracle": "feedback=oracle",
    "random": "feedback=random",
}
"""Every feedback that the embedded model can use. `self`, `critic` and `none` with `style=huang` need a model that
chats, and `peers` is part of `debate`."""


async def measure(options: argparse.Namespace, db: str) -> Evaluation:
    ways = [f"correct {FEEDBACK[name]} turns={options.turns}" for name in options.feedback.split(",")]
    return await evaluate(
        f"builtin:split=heldout,levels=2-4,seed={options.seed}",
        strategies=[*ways, f"best_of_n samples={options.turns}"],
        db=db,
        settings=Settings(samples=options.samples),
        limit=options.problems,
        progress=Lines(seconds=60),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=500)
    parser.add_argument("--seed", type=int, default=4104)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--feedback", default=",".join(FEEDBACK), help="names with commas between them")
    parser.add_argument("--db", help="a store to keep; a temporary one without it")
    parser.add_argument("--plot", help="a picture to draw, .svg or .png")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(options, options.db or str(Path(folder) / "corrections.duckdb")))
    print(markdown(found))  # noqa: T201 - a table for the reader
    print(f"\n{time.monotonic() - began:,.0f} s")  # noqa: T201
    if options.plot:
        plot(found, options.plot)


if __name__ == "__main__":
    main()
