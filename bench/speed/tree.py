"""Measures the cost of a search node in small and large trees: `python bench/speed/tree.py`.

Trees of 100, 1,000 and 10,000 nodes are made with steps and values that take no time, so that only the search is
measured. The table has processor time and memory per node, as medians of seven runs, and their ratios to those of the
smallest tree.
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
    """Returns a step with a unique text. One in twenty ends the solution."""
    chance = random.Random(request.seeds[index])
    ends = chance.random() < 0.05
    text = f"In all, that makes {chance.randrange(10**6)}." + ("\n\n#### 8" if ends else "")
    return Choice(text, Finish.END if ends else Finish.STOP, 9, logprobs=(-1.0,), offsets=(0,))


async def valued(trajectories: Sequence[Trajectory]) -> list[Grade]:
    """Returns values computed from the texts' hashes."""
    return [
        Grade("hash", path.trajectory_id, path.turn, value=int(digest(path.steps[-1].prefix_key), 16) / 2**64)
        for path in trajectories
    ]


def searches() -> dict[str, Callable[[int], Agent]]:
    """Returns functions by the name of the search. Each makes an agent for a number of nodes."""

    def monte_carlo(nodes: int) -> Agent:
        policy = stepwise(Client(Scripted(written)))
        return mcts(policy, grader=valued, critic=none(), iterations=nodes // BRANCH, branch=BRANCH)

    def rest(nodes: int) -> Agent:
        policy = stepwise(Client(Scripted(written)))
        settings = {"iterations": nodes // BRANCH, "branch": BRANCH, "full": True, "roll_forward_steps": 0}
        return rest_mcts(policy, grader=valued, critic=none(), **settings)

    return {"mcts": monte_carlo, "rest_mcts": rest}


def seconds(agent: Agent, number: int) -> tuple[float, int]:
    """Returns the processor seconds of one search, including its result, and its number of nodes."""
    gc.collect()
    start = time.process_time()
    paths = asyncio.run(grown(agent, number))
    taken = time.process_time() - start
    return taken, len({step.step_id for path in paths for step in path.steps})


async def grown(agent: Agent, number: int) -> list[Trajectory]:
    return await agent(Question("p", "How much?", unit=f"u{number}"))


def peak(agent: Agent) -> int:
    """Returns the peak memory of one search in bytes."""
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
