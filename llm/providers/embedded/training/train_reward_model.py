"""Trains the embedded process reward model: `make train-prm`.

Writes `prm.npz` (int8 with one scale for each row) to the folder of the model's files. The network starts from the
policy's weights and continues to learn to predict right solutions (the joint objective of Cobbe et al. 2021). One head
learns for each line whether it is right, given that the lines before it are (Lightman et al. 2023). A second head
learns the same for each token of a line's equation. Half of the questions come with the policy's own drafts, from the
file DRAFTS that the module `labels` writes. The other half come with generated errors. `--annotated STORE` adds drafts
that `redraft annotate` has judged by rollouts. Needs the extra `train`.
"""

# pyright: reportMissingImports=false
import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from redraft.llm.providers.embedded.network import WIDTH, quantize, unpack
from redraft.llm.providers.embedded.training.labels import (
    annotated_problems,
    problems_with_errors,
    sampled_problems,
)
from redraft.llm.providers.embedded.training.pretrain import HERE, VOCABULARY, Llama, load, optimizers, prefetch, say
from redraft.llm.providers.embedded.training.reward_batches import IGNORED, Batch, batches

HIDDEN = 64
LETTERS, READING = 0.3, 0.5  # loss weights of token labels and of predicting solutions; that of lines is 1


class RewardModel(Llama):
    """The policy's network with two heads: one for tokens, which only training uses, and one for lines."""

    def __init__(self) -> None:
        super().__init__(VOCABULARY)
        self.letter = nn.Linear(WIDTH, 1)
        self.hidden = nn.Linear(WIDTH + 2, HIDDEN)
        self.value = nn.Linear(HIDDEN, 1)
        nn.init.zeros_(self.letter.weight)
        nn.init.zeros_(self.value.weight)

    def read(self, tokens: Tensor, positions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns a triple for tokens (rows, length): their states, the logits of the next tokens, and the logits that
        the line is right up to the token."""
        cos, sin = self.cos[positions][:, None], self.sin[positions][:, None]
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, cos, sin, mask)
        x = self.norm(x)
        return x, x @ self.embedding.weight.T, self.letter(x)[..., 0]

    def judge(self, states: Tensor, logits: Tensor, batch: Batch) -> Tensor:
        """Returns the logit of each line, computed from the state of its last token and the line's log-probability."""
        index = torch.arange(len(batch.tokens))[:, None]
        before, tokens = torch.from_numpy(batch.before), torch.from_numpy(batch.tokens)
        logprobs = logits[index, before, tokens].float() - logits.float().logsumexp(-1)[index, before]
        total = logprobs.cumsum(1)
        row, first, last = (torch.from_numpy(column) for column in batch.ends[:, :3].T)
        logprob = (total[row, last] - total[row, first - 1])[:, None]
        features = torch.cat([states[row, last].float(), logprob.clamp(min=-20), logprob.exp()], 1)
        return self.value(F.gelu(self.hidden(features), approximate="tanh"))[:, 0]


def losses(model: RewardModel, read: Any, batch: Batch) -> Tensor:
    """Returns the mean losses of the heads for lines and for tokens (`letters`), and of the prediction of solutions:
    (3,)."""
    inputs = (torch.from_numpy(array) for array in (batch.tokens, batch.positions, batch.mask))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states, logits, letters = read(*inputs)
    wanted, target = torch.from_numpy(batch.letters), torch.from_numpy(batch.read)
    known, right = wanted != IGNORED, torch.from_numpy(batch.ends[:, 3])
    return torch.stack([
        F.binary_cross_entropy_with_logits(model.judge(states, logits, batch), right.float()),
        F.binary_cross_entropy_with_logits(letters[known].float(), wanted[known].float()),
        F.cross_entropy(logits.flatten(0, 1).float(), target.flatten(), ignore_index=IGNORED),
    ])  # fmt: skip


def begin(start: Path | None) -> RewardModel:
    """Returns the policy's network with new heads, or the reward model in the file `start`."""
    model = RewardModel()
    if start is None:
        model.load_state_dict(load(HERE).state_dict(), strict=False)
    else:
        with np.load(start) as packed:
            model.load_state_dict({name: torch.from_numpy(array) for name, array in unpack(packed).items()})
    return model


def train(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    model = begin(options.start)
    heads = [p for head in (model.letter, model.hidden, model.value) for p in head.parameters()]
    steppers = [*optimizers(model, options.rate), torch.optim.AdamW(heads, lr=options.rate, weight_decay=0.0)]
    read = torch.compile(model.read, dynamic=False)
    sources = [sampled_problems(options.drafts, options.seed), problems_with_errors(options.seed)]
    if options.annotated:
        sources.append(annotated_problems(options.annotated, options.seed))
    plan = prefetch(batches(Tokenizer.from_file(str(HERE / "tokenizer.json")), sources))
    started, seen = time.monotonic(), []
    for step in range(1, options.steps + 1):
        for stepper in steppers:
            stepper.param_groups[0]["lr"] = options.rate * min(1.0, step / 40) * (1 - 0.97 * step / options.steps)
        found = losses(model, read, next(plan))
        (found * torch.tensor([1.0, LETTERS, READING])).sum().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for stepper in steppers:
            stepper.step()
            stepper.zero_grad(set_to_none=True)
        seen.append(found.tolist())
        if step % 50 == 0 or step == options.steps:
            means = ", ".join(f"{v:.4f}" for v in np.mean(seen[-50:], axis=0))
            say(f"step {step} of {options.steps}, {time.monotonic() - started:.0f} s, losses {means}")
    arrays = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    np.savez_compressed(options.out, allow_pickle=False, **quantize(arrays))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("drafts", type=Path)
    made.add_argument("--annotated", type=Path, metavar="STORE")
    made.add_argument("--start", type=Path, help="weights of an earlier training, instead of the policy's")
    made.add_argument("--out", type=Path, default=HERE / "prm.npz")
    made.add_argument("--steps", type=int, default=5500, help="of 6,144 tokens each, padding included")
    made.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--threads", type=int, default=1)
    return made


if __name__ == "__main__":
    train(parser().parse_args())
