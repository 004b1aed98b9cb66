"""redraft's ReST-MCTS*, with a critic and a grader that call the model, as a run of `generate`."""

from measure import Task, measured
from searched import called, stored


async def run(task: Task) -> None:
    await stored(task, "rest_mcts", grader=called, critic="model", iterations=task.samples, branch=3)


if __name__ == "__main__":
    measured(run)
