"""Rows for LLaMA-Factory, and their entry in `dataset_info.json`."""

import json
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
from redraft.flows.formats.layouts.layout import weight as weight_column

TITLE = "LLaMA-Factory 0.9.5"


def llama_factory() -> Layout:
    """Returns the layout of LLaMA-Factory: `messages`, with an entry of the kind `sharegpt`. The kind `openai` would
    add a system prompt. `mask_history` excludes all replies but the last one from the loss."""
    return Layout(
        title=TITLE,
        rows={"sft": _sft, "dpo": _pair, "reward": _pair, "kto": _labelled},
        files=("jsonl", "parquet", "folder"),
        configure=_configure,
        max_length={"sft": 2048, "dpo": 2048, "reward": 2048, "kto": 2048},
        overlong="cuts",
    )


def _sft(row: JsonRow) -> JsonRow:
    return {"messages": conversation(row), **weight_column(row)}


def _pair(row: JsonRow) -> JsonRow:
    return {"messages": prompt(row), "chosen": reply(row, "chosen"), "rejected": reply(row, "rejected")}


def _labelled(row: JsonRow) -> JsonRow:
    return {"messages": conversation(row), "label": row["label"]}


def _configure(exported: Exported) -> Mapping[str, str]:
    columns = {"messages": "messages"}
    if exported.task in ("dpo", "reward"):
        columns |= {"chosen": "chosen", "rejected": "rejected"}
    if exported.task == "kto":
        columns["kto_tag"] = "label"
    entry: dict[str, Any] = {"formatting": "sharegpt", "columns": columns, "tags": TAGS}
    if exported.task in ("dpo", "reward"):
        entry["ranking"] = True
    names = {exported.name: exported.train, f"{exported.name}_validation": exported.validation}
    info = {name: {**_place(exported, name), **entry} for name, files in names.items() if files}
    settings: dict[str, Any] = {
        "stage": STAGES[exported.task], "dataset_dir": ".", "dataset": exported.name,
        "cutoff_len": exported.max_length,
    }  # fmt: skip
    if weights := label_weights(exported):
        settings |= dict(zip(("kto_chosen_weight", "kto_rejected_weight"), weights, strict=True))
    if exported.validation:
        settings["eval_dataset"] = f"{exported.name}_validation"
    if exported.task == "sft":
        settings |= {"mask_history": True, "train_on_prompt": False}
    file = f"{exported.name}.llama-factory.yaml"
    start = f"From this folder: llamafactory-cli train {file} model_name_or_path=MODEL template=TEMPLATE ..."
    head = [*notes(TITLE, exported, None), start]
    return {"dataset_info.json": json.dumps(info, indent=2) + "\n", file: yaml(head, settings)}


def _place(exported: Exported, name: str) -> Mapping[str, str]:
    if exported.kind != "folder":
        return {"file_name": exported.train[0]}
    return {"script_url": "data", "split": "train" if name == exported.name else "validation"}


STAGES = {"sft": "sft", "dpo": "dpo", "reward": "rm", "kto": "kto"}
TAGS = {
    "role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant",
    "system_tag": "system",
}  # fmt: skip
