"""A value model, which estimates the value of a partial solution (ReST-MCTS*: Zhang et al. 2024, arXiv 2406.03816).
Needs the extra `trl`."""

# pyright: reportMissingImports=false
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import TrainingArguments

from redraft.flows.trainers.hugging_face.base import context
from redraft.flows.trainers.hugging_face.labelled_trainer import LabelledTrainer
from redraft.flows.trainers.hugging_face.rows import Row
from redraft.flows.trainers.hugging_face.training import Fit, Work


def value(work: Work) -> Fit:
    """Returns a trainer of a head on the last token of the question, a blank line, and the partial solution. The
    sigmoid of the head's output is the value, as vLLM's `/classify` returns it. The loss is the squared error of the
    value."""
    model = work.with_adapters("values")
    model.config.pad_token_id = work.tokenizer.pad_token_id
    rows = work.fitting(lambda row: len(work.tokenizer(shown(row))["input_ids"]), context(model))

    def collate(batch: list[Row]) -> dict[str, Any]:
        texts = work.tokenizer([shown(row) for row in batch], padding=True, padding_side="right", return_tensors="pt")
        values = torch.tensor([float(row["value"]) for row in batch])
        return {"input_ids": texts["input_ids"], "attention_mask": texts["attention_mask"], "labels": values}

    return Fit(
        LabelledTrainer(
            loss=value_loss,
            model=model,
            args=work.arguments(TrainingArguments, remove_unused_columns=False),
            train_dataset=rows,
            data_collator=collate,
        )
    )


def shown(row: Row) -> str:
    """Returns the text that the model reads for a row. The profile `value` of the grader `prm` sends the same text."""
    return f"{row['question']}\n\n{row['solution']}"


def value_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Returns the mean squared error between the sigmoid of the logits (rows, 1) and the labels (rows,)."""
    return F.mse_loss(logits[:, 0].float().sigmoid(), labels)
