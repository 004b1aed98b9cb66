"""Rows for OpenRLHF, which gets the names of columns by command-line options."""

from collections.abc import Mapping

from redraft.flows.formats.layouts.layout import Exported, JsonRow, Layout, notes, prompt, reply, script, weight

TITLE = "OpenRLHF 0.11.2"


def openrlhf() -> Layout:
    """Returns the layout of OpenRLHF: lists of messages in `prompt`, `completion`, `chosen` and `rejected`. Its
    SFTDataset computes the loss only on the completion."""
    return Layout(
        title=TITLE,
        rows={"sft": _sft, "dpo": _pair, "reward": _pair, "grpo": _problem},
        files=("jsonl", "parquet", "folder"),
        configure=_configure,
        max_length={"sft": 2048, "dpo": 512, "reward": 512, "grpo": 2048},
        overlong="cuts or drops",
    )


def _sft(row: JsonRow) -> JsonRow:
    completion = [row["messages"][-1]] if "messages" in row else [reply(row, "completion")]
    return {"prompt": prompt(row), "completion": completion, **weight(row)}


def _pair(row: JsonRow) -> JsonRow:
    return {"prompt": prompt(row), "chosen": [reply(row, "chosen")], "rejected": [reply(row, "rejected")]}


def _problem(row: JsonRow) -> JsonRow:
    return {"prompt": row["prompt"], "label": row["answer"], "datasource": row["kind"]}


def _configure(exported: Exported) -> Mapping[str, str]:
    data = "$HERE" if exported.kind == "folder" else f"$HERE/{exported.train[0]}"
    name = f"{exported.name}.openrlhf.sh"
    program, model, dataset, keys = PROGRAMS[exported.task]
    head = [*notes(TITLE, exported, None), f"sh {name} {model} MODEL ..."]
    arguments = [f'{dataset} "{data}"', "--data.apply_chat_template", *keys, f"--data.max_len {exported.max_length}"]
    if exported.validation:
        arguments.append(f'--eval.dataset "{data}" --eval.split validation')
    if exported.task == "grpo":
        head.append("Add --reward.remote_url FILE.py, whose reward_func compares answers with the labels.")
    return {name: script(head, f"python -m openrlhf.cli.{program}", arguments)}


PAIR_KEYS = ("--data.prompt_key prompt", "--data.chosen_key chosen", "--data.rejected_key rejected")
PROGRAMS = {
    "sft": (
        "train_sft", "--model.model_name_or_path", "--data.dataset",
        ("--data.input_key prompt", "--data.output_key completion"),
    ),
    "dpo": ("train_dpo", "--model.model_name_or_path", "--data.dataset", PAIR_KEYS),
    "reward": ("train_rm", "--model.model_name_or_path", "--data.dataset", PAIR_KEYS),
    "grpo": (
        "train_ppo_ray", "--actor.model_name_or_path", "--data.prompt_dataset",
        ("--data.input_key prompt", "--data.label_key label"),
    ),
}  # fmt: skip
"""For each task: the program, its options for the model and for the data, and the columns."""
