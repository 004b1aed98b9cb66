"""The work of the deployment `nightly` of `redraft schedule` as a program: it drafts, grades, annotates and exports.

    python examples/nightly.py 2026-01-01

It needs no API key and takes a few seconds. The argument is the date of the night, by default today in UTC. If it is
repeated with the same date, no model is called, because the store nightly.duckdb has the results. Another date draws
one more replicate.
"""

import asyncio
import sys
from datetime import UTC, datetime

from redraft.flows import annotate, export, generate

DB = "nightly.duckdb"
FILE = "nightly.sft.jsonl"
LEAST_RIGHT = 1


async def night(date: str) -> None:
    """Adds drafts to the store and writes the training rows. Raises SystemExit if no draft is right, so that a
    scheduler reports a failure."""
    drawn = await generate("builtin:split=train", db=DB, strategy="correct", samples=2, limit=20, replicate=date)
    print(f"{date}: {drawn.new} new trajectories of {drawn.problems} problems; {drawn.right} of the night's are right")

    judged = await annotate(db=DB, grader="rollout", arguments={"grader.rollouts": 2}, where="turn = 1", limit=5)
    print(f"Rollouts gave {judged.values} of {judged.drafts} first drafts a value for each step")

    exported = await export(FILE, db=DB, overwrite=True)
    dropped = ", ".join(f"{count} {reason}" for reason, count in exported.dropped.items())
    print(f"{exported.kept} rows of all nights are in {exported.file}; left out: {dropped}")
    if drawn.right < LEAST_RIGHT:
        raise SystemExit("Nothing is right: look at the model before the next night.")


if __name__ == "__main__":
    asyncio.run(night(sys.argv[1] if len(sys.argv) > 1 else f"{datetime.now(UTC):%Y-%m-%d}"))
