"""Rows for ms-swift, with a loss flag and a weight on each message."""

from collections.abc import Mapping
from typing import Any

from redraft.flows.formats.layouts.layout import (
    Exported,
    JsonRow,
    Layout,
    conversation,
    label_weights,
    notes,
    prompt,
    reply,
    yaml,
)

TITLE = "ms-swift 4.6.0"
WEIGHTS = "A row's weight is the `loss_scale` of its last reply, and multiplies the loss."


def ms_swift() -> Layout:
    """Returns the layout of ms-swift: `messages`, in which earlier replies have `"loss": false`, and the last reply has
    the row's weight as `loss_scale`."""
    return Layout(
        title=TITLE,
        rows={"sft": _sft, "dpo": _pair, "reward": _pair, "kto": _labelled, "grpo": _problem},
        files=("jsonl", "parquet", "folder"),
        configure=_configure,
        max_length={"sft": None, "dpo": None, "reward": None, "kto": None, "grpo": None},
        overlong="drops",
        weights=WEIGHTS,
    )


def _sft(row: JsonRow) -> JsonRow:
    *earlier, last = conversation(row)
    marked = [{**one, "loss": False} if one["role"] == "assistant" else one for one in earlier]
    scale = {"loss_scale": float(row["weight"])} if "weight" in row else {}
    return {"messages": [*marked, {**last, "loss": True, **scale}]}


def _pair(row: JsonRow) -> JsonRow:
    return {"messages": [*prompt(row), reply(row, "chosen")], "rejected_response": reply(row, "rejected")["content"]}


def _labelled(row: JsonRow) -> JsonRow:
    return {"messages": conversation(row), "label": row["label"]}


def _problem(row: JsonRow) -> JsonRow:
    return {"messages": row["prompt"], "solution": row["solution"]}


def _configure(exported: Exported) -> Mapping[str, str]:
    settings: dict[str, Any] = {"dataset": list(exported.train)}
    if exported.validation:
        settings["val_dataset"] = list(exported.validation)
    if exported.task != "sft":
        settings["rlhf_type"] = TYPES[exported.task]
    if weights := label_weights(exported):
        settings |= dict(zip(("desirable_weight", "undesirable_weight"), weights, strict=True))
    if exported.weighted and exported.task == "sft":
        settings["is_binary_loss_scale"] = False
    file = f"{exported.name}.ms-swift.yaml"
    program = "sft" if exported.task == "sft" else "rlhf"
    head = [*notes(TITLE, exported, WEIGHTS), f"From this folder: swift {program} {file} --model MODEL ..."]
    return {file: yaml(head, settings)}


TYPES = {"dpo": "dpo", "reward": "rm", "kto": "kto", "grpo": "grpo"}
