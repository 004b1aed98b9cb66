"""A grader of your own: it chooses the best of four drafts, and an SQL query measures its quality.

    python examples/own_grader.py

It needs no API key and takes a few seconds. All results are stored in own_grader.duckdb. Every command takes the grader
too: `redraft generate --strategy best_of_n --grader examples/own_grader.py:sums_hold`.
"""

import asyncio
import re
from collections.abc import Sequence

from redraft.flows import generate
from redraft.graders import Grader
from redraft.store import Grade, Store, Trajectory

DB = "own_grader.duckdb"
SUM = re.compile(r"(\d+)([-+*])(\d+)=(\d+)")
TRUST = """
SELECT value, count(*), avg(correct::INT) FROM grades JOIN samples USING (trajectory_id)
WHERE grader = 'sums_hold' GROUP BY value ORDER BY value
"""
COMPUTED = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}


def sums_hold() -> Grader:
    """Returns a grader whose value is the share of a draft's sums, such as 4*6=24, that hold. A draft without sums has
    a reason instead of a value."""

    def value(text: str) -> float | None:
        sums = [COMPUTED[sign](int(left), int(right)) == int(result) for left, sign, right, result in SUM.findall(text)]
        return sum(sums) / len(sums) if sums else None

    async def grade(trajectories: Sequence[Trajectory]) -> list[Grade]:
        values = [(draft, value(draft.text())) for draft in trajectories]
        return [
            Grade("sums_hold", draft.trajectory_id, draft.turn, number, reason=None if number is not None else "no sum")
            for draft, number in values
        ]

    return grade


async def main() -> None:
    for grader in (sums_hold, "likelihood"):
        summary = await generate(
            "builtin:split=train,levels=2-4", db=DB, strategy="best_of_n", grader=grader, samples=4, limit=40
        )
        if summary.chosen and summary.pass_at_1 is not None:
            print(f"{summary.grader}: its choice among 4 drafts is right in {summary.chosen.estimate:.0%} of", end=" ")
            print(f"{summary.problems} problems; a single draft in {summary.pass_at_1:.0%}")

    with Store(DB) as store:
        table = store.query(TRUST)
    for share, drafts, right in table.rows:
        print(
            f"{drafts} drafts have {'no sums' if share is None else f'{share:.0%} sums that hold'}: {right:.0%} right"
        )


if __name__ == "__main__":
    asyncio.run(main())
