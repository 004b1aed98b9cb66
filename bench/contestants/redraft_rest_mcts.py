"""redraft's ReST-MCTS*, with a critic and a value that are calls."""

from measure import Task, measured
from searched import called, searched


async def run(task: Task) -> None:
    arguments = {"iterations": task.samples, "branch": 3}
    await searched(task, "rest_mcts", grader=called, critic="model", arguments=arguments)


if __name__ == "__main__":
    measured(run)
