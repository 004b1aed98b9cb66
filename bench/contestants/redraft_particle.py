"""redraft's particle filter."""

from measure import Task, measured
from searched import free, searched


async def run(task: Task) -> None:
    await searched(task, "particle", grader=free, arguments={"n": task.samples, "resampling": "multinomial"})


if __name__ == "__main__":
    measured(run)
