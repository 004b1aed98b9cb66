"""its_hub's beam search. Its `beam_width` is the number of candidates that are kept, a fourth of all."""

# pyright: reportMissingImports=false

from its_hub.core.algorithms.beam_search import BeamSearch
from its_hub_steps import STEPS, Hashed, gathered
from measure import Task, measured


async def run(task: Task) -> None:
    await gathered(task, BeamSearch(STEPS, Hashed(), beam_width=task.samples // 4))


if __name__ == "__main__":
    measured(run)
