"""A strategy of your own, compared on held-out problems with votes at the same number of tokens.

    python examples/own_strategy.py

It needs no API key and takes a few seconds. Drafts are stored in own_strategy.duckdb, so a second run calls no model.
Every command takes the strategy too: `redraft generate --strategy examples/own_strategy.py:until_two_agree`.
"""

import asyncio

from redraft.agents import Agent, Policy, solve
from redraft.flows import evaluate
from redraft.store import Question, Trajectory, replace

QUESTION = (
    "Toys cost 19 dollars each, and Finn buys 3 of them. Finn has a coupon worth 45 dollars. "
    "Finn adds 7 kites, each priced at 16 dollars. How many dollars does Finn pay?"
)  # 124


def until_two_agree(policy: Policy, *, most: int = 8) -> Agent:
    """Draws drafts one after another until two have the same answer, which wins.

    If no two of `most` drafts agree, the last draft with an answer wins.
    """

    async def agent(question: Question) -> list[Trajectory]:
        drafts: list[Trajectory] = []  # the latest first
        for index in range(most):
            [draft] = await policy(Trajectory(question), 1, index)
            agreed = draft.answer is not None and draft.answer in [earlier.answer for earlier in drafts]
            drafts.insert(0, draft)
            if agreed:
                break
        else:
            drafts.sort(key=lambda draft: draft.answer is None)
        return [replace(drafts[0], chosen=True), *drafts[1:]]

    return agent


async def main() -> None:
    chosen, *others = await solve(QUESTION, strategy=until_two_agree)
    drawn = ", ".join(str(draft.answer) for draft in [*reversed(others), chosen])
    print(f"{QUESTION}\nThe drafts answer {drawn}. The first answer that comes twice wins:\n\n{chosen.text()}\n")

    strategies = [until_two_agree, "self_consistency samples=4"]
    found = await evaluate(
        "builtin:split=heldout,levels=2-3", strategies=strategies, limit=30, db="own_strategy.duckdb"
    )
    for method in found.methods:
        if (row := method.last) and row.equal_cost:
            print(
                f"{method.label}: {row.accuracy.estimate:.0%} right for {row.cost.tokens:.0f} tokens a problem; "
                f"a vote of as many tokens: {row.equal_cost.accuracy.estimate:.0%}"
            )


if __name__ == "__main__":
    asyncio.run(main())
