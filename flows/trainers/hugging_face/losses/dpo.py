"""Direct preference optimization (Rafailov et al. 2023, arXiv 2305.18290, equation 7). Needs the `trl` extra."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
from trl import DPOConfig, DPOTrainer

from redraft.flows.trainers.hugging_face.training import Fit, Work

COLUMNS = ("prompt", "chosen", "rejected")


def dpo(work: Work) -> Fit:
    """Returns a trainer that learns to prefer each chosen answer to the rejected one. The reference is the model before
    training."""
    model = work.model()
    rows = work.conversations(model, "chosen", "rejected")
    return Fit(
        DPOTrainer(
            model=model,
            args=work.arguments(DPOConfig, beta=work.settings.beta_of("dpo"), max_length=None),
            train_dataset=work.dataset(rows, *COLUMNS),
            processing_class=work.tokenizer,
            peft_config=work.adapters,
        )
    )
