"""A trainer for a model head whose labels are not integers. Needs the extra `trl`."""

# pyright: reportMissingImports=false
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor
from transformers import Trainer


def model_logits(model: Any, inputs: Mapping[str, Tensor]) -> Tensor:
    """Returns the logits that a model gives its inputs."""
    return model(**inputs).logits


class LabelledTrainer(Trainer):
    """A trainer with the loss `loss(logits, labels)`. The losses of transformers require integer labels. `logits`
    returns the logits of a model for its inputs."""

    loss_is_scaled_for_ga = False

    def __init__(
        self,
        *,
        loss: Callable[[Tensor, Tensor], Tensor],
        logits: Callable[[Any, Mapping[str, Tensor]], Tensor] = model_logits,
        **named: Any,
    ) -> None:
        super().__init__(**named)
        self._loss, self._logits = loss, logits

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        labels = inputs.pop("labels")
        loss = self._loss(self._logits(self.accelerator.unwrap_model(model), inputs), labels)
        return (loss, {}) if return_outputs else loss
