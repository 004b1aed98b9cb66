"""inspect_ai with one epoch per sample, or with all samples in one call. Its scorer `match` is used, and its log is
written."""

# pyright: reportMissingImports=false

import os

from inspect_ai import Task as Evaluation
from inspect_ai import eval_async
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import match
from inspect_ai.solver import generate
from measure import Task, measured


async def run(task: Task) -> None:
    os.environ["INSPECT_DISPLAY"] = "none"
    samples = [Sample(input=problem["prompt"], target=problem["answer"]) for problem in task.problems]
    [log] = await eval_async(
        Evaluation(dataset=MemoryDataset(samples), solver=generate(), scorer=match(numeric=True)),
        model="openai-api/mock/mock",
        model_base_url=task.url,
        model_args={"api_key": "none"},
        epochs=1 if task.together else task.samples,
        num_choices=task.samples if task.together else None,
        log_dir=str(task.folder),
        max_connections=task.concurrency,
        max_samples=task.concurrency,
        temperature=1.0,
        max_tokens=1024,
    )
    assert log.status == "success", log.error
    assert log.results is not None
    assert log.results.completed_samples == len(samples) * (1 if task.together else task.samples)


if __name__ == "__main__":
    measured(run)
