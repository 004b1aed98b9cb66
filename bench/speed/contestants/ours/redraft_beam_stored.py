"""redraft's beam search, as a run of `generate`."""

from measure import Task, measured
from searched import free, stored


async def run(task: Task) -> None:
    await stored(task, "beam", grader=free, n=task.samples, width=4)


if __name__ == "__main__":
    measured(run)
