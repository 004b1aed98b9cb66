"""Fine-tunes the embedded model on weighted conversations (reward-weighted regression, as in RISE: Qu et al. 2024).

The loss is the mean over a batch's target tokens of weight times negative log-likelihood, divided by the batch's mean
weight. So the scale of the weights does not affect the learning rate. A row has one weight, or one for each of its
steps. Conversations from the model's first training are mixed in (replay), so that the model does not forget them.
Needs the extra `train`.
"""

# pyright: reportMissingImports=false
import itertools
import random
import shutil
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from redraft.llm.providers.embedded.network import CONTEXT, unpack
from redraft.llm.providers.embedded.reward_model import WEIGHTS as REWARD_WEIGHTS
from redraft.llm.providers.embedded.training.corpus import Conversation, conversations
from redraft.llm.providers.embedded.training.examples import (
    Example,
    ExampleError,
    FinetuneResult,
    normalize_weights,
)
from redraft.llm.providers.embedded.training.length_batches import length_batches
from redraft.llm.providers.embedded.training.pretrain import (
    FULL,
    HERE,
    Llama,
    encode,
    load,
    optimizers,
    save,
)
from redraft.llm.providers.embedded.training.settings import FinetuneSettings

IGNORED = -100
LAYERS = "blocks."
"""The prefix of the names of the layers' weights."""
WARMUP = 0.04  # fraction of the steps


class TokenizedExample(NamedTuple):
    tokens: list[int]
    learnt: int  # the number of target tokens at the end
    weights: Sequence[float]  # the weights of the target tokens


class Batch(NamedTuple):
    """Inputs, targets, and the weights of the targets, each of shape (rows, length). Tokens that are not targets are
    IGNORED."""

    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]
    weights: NDArray[np.float32]


