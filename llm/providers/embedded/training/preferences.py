"""Trains the embedded model on pairs by direct preference optimization (DPO: Rafailov et al. 2023, equation 7).

The loss of a pair is -log sigmoid(beta * (m(chosen) - m(rejected))). Here m is the log-probability of an answer under
the trained model, minus its log-probability under the model before the training. Needs the extra `train`.
"""

# pyright: reportMissingImports=false
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F

from redraft.llm.providers.embedded.network import CONTEXT
from redraft.llm.providers.embedded.training.examples import ExampleError
from redraft.llm.providers.embedded.training.finetune import (
    IGNORED,
    Batch,
    TokenizedExample,
    average,
    begin,
    learn,
    make_batch,
    target_losses,
    tokenize,
    write,
)
from redraft.llm.providers.embedded.training.length_batches import TOKENS_A_STEP, length_batches
from redraft.llm.providers.embedded.training.pairs import Pair
from redraft.llm.providers.embedded.training.pretrain import Llama, load
from redraft.llm.providers.embedded.training.settings import FinetuneSettings

TokenizedPair = tuple[TokenizedExample, TokenizedExample]


@dataclass(frozen=True, slots=True)
class PreferenceResult:
    """The result of a training. The losses are means over the first and the last tenth of the training steps, as are
    `first_right` and `last_right`, the fractions of pairs with m(chosen) > m(rejected)."""

    folder: str
    pairs: int
    left_out: int  # pairs that are longer than the context
    steps: int
    first_loss: float
    last_loss: float
    first_right: float
    last_right: float


def prefer(
    pairs: Sequence[Pair],
    out: Path,
    *,
    source: Path,
    trunk: Path | None = None,
    settings: FinetuneSettings,
    beta: float,
    say: Callable[[str], None] = lambda line: None,
) -> PreferenceResult:
    """Trains the weights in `source` on pairs and writes them to the folder `out`. If `trunk`, the folder of a reward
    model, is given, training begins with that model's layers. The same pairs, settings and machine give the same
    weights. Raises ExampleError if there is nothing to learn."""
    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    read = [tuple(tokenize(tokenizer, one, 1.0) for one in pair) for pair in pairs]
    fitting = [(chosen, rejected) for chosen, rejected in read if _length((chosen, rejected)) <= CONTEXT]
    if not fitting:
        raise ExampleError(f"no pair fits into the {CONTEXT:,} tokens that the model reads: export shorter ones")
    rng = random.Random(f"prefer {settings.seed}")
    plan = [batch for _ in range(settings.epochs) for batch in _batches(fitting, rng)]
    model, reference = begin(source, trunk), load(source)
    right: list[float] = []

    def loss(model: Llama, batch: Batch) -> Tensor:
        with torch.inference_mode():
            before = answer_logprobs(reference, batch)
        margins = preference_margins(answer_logprobs(model, batch), before)
        right.append((margins > 0).float().mean().item())
        return preference_loss(margins, beta)

    losses = learn(model, plan, settings.rate, say, loss)
    average(model, reference, settings.average)
    write(model, source, out)
    tenth = max(1, len(losses) // 10)
    means = [round(float(np.mean(part)), 6) for found in (losses, right) for part in (found[:tenth], found[-tenth:])]
    return PreferenceResult(str(out), len(fitting), len(pairs) - len(fitting), len(plan), *means)


def answer_logprobs(model: Llama, batch: Batch) -> Tensor:
    """Returns the log-probability of each row's answer, in nats: (rows,)."""
    rows, _ = np.nonzero(batch.targets != IGNORED)
    totals = torch.zeros(len(batch.targets))
    return totals.index_add(0, torch.from_numpy(rows), -target_losses(model, batch))


def preference_margins(now: Tensor, before: Tensor) -> Tensor:
    """Returns m(chosen) - m(rejected) for each pair. The rows of the arguments alternate: a chosen answer, then the
    rejected answer."""
    moved = now - before
    return moved[0::2] - moved[1::2]


def preference_loss(margins: Tensor, beta: float) -> Tensor:
    """Returns the mean of -log sigmoid(beta * margin)."""
    return -F.logsigmoid(beta * margins).mean()


def _batches(pairs: Sequence[TokenizedPair], rng: random.Random) -> list[Batch]:
    """Returns all pairs in batches of similar length, in a random order. Both answers of a pair count towards the
    tokens of a batch."""
    made = length_batches(pairs, _length, rng, tokens=TOKENS_A_STEP // 2)
    return [make_batch([one for pair in some for one in pair], length) for length, some in made]


def _length(pair: TokenizedPair) -> int:
    return max(len(one.tokens) for one in pair)
