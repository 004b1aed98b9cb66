"""A process reward model, which gives each step the probability that it is good (Lightman et al. 2023, arXiv
2305.20050). Needs the extra `trl`."""

# pyright: reportMissingImports=false
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import TrainingArguments

from redraft.flows.trainers.hugging_face.base import context
from redraft.flows.trainers.hugging_face.labelled_trainer import LabelledTrainer
from redraft.flows.trainers.hugging_face.rows import Row
from redraft.flows.trainers.hugging_face.training import Fit, Work

SEPARATOR = "\n"
"""The text after the question and after each step. The last token of the separator after a step has its value."""
IGNORED = -1.0


def prm(work: Work) -> Fit:
    """Returns a trainer of a head on the ends of steps. The sigmoid of the head's output is the probability that the
    step is good, and a label in [0, 1] is such a probability. The model is a sequence classifier with one class, so
    that vLLM can serve it. The profile `steps` of the grader `prm` shows drafts to it as in training."""
    model = work.with_adapters("values")
    model.config.pad_token_id = work.tokenizer.pad_token_id
    rows = work.fitting(lambda row: len(tokenize(work.tokenizer, row)["input_ids"]), context(model))
    read = [tokenize(work.tokenizer, row) for row in rows]
    pad = work.tokenizer.pad_token_id
    return Fit(
        LabelledTrainer(
            loss=step_loss,
            logits=token_logits,
            model=model,
            args=work.arguments(TrainingArguments, remove_unused_columns=False),
            train_dataset=read,
            data_collator=lambda batch: collate(batch, pad),
        ),
        lambda: {"values": sum(len(row["labels"]) for row in rows)},
    )


def tokenize(tokenizer: Any, row: Row) -> dict[str, list[Any]]:
    """Returns the tokens of a row, and a label for each token. A token that does not end a step has the label IGNORED.
    The question and the steps are tokenized one by one, without special tokens, as by the grader."""
    ids = tokenizer(row["prompt"] + SEPARATOR, add_special_tokens=False)["input_ids"]
    labels = [IGNORED] * len(ids)
    for step, label in zip(row["completions"], row["labels"], strict=True):
        more = tokenizer(step + SEPARATOR, add_special_tokens=False)["input_ids"]
        ids, labels = ids + more, labels + [IGNORED] * (len(more) - 1) + [float(label)]
    return {"input_ids": ids, "labels": labels}


def collate(batch: Sequence[Mapping[str, Sequence[Any]]], pad: int) -> dict[str, Tensor]:
    """Returns rows as tensors of shape (rows, tokens), padded at the end."""
    longest = max(len(row["input_ids"]) for row in batch)

    def padded(name: str, value: float) -> Tensor:
        return torch.tensor([[*row[name], *[value] * (longest - len(row[name]))] for row in batch])

    mask = [[1] * len(row["input_ids"]) + [0] * (longest - len(row["input_ids"])) for row in batch]
    return {
        "input_ids": padded("input_ids", pad),
        "attention_mask": torch.tensor(mask),
        "labels": padded("labels", IGNORED),
    }


def token_logits(model: Any, inputs: Mapping[str, Tensor]) -> Tensor:
    """Returns what the head of a sequence classifier gives each token (rows, tokens), and not the last token alone."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    states = getattr(inner, inner.base_model_prefix)(**inputs).last_hidden_state
    return inner.score(states)[..., 0]


def step_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Returns the mean cross-entropy between the logits (rows, tokens) and the labels (rows, tokens), over the tokens
    that have a label."""
    known = labels != IGNORED
    return F.binary_cross_entropy_with_logits(logits[known].float(), labels[known])
