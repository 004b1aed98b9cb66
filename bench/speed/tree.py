"""What a node of a search costs, in a small tree and in a large one: `python bench/speed/tree.py`.

Trees of 100, 1,000 and 10,000 nodes are grown with steps and values that cost nothing, so that what is measured is the
search: processor time and memory a node, medians of seven, and their ratio to the smallest tree's.
"""

import argparse
import asyncio
import gc
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence

from redraft.agents.agent import Agent
from redraft.agents.critics.none import none
from redraft.agents.policies.policy import stepwise
from redraft.agents.strategies.tree_search.mcts import mcts
from redraft.agents.strategies.tree_search.rest_mcts import rest_mcts
from redraft.llm.client.client import Client
from redraft.llm.model import Choice, Finish, Request
from redraft.llm.scripted import Scripted
from redraft.store.digest import digest
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Trajectory

BRANCH = 3
SIZES = (100, 1_000, 10_000)


def written(request: Request, index: int) -> Choice:
    """A step with a text of its own; one in twenty ends the solution."""
    chance = random.Random(request.seeds[index])
    ends = chance.random() < 0.05
    text = f"In all, that makes {chance.randrange(10**6)}." + ("\n\n#### 8" if ends else "")
    return Choice(text, Finish.END if ends else Finish.STOP, 9, logprobs=(-1.0,), offsets=(0,))


async def valued(trajectories: Sequence[Trajectory]) -> list[Grade]:
    """A value by the text's hash."""
    return [
        Grade("hash", path.trajectory_id, path.turn, value=int(digest(path.steps[-1].prefix_key), 16) / 2**64)
        for path in trajectories
    ]


def searches() -> dict[str, Callable[[int], Agent]]:
    """Each search by its name, of so many nodes."""

    def monte_carlo(nodes: int) -> Agent:
        policy = stepwise(Client(Scripted(written)))
        return mcts(policy, grader=valued, critic=none(), iterations=nodes // BRANCH, branch=BRANCH)

    def rest(nodes: int) -> Agent:
        policy = stepwise(Client(Scripted(written)))
        settings = {"iterations": nodes // BRANCH, "branch": BRANCH, "full": True, "roll_forward_steps": 0}
        return rest_mcts(policy, grader=valued, critic=none(), **settings)

    return {"mcts": monte_carlo, "rest_mcts": rest}


def seconds(agent: Agent, number: int) -> tuple[float, int]:
    """Processor seconds of one search, its result included, and its nodes."""
    gc.collect()
    start = time.process_time()
    paths = asyncio.run(grown(agent, number))
    taken = time.process_time() - start
    return taken, len({step.step_id for path in paths for step in path.steps})


async def grown(agent: Agent, number: int) -> list[Trajectory]:
    return await agent(Question("p", "How much?", unit=f"u{number}"))


def peak(agent: Agent) -> int:
    """The most bytes that one search holds."""
    gc.collect()
    tracemalloc.start()
    asyncio.run(grown(agent, 0))
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def show(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)  # noqa: T201 - a table for the reader


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    show("search", "nodes", "ms a node", "ratio", "KiB a node", "ratio")
    for name, search in searches().items():
        least: tuple[float, float] | None = None
        for size in SIZES:
            seconds(search(size), 0)
            times, counts = zip(*(seconds(search(size), number) for number in range(options.runs)), strict=True)
            each = statistics.median(1000 * taken / count for taken, count in zip(times, counts, strict=True))
            held = peak(search(size)) / 1024 / counts[0]
            least = least or (each, held)
            show(name, f"{size:,}", f"{each:.3f}", f"{each / least[0]:.2f}", f"{held:.1f}", f"{held / least[1]:.2f}")
