"""redraft with a server's address (`api_base`)."""

from measure import Task, measured
from stored import best_of_n


async def run(task: Task) -> None:
    await best_of_n(task, "mock", task.url)


if __name__ == "__main__":
    measured(run)
