"""Trains the embedded model from scratch: `python -m redraft.llm.providers.embedded.training.pretrain`.

Writes `tokenizer.json` and `weights.npz` (int8 with one scale for each row) to the folder of the model's files. The
model is a Llama with 1.2 million parameters (width 128, 4 layers, 4 heads, SwiGLU 512, tied embedding). It learns from
conversations about the built-in problems; only the last answer contributes to the loss. Muon updates the hidden
matrices, AdamW the rest. Easy levels come first, and the learning rate decreases until the end. Needs the extra
`train`.
"""

# pyright: reportMissingImports=false
import argparse
import itertools
import queue
import random
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn
from torch.nn import functional as F

from redraft.llm.providers.embedded import prompts as prompt_formats
from redraft.llm.providers.embedded.network import HEADS, LAYERS, THETA, WIDTH, quantize, unpack
from redraft.llm.providers.embedded.training.corpus import Conversation, conversations
from redraft.llm.providers.embedded.training.length_batches import TOKENS_A_STEP

T = TypeVar("T")
HERE = Path(__file__).parents[1]
HIDDEN = 512
BUCKETS = (96, 160, 224, 320, 448)  # batches are padded to these lengths, so that only a few graphs are compiled
EASY, FULL = (1, 1, 2, 2, 3), (1, 2, 2, 3, 3, 3, 3, 4, 4, 5)  # the levels of the first quarter, and of the rest
VOCABULARY = 960


def train_tokenizer(seed: int) -> Tokenizer:
    """Returns a new tokenizer: byte-level BPE in which every digit is one token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[prompt_formats.PAD, prompt_formats.USER, prompt_formats.ASSISTANT, prompt_formats.END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    drawn = itertools.islice(conversations(random.Random(seed), FULL), 20_000)
    tokenizer.train_from_iterator((text for c in drawn for text in c.texts), trainer)
    return tokenizer


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(WIDTH, eps=1e-5)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.feed_norm = nn.RMSNorm(WIDTH, eps=1e-5)
        self.gate_up = nn.Linear(WIDTH, 2 * HIDDEN, bias=False)
        self.down = nn.Linear(HIDDEN, WIDTH, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns the block's output (rows, length, WIDTH). Without a mask, each token attends to itself and to the
        tokens before it."""
        rows, length, _ = x.shape
        q, k, v = self.qkv(self.attention_norm(x)).view(rows, length, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        x = x + self.out(mixed.transpose(1, 2).reshape(rows, length, WIDTH))
        gate, up = self.gate_up(self.feed_norm(x)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1).to(x.dtype)


class Llama(nn.Module):
    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.RMSNorm(WIDTH, eps=1e-5)
        for weight in (p for p in self.parameters() if p.ndim == 2):
            nn.init.normal_(weight, std=0.02)
        half = WIDTH // HEADS // 2
        angles = torch.outer(torch.arange(1024.0), THETA ** (-torch.arange(half) / half))
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Maps tokens (rows, length) to logits (rows, length, vocabulary)."""
        return self.head(self.states(tokens))

    def states(self, tokens: Tensor) -> Tensor:
        """Maps tokens (rows, length) to the last layer's output (rows, length, WIDTH), before the norm."""
        length = tokens.shape[1]
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, self.cos[:length], self.sin[:length])
        return x

    def head(self, states: Tensor) -> Tensor:
        """Maps states (..., WIDTH) to logits (..., vocabulary)."""
        return self.norm(states) @ self.embedding.weight.T


def encode(tokenizer: Tokenizer, conversation: Conversation) -> tuple[list[int], int]:
    """Returns a pair: the tokens of a conversation, and the number of target tokens at its end."""
    marks = itertools.cycle((prompt_formats.USER, prompt_formats.ASSISTANT))
    ends = itertools.cycle(("", prompt_formats.END))
    turns = [f"{mark}{text}{end}" for mark, text, end in zip(marks, conversation.texts, ends, strict=False)]
    ids = [tokenizer.encode(turn, add_special_tokens=False).ids for turn in turns]
    return [token for turn in ids for token in turn], len(ids[-1]) - 1


