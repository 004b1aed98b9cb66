"""Kahneman-Tversky optimization (Ethayarajh et al. 2024, arXiv 2402.01306, equation 7). Needs the `trl` extra."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
from trl import KTOConfig, KTOTrainer

from redraft.flows.formats.layouts.layout import balancing_weights
from redraft.flows.trainers.hugging_face.training import Fit, Work

COLUMNS = ("prompt", "completion", "label")


def kto(work: Work) -> Fit:
    """Returns a trainer that makes right answers more likely and wrong answers less likely. The weights of the labels
    follow the paper's rule: the ratio of the weighted numbers of right and wrong answers is between 1:1 and 4:3. The
    reference is the model before training."""
    model = work.model()
    rows = work.conversations(model, "completion")
    right = sum(row["label"] for row in rows)
    desirable, undesirable = balancing_weights(right, len(rows) - right) or (1.0, 1.0)
    weights = {"desirable_weight": desirable, "undesirable_weight": undesirable}
    return Fit(
        KTOTrainer(
            model=model,
            args=work.arguments(KTOConfig, beta=work.settings.beta_of("kto"), max_length=None, **weights),
            train_dataset=work.dataset(rows, *COLUMNS),
            processing_class=work.tokenizer,
            peft_config=work.adapters,
        ),
        lambda: weights,
    )
