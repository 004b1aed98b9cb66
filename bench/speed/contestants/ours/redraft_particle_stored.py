"""redraft's particle filter, as a run of `generate`."""

from measure import Task, measured
from searched import free, stored


async def run(task: Task) -> None:
    await stored(task, "particle", grader=free, n=task.samples, resampling="multinomial")


if __name__ == "__main__":
    measured(run)
