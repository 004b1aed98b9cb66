"""Rows for axolotl, and the datasets section of its YAML configuration."""

from collections.abc import Mapping
from typing import Any

from redraft.flows.dataset_files.target import Split
from redraft.flows.formats.layouts.layout import Exported, JsonRow, Layout, conversation, notes, prompt, reply, yaml
from redraft.flows.formats.layouts.layout import weight as weight_column

TITLE = "axolotl 0.19.0"


def axolotl() -> Layout:
    """Returns the layout of axolotl: `messages`, each with the key `training`, which is true only for the last reply. A
    reward model takes the question and two replies as strings; a process reward model takes rows of `prm`."""
    return Layout(
        title=TITLE,
        rows={"sft": _sft, "dpo": _pair, "reward": _texts, "prm": dict},
        files=("jsonl", "parquet", "folder"),
        configure=_configure,
        max_length={"sft": 512, "dpo": 512, "reward": 512, "prm": 512},
        overlong="drops",
    )


def _sft(row: JsonRow) -> JsonRow:
    messages = conversation(row)
    marked = [{**one, "training": one is messages[-1]} for one in messages]
    return {"messages": marked, **weight_column(row)}


def _pair(row: JsonRow) -> JsonRow:
    return {"messages": prompt(row), "chosen": reply(row, "chosen"), "rejected": reply(row, "rejected")}


def _texts(row: JsonRow) -> JsonRow:
    [question] = prompt(row)
    texts = {name: reply(row, name)["content"] for name in ("chosen", "rejected")}
    return {"system": "", "input": question["content"], **texts}


def _configure(exported: Exported) -> Mapping[str, str]:
    settings: dict[str, Any] = {
        "datasets": [_entry(exported, "train")], "sequence_len": exported.max_length, **SETTINGS[exported.task]
    }  # fmt: skip
    if exported.validation:
        settings["test_datasets"] = [_entry(exported, "validation")]
    file = f"{exported.name}.axolotl.yaml"
    head = [*notes(TITLE, exported, None), f"From this folder, with base_model and the rest: axolotl train {file}"]
    return {file: yaml(head, settings)}


def _entry(exported: Exported, split: Split) -> Mapping[str, Any]:
    """Returns the configuration entry of a split. A file that is given by its path has only a split "train", whatever
    its purpose."""
    if exported.kind == "folder":
        source = {"path": "data", "ds_type": "parquet", "data_files": exported.pattern(split)}
    else:
        source = {"path": exported.train[0], "ds_type": "json" if exported.kind == "jsonl" else "parquet"}
    return {**source, "split": "train", **ENTRIES[exported.task]}


ENTRIES: Mapping[str, Mapping[str, Any]] = {
    "sft": {
        "type": "chat_template", "field_messages": "messages", "message_field_training": "training",
        "roles_to_train": [], "train_on_eos": "turn",
    },
    "dpo": {"type": "chat_template.default", "field_messages": "messages", "field_chosen": "chosen",
            "field_rejected": "rejected"},
    "reward": {"type": "bradley_terry.chat_template", "drop_system_message": True},  # else an empty one is added
    "prm": {"type": "stepwise_supervised", "step_separator": "\n"},
}  # fmt: skip
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "sft": {"chat_template": "tokenizer_default"},
    "dpo": {"chat_template": "tokenizer_default", "rl": "dpo"},
    "reward": {
        "chat_template": "tokenizer_default", "reward_model": True, "model_type": "AutoModelForSequenceClassification",
    },
    "prm": {"process_reward_model": True, "model_type": "AutoModelForTokenClassification", "num_labels": 2},
}  # fmt: skip
