"""Measures the effect of one redraft on the embedded model's drafts, under each feedback: `python
bench/accuracy/feedback.py`.

Held-out problems of levels 1 to 4, the same for each feedback, 8 new samples of each problem per feedback, two turns.
`oracle` is an upper bound, because it reads the known answer. Costs differ: a draft that is not redrafted costs only
one draft.
"""

import argparse
import asyncio
import tempfile

from redraft.flows.generate import generate
from redraft.flows.summary.summary import Summary
from redraft.graders.statistics import Interval


async def measure(feedback: str, limit: int, seed: int) -> Summary:
    with tempfile.TemporaryDirectory() as folder:
        return await generate(
            f"builtin:split=heldout,seed={seed}",
            db=f"{folder}/feedback.duckdb",
            arguments={"feedback": feedback, "turns": 2},
            samples=8,
            limit=limit,
        )


def percent(interval: Interval | None) -> str:
    if interval is None:
        return ""
    return f"{interval.estimate:.1%} [{interval.low:.1%}, {interval.high:.1%}]"


def show(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)  # noqa: T201 - a table for the reader


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=200, help="problems")
    parser.add_argument("--seed", type=int, default=12)
    options = parser.parse_args()
    show("feedback", "first draft right", "last draft right", "change", "redrafted", "wrong to right", "right to wrong")
    for name in ("none", "likelihood", "oracle"):
        found = asyncio.run(measure(name, options.limit, options.seed))
        counts = (f"{n:,}" for n in (found.redrafted, found.wrong_to_right, found.right_to_wrong))
        show(name, percent(found.first), percent(found.last), percent(found.gain), *counts)
