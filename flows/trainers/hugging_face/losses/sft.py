"""Supervised fine-tuning, in which a row, or each of its steps, has a weight in the loss. Needs the extra `trl`."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional as F
from trl import SFTConfig, SFTTrainer

from redraft.flows.trainers.hugging_face.training import Fit, Work
from redraft.flows.trainers.trainer import TrainingError

IGNORED = -100
WEIGHTS = ("weight", "steps", "step_weights")


def sft(work: Work) -> Fit:
    """Returns a trainer on the completions. The loss over all rows is the mean negative log-likelihood of their tokens.
    Each token is weighted by its row's weight, times its step's weight if the row has step weights. Raises
    TrainingError if no row has a weight above 0."""
    model = work.model()
    rows = work.conversations(model, "completion")
    weights = {row["weight"] * step for row in rows for step in row["step_weights"] or [1.0]}
    if weights == {0}:
        raise TrainingError(f"no row of {work.task.rows} has a weight above 0: export other rows")
    columns = ("prompt", "completion", *(WEIGHTS if len(weights) > 1 else ()))
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
    """An SFTTrainer whose tokens are weighted by the weights of their rows and steps. Weights are scaled so that their
    mean over the trained tokens of all rows is 1. With gradient accumulation, a step has the same gradient as a step
    with all rows in one batch."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        tokenizer, collate = self.processing_class, self.data_collator
        weights = [token_weights(tokenizer, row) for row in self.train_dataset]
        total = sum(map(sum, weights))
        scale = sum(map(len, weights)) / total
        self.train_dataset = self.train_dataset.add_column("token_weights", weights)

        def collated(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
            batch = collate(rows)
            learnt = batch["labels"] != IGNORED
            weight = torch.zeros(learnt.shape)
            weight[learnt] = torch.tensor([scale * each for row in rows for each in row["token_weights"]])
            return {**batch, "weight": weight}

        self.data_collator = collated

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        weight, labels = inputs.pop("weight")[:, 1:], inputs["labels"][:, 1:]
        outputs = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False)
        logits = outputs.logits[:, :-1].float().transpose(1, 2)
        each = F.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="none")
        tokens = (labels != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
        loss = (each * weight).sum() / tokens  # `tokens` counts all batches of the step
        return (loss, outputs) if return_outputs else loss


def token_weights(tokenizer: Any, row: Mapping[str, Any]) -> list[float]:
    """Returns the weights of a row's trained tokens. A token belongs to the step in which it begins, and a token after
    the answer belongs to the last step. Raises TrainingError if the chat template changes the answer."""
    learnt = [token for token, label in zip(row["input_ids"], row["labels"], strict=True) if label != IGNORED]
    weight, steps, factors = (row[name] for name in WEIGHTS)
    if not factors:
        return [weight] * len(learnt)
    answer = "".join(steps)
    end = tokenizer.decode(learnt).find(answer.strip()) - (len(answer) - len(answer.lstrip()))
    if answer.strip() not in tokenizer.decode(learnt):
        raise TrainingError("the chat template changes an answer, so that its steps are not found: export --format sft")
    found: list[float] = []
    for text, factor in zip(steps, factors, strict=True):
        end += len(text)
        begun = bisect_left(range(len(learnt)), end, key=lambda count: len(tokenizer.decode(learnt[:count])))
        found += [weight * factor] * (begun - len(found))
    return found + [weight * factors[-1]] * (len(learnt) - len(found))
