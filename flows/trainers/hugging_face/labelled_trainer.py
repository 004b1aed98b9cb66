"""A trainer for a model head whose labels are not integers. Needs the extra `trl`."""

# pyright: reportMissingImports=false
from collections.abc import Callable
from typing import Any

from torch import Tensor
from transformers import Trainer


class LabelledTrainer(Trainer):
    """A trainer with the loss `loss(logits, labels)`. The losses of transformers require integer labels."""

    loss_is_scaled_for_ga = False

    def __init__(self, *, loss: Callable[[Tensor, Tensor], Tensor], **named: Any) -> None:
        super().__init__(**named)
        self._loss = loss

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        loss = self._loss(outputs.logits, labels)
        return (loss, outputs) if return_outputs else loss
