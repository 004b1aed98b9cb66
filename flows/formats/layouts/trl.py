"""Rows for TRL's trainers, with configurations for commands such as `trl sft --config`."""

from collections.abc import Mapping

from redraft.flows.formats.layouts.layout import Exported, JsonRow, Layout, label_weights, notes, prompt, without, yaml

TITLE = "TRL 1.16"
WEIGHTS = "The SFTTrainer ignores `weight`: docs/train.md shows the trainer Weighted, which counts rows by it."


def trl() -> Layout:
    """Returns the layout of TRL: `prompt` and `completion` in messages. SFTTrainer computes the loss only on the
    completion."""
    return Layout(
        title=TITLE,
        rows={"sft": _sft, "dpo": dict, "kto": dict, "reward": dict, "grpo": dict, "score": _second_attempts},
        files=("jsonl", "jsonl.zst", "parquet", "folder"),
        configure=_configure,
        max_length={"sft": 1024, "dpo": 1024, "kto": 1024, "reward": 1024, "grpo": None, "score": None},
        overlong="cuts or drops",
        weights=WEIGHTS,
    )


def _sft(row: JsonRow) -> JsonRow:
    if "messages" not in row:
        return row
    return {"prompt": prompt(row), "completion": [row["messages"][-1]], **without(row, "messages")}


def _second_attempts(row: JsonRow) -> JsonRow:
    """Returns a row of the format `score` without its completion, because GRPOTrainer draws the second attempts
    itself."""
    return without(row, "completion")


def _configure(exported: Exported) -> Mapping[str, str]:
    files = {"jsonl": "json", "jsonl.zst": "json", "parquet": "parquet"}
    source = {"path": files.get(exported.kind, "parquet"), "data_files": exported.pattern("train"), "split": "train"}
    settings: dict[str, object] = {"datasets": [source]}
    if exported.max_length:
        settings["max_length"] = exported.max_length
    if exported.task == "sft":
        settings["completion_only_loss"] = True
    if weights := label_weights(exported):
        settings |= dict(zip(("desirable_weight", "undesirable_weight"), weights, strict=True))
    if exported.task == "grpo":
        settings["reward_funcs"] = ["redraft.graders.reward.reward"]
    program = PROGRAMS[exported.task]
    start = f"From this folder: trl {program} --config {exported.name}.trl.yaml --model_name_or_path MODEL"
    return {f"{exported.name}.trl.yaml": yaml([*notes(TITLE, exported, WEIGHTS), start], settings)}


PROGRAMS = {"sft": "sft", "dpo": "dpo", "kto": "kto", "reward": "reward", "grpo": "grpo", "score": "grpo"}
