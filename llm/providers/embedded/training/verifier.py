"""Trains the embedded reward model on judged solutions: the steps of a process reward model (Lightman et al. 2023), or
partial solutions with their values (ReST-MCTS*: Zhang et al. 2024). Needs the extra `train`.

The loss `prm` is the binary cross-entropy of the steps' values. The loss `value` is the squared error of the values of
partial solutions. Values are in [0, 1].
"""

# pyright: reportMissingImports=false
import random
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from redraft.llm.providers.embedded.network import CONTEXT, quantize
from redraft.llm.providers.embedded.reward_model import HERE, WEIGHTS, scoring_prefix
from redraft.llm.providers.embedded.training.examples import ExampleError, Judged
from redraft.llm.providers.embedded.training.finetune import schedule
from redraft.llm.providers.embedded.training.length_batches import length_batches
from redraft.llm.providers.embedded.training.pretrain import load, optimizers
from redraft.llm.providers.embedded.training.reward_batches import Batch
from redraft.llm.providers.embedded.training.settings import FinetuneSettings
from redraft.llm.providers.embedded.training.train_reward_model import RewardModel, begin

HEAD = 20
"""The learning rate of the head, which is new, as a multiple of the rate of the network."""


@dataclass(frozen=True, slots=True)
class VerifierResult:
    """The result of a training. The losses are means over the first and the last tenth of the training steps."""

    folder: str
    solutions: int
    left_out: int  # solutions that are longer than the context
    values: int
    steps: int
    first_loss: float
    last_loss: float


class Solution(NamedTuple):
    """A solution as tokens. `ends` has a triple for each step that has a value: the index of the first and of the last
    token of the step's last line, and the value."""

    tokens: list[int]
    ends: list[tuple[int, int, float]]


def train_verifier(
    rows: Sequence[Judged],
    out: Path,
    *,
    source: Path,
    loss: str,
    settings: FinetuneSettings,
    say: Callable[[str], None] = lambda line: None,
) -> VerifierResult:
    """Trains the reward model in the folder `source`, or the policy in that folder with a new head, and writes it to
    the folder `out`. The same rows, settings and machine give the same weights. Raises ExampleError if there is nothing
    to learn."""
    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    read = [tokenize(tokenizer, row) for row in rows]
    fitting = [one for one in read if one.ends and len(one.tokens) <= CONTEXT]
    if not fitting:
        raise ExampleError(f"no solution fits into the {CONTEXT:,} tokens that the model reads: export shorter ones")
    rng = random.Random(f"verify {settings.seed}")
    plan = [batch for _ in range(settings.epochs) for batch in batches(fitting, rng)]
    model = first_verifier(source)
    heads = [model.hidden.weight, model.value.weight]  # their biases are with the norms
    rates = [settings.rate, settings.rate, HEAD * settings.rate]
    steppers = [*optimizers(model, settings.rate), torch.optim.AdamW(heads, lr=rates[-1], weight_decay=0.0)]
    losses: list[float] = []
    for step, (batch, values) in enumerate(plan):
        for stepper, rate in zip(steppers, rates, strict=True):
            stepper.param_groups[0]["lr"] = rate * schedule(step, len(plan))
        found = verifier_loss(judge(model, batch), torch.from_numpy(values), loss)
        found.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for stepper in steppers:
            stepper.step()
            stepper.zero_grad(set_to_none=True)
        losses.append(found.item())
        if (step + 1) % 50 == 0 or step + 1 == len(plan):
            say(f"step {step + 1:,} of {len(plan):,}, loss {np.mean(losses[-50:]):.4f}")
    write(model, source, out)
    tenth = max(1, len(losses) // 10)
    first, last = (round(float(np.mean(part)), 6) for part in (losses[:tenth], losses[-tenth:]))
    count = sum(len(one.ends) for one in fitting)
    return VerifierResult(str(out), len(fitting), len(rows) - len(fitting), count, len(plan), first, last)


def first_verifier(source: Path) -> RewardModel:
    """Returns the reward model in the folder `source`. If the folder has none, or is the folder of the included model,
    returns the policy in it with a new head."""
    if source != HERE and (source / WEIGHTS).is_file():
        return begin(source / WEIGHTS)
    model = begin(None)
    model.load_state_dict(load(source).state_dict(), strict=False)
    return model


def judge(model: RewardModel, batch: Batch) -> Tensor:
    """Returns the logit of each value in a batch: (values,)."""
    inputs = (torch.from_numpy(array) for array in (batch.tokens, batch.positions, batch.mask))
    states, logits, _ = model.read(*inputs)
    return model.judge(states, logits, batch)


def verifier_loss(logits: Tensor, values: Tensor, loss: str) -> Tensor:
    """Returns the mean loss of the logits (values,) for the values, which are in [0, 1]."""
    if loss == "value":
        return F.mse_loss(torch.sigmoid(logits), values)
    return F.binary_cross_entropy_with_logits(logits, values)


def tokenize(tokenizer: Tokenizer, row: Judged) -> Solution:
    """Returns a solution as tokens. Each line includes its line break, as when the reward model scores it."""
    tokens = list(tokenizer.encode(scoring_prefix(row.question), add_special_tokens=False).ids)
    ends: list[tuple[int, int, float]] = []
    for step, value in zip(row.steps, row.values, strict=True):
        start = len(tokens)
        for line in step.split("\n"):
            start = len(tokens)
            tokens += tokenizer.encode(f"{line}\n", add_special_tokens=False).ids
        if value is not None:
            ends.append((start, len(tokens) - 1, value))
    return Solution(tokens, ends)


def batches(solutions: Sequence[Solution], rng: random.Random) -> list[tuple[Batch, np.ndarray]]:
    """Returns all solutions in batches of similar length, in a random order."""
    return [_batch(rows, length) for length, rows in length_batches(solutions, lambda one: len(one.tokens), rng)]


def _batch(rows: Sequence[Solution], length: int) -> tuple[Batch, np.ndarray]:
    shape = (len(rows), length)
    tokens = np.zeros(shape, np.int64)
    for number, row in enumerate(rows):
        tokens[number, : len(row.tokens)] = row.tokens
    positions = np.broadcast_to(np.arange(length), shape).copy()
    before = np.maximum(positions - 1, 0)
    mask = np.broadcast_to(np.tril(np.ones((length, length), bool)), (len(rows), 1, length, length)).copy()
    ends = np.array([(number, first, last, 0) for number, row in enumerate(rows) for first, last, _ in row.ends])
    values = np.array([value for row in rows for *_, value in row.ends], np.float32)
    unused = np.zeros((0, 0), np.int64)
    return Batch(tokens, positions, before, mask, unused, unused, ends), values


def write(model: RewardModel, source: Path, out: Path) -> None:
    """Writes weights and tokenizer. Each file appears under its name only when it is complete."""
    out.mkdir(parents=True, exist_ok=True)
    arrays = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    with tempfile.TemporaryDirectory(dir=out) as made:
        shutil.copyfile(source / "tokenizer.json", Path(made) / "tokenizer.json")
        np.savez_compressed(Path(made) / WEIGHTS, allow_pickle=False, **quantize(arrays))
        for name in ("tokenizer.json", WEIGHTS):
            (Path(made) / name).replace(out / name)