def batches(tokenizer: Tokenizer, rng: random.Random, levels: Sequence[int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields pairs (inputs, targets), both of shape (rows, length). A target of -100 is ignored."""
    waiting: dict[int, list[tuple[list[int], int]]] = {bucket: [] for bucket in BUCKETS}
    for conversation in conversations(rng, levels):
        tokens, learnt = encode(tokenizer, conversation)
        bucket = next((b for b in BUCKETS if len(tokens) <= b), None)
        if bucket is None:
            continue
        waiting[bucket].append((tokens, learnt))
        rows = TOKENS_A_STEP // bucket
        if len(waiting[bucket]) == rows:
            inputs = np.zeros((rows, bucket), np.int64)
            targets = np.full((rows, bucket), -100, np.int64)
            for row, (ids, last) in enumerate(waiting[bucket]):
                inputs[row, : len(ids)] = ids
                targets[row, len(ids) - last - 1 : len(ids) - 1] = ids[-last:]
            waiting[bucket].clear()
            yield inputs, targets


def prefetch(batches: Iterator[T]) -> Iterator[T]:
    """Yields the same batches, which a thread prepares while the model trains."""
    ready: queue.Queue[T] = queue.Queue(8)

    def fill() -> None:
        for batch in batches:
            ready.put(batch)

    threading.Thread(target=fill, daemon=True).start()
    while True:
        yield ready.get()


def train(steps: int, seed: int, out: Path, threads: int) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    tokenizer = train_tokenizer(seed)
    tokenizer.save(str(out / "tokenizer.json"))
    model = Llama(VOCABULARY)
    steppers = optimizers(model, 3e-3)
    step_model = torch.compile(model, dynamic=False)
    stages = {
        levels: prefetch(batches(tokenizer, random.Random(f"{seed} {levels}"), levels)) for levels in (EASY, FULL)
    }
    begin, losses = time.monotonic(), []
    for step in range(1, steps + 1):
        spent = step / steps
        rate = min(1.0, step / 40) * (1 - 0.95 * spent)
        for stepper in steppers:
            stepper.param_groups[0]["lr"] = 3e-3 * rate
        inputs, targets = (torch.from_numpy(a) for a in next(stages[EASY if spent < 0.25 else FULL]))
        logits = step_model(inputs)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for stepper in steppers:
            stepper.step()
            stepper.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if step % 50 == 0:
            seconds = time.monotonic() - begin
            say(f"step {step} of {steps}, {seconds:.0f} s, loss {np.mean(losses[-50:]):.4f}")
    save(model, out)


def optimizers(model: Llama, rate: float) -> list[torch.optim.Optimizer]:
    """Returns two optimizers with one parameter group each: Muon for the hidden matrices, and AdamW for the embedding
    and the norms."""
    matrices = [p for block in model.blocks for p in block.parameters() if p.ndim == 2]
    others = [model.embedding.weight, *(p for p in model.parameters() if p.ndim == 1)]
    return [
        torch.optim.Muon(matrices, lr=rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def save(model: Llama, out: Path) -> None:
    arrays = {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}
    np.savez_compressed(out / "weights.npz", allow_pickle=False, **quantize(arrays))


def load(folder: Path) -> Llama:
    """Returns the network with the weights of a folder, which are unpacked as for numpy."""
    with np.load(folder / "weights.npz") as packed:
        weights = {name: torch.from_numpy(array) for name, array in unpack(packed).items()}
    model = Llama(VOCABULARY)
    model.load_state_dict(weights)
    return model


def reference(folder: Path, out: Path) -> None:
    """Writes PyTorch's logits for one conversation, as a reference for tests of the numpy network."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    drawn = next(c for c in conversations(random.Random(1), FULL) if len(c.texts) > 2)
    tokens = torch.tensor(encode(tokenizer, drawn)[0])
    with torch.inference_mode():
        logits = load(folder)(tokens[None])[0]
    np.savez_compressed(out, tokens=tokens.numpy(), logits=logits[::8].numpy())


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a training command reports its progress


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1700, help="of 6,144 tokens each, padding included")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument(
        "--reference", type=Path, help="only write this framework's logits of the weights in --out to this file"
    )
    options = parser.parse_args()
    if options.reference:
        reference(options.out, options.reference)
    else:
        train(options.steps, options.seed, options.out, options.threads)
