"""redraft's beam search."""

from measure import Task, measured
from searched import free, gathered


async def run(task: Task) -> None:
    await gathered(task, "beam", grader=free, n=task.samples, width=4)


if __name__ == "__main__":
    measured(run)
