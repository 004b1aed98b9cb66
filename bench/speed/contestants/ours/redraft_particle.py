"""redraft's particle filter."""

from measure import Task, measured
from searched import free, gathered


async def run(task: Task) -> None:
    await gathered(task, "particle", grader=free, n=task.samples, resampling="multinomial")


if __name__ == "__main__":
    measured(run)