def finetune(
    lessons: Sequence[Example],
    out: Path,
    *,
    source: Path = HERE,
    trunk: Path | None = None,
    settings: FinetuneSettings = FinetuneSettings(),  # noqa: B008 - frozen
    say: Callable[[str], None] = lambda line: None,
) -> FinetuneResult:
    """Fine-tunes the weights in `source` and writes them to the folder `out`. If `trunk`, the folder of a reward model,
    is given, training begins with that model's layers. The same examples, settings and machine give the same weights.
    Raises ExampleError if there is nothing to learn."""
    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    weights = normalize_weights([lesson.mean_weight for lesson in lessons])
    taught = [tokenize(tokenizer, one, weight) for one, weight in zip(lessons, weights, strict=True) if weight]
    fitting = [example for example in taught if len(example.tokens) <= CONTEXT]
    if not fitting:
        raise ExampleError(f"no row fits into the {CONTEXT:,} tokens that the model reads: export shorter ones")
    rng = random.Random(f"tune {settings.seed}")
    base = (tokenize(tokenizer, Example(drawn.texts), 1.0) for drawn in conversations(rng, FULL))
    more = round(len(fitting) * settings.replay / (1 - settings.replay))
    plan = [batch for _ in range(settings.epochs) for batch in batches([*fitting, *itertools.islice(base, more)], rng)]
    model = begin(source, trunk)
    losses = learn(model, plan, settings.rate, say)
    average(model, load(source), settings.average)
    write(model, source, out)
    tenth = max(1, len(losses) // 10)
    first, last = (round(float(np.mean(part)), 6) for part in (losses[:tenth], losses[-tenth:]))
    return FinetuneResult(str(out), len(fitting), len(lessons) - len(fitting), len(plan), first, last)


def begin(source: Path, trunk: Path | None) -> Llama:
    """Returns the policy in the folder `source`. If `trunk`, the folder of a reward model, is given, the layers are
    taken from that model. The embedding, which is also the output matrix, and the last norm are always the policy's."""
    model = load(source)
    if trunk:
        with np.load(trunk / REWARD_WEIGHTS) as packed:
            layers = {name: torch.from_numpy(array) for name, array in unpack(packed).items()}
        own = {name.removeprefix(LAYERS): array for name, array in layers.items() if name.startswith(LAYERS)}
        model.blocks.load_state_dict(own)
    return model


def learn(
    model: Llama,
    plan: Sequence[Batch],
    rate: float,
    say: Callable[[str], None],
    loss_of: Callable[[Llama, Batch], Tensor] | None = None,
) -> list[float]:
    """Trains one step on each batch, with `finetuning_loss` or the loss `loss_of`. Returns the loss of each step."""
    loss_of = loss_of or finetuning_loss
    steppers = optimizers(model, rate)
    losses: list[float] = []
    for step, batch in enumerate(plan):
        now = rate * schedule(step, len(plan))
        for stepper in steppers:
            stepper.param_groups[0]["lr"] = now
        loss = loss_of(model, batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for stepper in steppers:
            stepper.step()
            stepper.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if (step + 1) % 50 == 0 or step + 1 == len(plan):
            say(f"step {step + 1:,} of {len(plan):,}, loss {np.mean(losses[-50:]):.4f}")
    return losses


def average(model: Llama, before: Llama, share: float) -> None:
    """Moves a model's weights towards those of another model: each weight becomes `share` of the other's plus (1 -
    `share`) of its own (Wortsman et al. 2022, arXiv 2109.01903)."""
    if share:
        with torch.no_grad():
            for own, other in zip(model.parameters(), before.parameters(), strict=True):
                own.lerp_(other, share)


def finetuning_loss(model: Llama, batch: Batch) -> Tensor:
    """Returns the weighted loss of a batch. Matrix products use bfloat16 if the processor multiplies it faster."""
    with torch.autocast("cpu", torch.bfloat16, enabled=has_fast_bfloat16()):
        losses = target_losses(model, batch)
    return weighted_loss(losses, batch)


@cache
def has_fast_bfloat16() -> bool:
    """Returns whether the processor has instructions for bfloat16. Others emulate it, which is slower than float32."""
    return any(getattr(torch.cpu, f"_is_{name}_supported", bool)() for name in ("avx512_bf16", "amx_tile"))


def target_losses(model: Llama, batch: Batch) -> Tensor:
    """Returns the negative log-likelihood of each target token in nats: (targets,), row by row. No logits are computed
    for other tokens."""
    chosen = torch.from_numpy(batch.targets != IGNORED)
    logits = model.head(model.states(torch.from_numpy(batch.inputs))[chosen]).float()
    return F.cross_entropy(logits, torch.from_numpy(batch.targets)[chosen], reduction="none")


def weighted_loss(losses: Tensor, batch: Batch) -> Tensor:
    """Returns the weighted mean of the losses (targets,) of the target tokens, in nats."""
    weights = torch.from_numpy(batch.weights[batch.targets != IGNORED])
    return (losses * weights).sum() / weights.sum()


def schedule(step: int, steps: int) -> float:
    """Returns the learning rate of a step as a fraction of the highest rate: a linear increase, then a cosine to 0."""
    warm = max(1, round(WARMUP * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + float(np.cos(np.pi * (step - warm) / max(1, steps - warm))))


def batches(examples: Sequence[TokenizedExample], rng: random.Random) -> list[Batch]:
    """Returns all examples in batches of similar length. The order of the batches is random."""
    made = length_batches(examples, lambda one: len(one.tokens), rng)
    return [make_batch(rows, length) for length, rows in made]


def make_batch(rows: Sequence[TokenizedExample], length: int) -> Batch:
    """Returns the examples as arrays that are padded to `length` tokens."""
    inputs = np.zeros((len(rows), length), np.int64)
    targets = np.full((len(rows), length), IGNORED, np.int64)
    weights = np.zeros((len(rows), length), np.float32)
    for row, (tokens, learnt, own) in enumerate(rows):
        inputs[row, : len(tokens)] = tokens
        learning = slice(len(tokens) - learnt - 1, len(tokens) - 1)
        targets[row, learning], weights[row, learning] = tokens[-learnt:], own
    return Batch(inputs, targets, weights)


def tokenize(tokenizer: Tokenizer, example: Example, weight: float) -> TokenizedExample:
    """Returns a conversation as tokens. The tokens of its last text are the targets, and `weight` is their mean weight.
    A token belongs to the step in which it begins, and the end token to the last step."""
    tokens, learnt = encode(tokenizer, Conversation(example.texts))
    if not example.steps:
        return TokenizedExample(tokens, learnt, [weight] * learnt)
    ends = list(itertools.accumulate(len(text) for text, _ in example.steps))
    begins = [begin for begin, _ in tokenizer.encode(example.texts[-1], add_special_tokens=False).offsets]
    scale = weight / example.mean_weight * example.weight
    factors = [factor for _, factor in example.steps]
    steps = [*(bisect_right(ends, begin) for begin in begins), len(factors) - 1]
    return TokenizedExample(tokens, learnt, [scale * factors[step] for step in steps])


def write(model: Llama, source: Path, out: Path) -> None:
    """Writes weights and tokenizer. Each file appears under its name only when it is complete."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as made:
        shutil.copyfile(source / "tokenizer.json", Path(made) / "tokenizer.json")
        save(model, Path(made))
        for name in ("tokenizer.json", "weights.npz"):
            (Path(made) / name).replace(out / name)
