"""redraft's beam search."""

from measure import Task, measured
from searched import free, searched


async def run(task: Task) -> None:
    await searched(task, "beam", grader=free, arguments={"n": task.samples, "width": 4})


if __name__ == "__main__":
    measured(run)
