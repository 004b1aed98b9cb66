"""its_hub's particle filter."""

# pyright: reportMissingImports=false

from its_hub.core.algorithms.particle_gibbs import ParticleFiltering
from its_hub_steps import STEPS, Hashed, gathered
from measure import Task, measured


async def run(task: Task) -> None:
    await gathered(task, ParticleFiltering(STEPS, Hashed()))


if __name__ == "__main__":
    measured(run)
