"""Trains the embedded model on the CPU, with PyTorch."""

import asyncio
from dataclasses import asdict
from pathlib import Path

from redraft.flows.train import train
from redraft.flows.trainers.trainer import CLASSIFIERS, Trained, Trainer, TrainingError, TrainingTask
from redraft.llm.model import ModelError
from redraft.llm.providers.embedded.model import weights_folder
from redraft.llm.providers.embedded.training.settings import FinetuneSettings
from redraft.store.errors import PartError, alternatives

LOSSES = ("sft", "dpo", "prm", "value")


def embedded(
    *,
    epochs: int = 1,
    rate: float = 6e-4,
    replay: float = 0.25,
    average: float = 0.0,
    threads: int = 1,
    beta: float = 0.1,
) -> Trainer:
    """Tunes the embedded model. The loss `sft` is supervised fine-tuning, in which each row is weighted by its
    `weight`, or each step by its own weight. `dpo` is direct preference optimization. `prm` and `value` train a reward
    model that is initialized from the model, on rows of the formats of the same names. The same rows, seed and machine
    give the same weights.

    Args:
        epochs: The number of passes over the rows.
        rate: The maximum learning rate.
        replay: The share of rows from the original training that are added to prevent forgetting; losses other than
            `sft` add none.
        average: The share of the old weights in the average with the new weights of a policy, to prevent forgetting.
        threads: The number of CPU threads.
        beta: The strength of the reference model in `dpo`.
    """
    if epochs < 1 or threads < 1 or rate <= 0 or beta <= 0 or not 0 <= replay < 1 or not 0 <= average < 1:
        raise PartError(
            f"epochs={epochs}, threads={threads}, rate={rate:g}, beta={beta:g}, replay={replay:g} and"
            f" average={average:g} of trainer 'embedded' have to be at least 1, at least 1, above 0, above 0, and the"
            " last two from 0 to below 1"
        )

    _check_pytorch()

    async def trainer(task: TrainingTask) -> Trained:
        if task.loss not in LOSSES:
            raise TrainingError(f"trainer 'embedded' has no loss {task.loss!r}; {alternatives(task.loss, LOSSES)}")
        settings = FinetuneSettings(
            epochs=epochs, rate=rate, replay=replay, average=average, seed=task.seed, threads=threads
        )
        if task.loss == "dpo":
            figures = await asyncio.to_thread(_prefer, task, settings, beta)
        elif task.loss in CLASSIFIERS:
            figures = await asyncio.to_thread(_verify, task, settings)
        else:
            tuned = await train(
                [task.rows],
                task.out,
                model=task.base,
                trunk=task.trunk,
                settings=settings,
                overwrite=True,
                include_heldout=True,  # the export has already left them out
                say=task.say,
            )
            figures = asdict(tuned)
        del figures["folder"]
        return Trained(f"embedded:{task.out}", figures)

    return trainer


def _check_pytorch() -> None:
    """Raises ModelError if PyTorch cannot be imported, before any draft is paid for. The import takes a second."""
    try:
        from redraft.llm.providers.embedded.training import finetune  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise ModelError(
            f"Training needs PyTorch, which cannot be imported ({error}).", cure="Install redraft[train]."
        ) from error


def _prefer(task: TrainingTask, settings: FinetuneSettings, beta: float) -> dict[str, object]:
    """Trains by DPO, and returns the measurements. Raises ModelError if PyTorch is not installed."""
    from redraft.llm.providers.embedded.training.pairs import read_pairs
    from redraft.llm.providers.embedded.training.preferences import prefer

    source, pairs = _source(task), read_pairs(task.rows)
    return asdict(
        prefer(pairs, Path(task.out), source=source, trunk=task.trunk, settings=settings, beta=beta, say=task.say)
    )


def _verify(task: TrainingTask, settings: FinetuneSettings) -> dict[str, object]:
    """Trains a reward model, and returns the measurements."""
    from redraft.llm.providers.embedded.training.examples import read_judged
    from redraft.llm.providers.embedded.training.verifier import train_verifier

    source, judged = _source(task), read_judged(task.rows)
    return asdict(train_verifier(judged, task.out, source=source, loss=task.loss, settings=settings, say=task.say))


def _source(task: TrainingTask) -> Path:
    source = weights_folder(task.base)
    if source is None:
        raise ModelError(f"{task.base} cannot be trained by redraft.", cure="Name another trainer by --trainer.")
    return source
