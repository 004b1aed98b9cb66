"""Supervised fine-tuning, in which a row counts by its weight. Needs the `trl` extra."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
from typing import Any

import torch
from torch.nn import functional as F
from trl import SFTConfig, SFTTrainer

from redraft.flows.trainers.hugging_face.work import Fit, Work
from redraft.flows.trainers.trainer import TrainingError

IGNORED = -100


def sft(work: Work) -> Fit:
    """Learns the completions. The loss of all rows at once is the mean negative log-likelihood of their tokens, each
    weighted by its row's weight. Raises TrainingError if no row has a weight above 0."""
    model = work.model()
    rows = work.conversations(model, "completion")
    weights = {row["weight"] for row in rows}
    if weights == {0}:
        raise TrainingError(f"no row of {work.task.rows} has a weight above 0: export other rows")
    columns = ("prompt", "completion") if len(weights) == 1 else ("prompt", "completion", "weight")
    trainer = SFTTrainer if len(weights) == 1 else WeightedTrainer
    return Fit(
        trainer(
            model=model,
            args=work.arguments(SFTConfig, max_length=None, remove_unused_columns=len(weights) == 1),
            train_dataset=work.dataset(rows, *columns),
            processing_class=work.tokenizer,
            peft_config=work.adapters,
        )
    )


class WeightedTrainer(SFTTrainer):
    """SFTTrainer whose rows count by their `weight`. Weights are scaled so that their mean over the learnt tokens of
    all rows is 1. A step of several batches has the same gradient as one of all its rows at once."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        learnt = [sum(label != IGNORED for label in labels) for labels in self.train_dataset["labels"]]
        weighted = sum(weight * count for weight, count in zip(self.train_dataset["weight"], learnt, strict=True))
        collate, scale = self.data_collator, sum(learnt) / weighted
        self.data_collator = lambda rows: {
            **collate(rows), "weight": torch.tensor([row["weight"] * scale for row in rows])
        }  # fmt: skip

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        weight, labels = inputs.pop("weight")[:, None], inputs["labels"][:, 1:]
        outputs = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False)
        logits = outputs.logits[:, :-1].float().transpose(1, 2)
        each = F.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="none")
        tokens = (labels != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
        loss = (each * weight).sum() / tokens  # `tokens` counts all batches of the step
        return (loss, outputs) if return_outputs else loss
