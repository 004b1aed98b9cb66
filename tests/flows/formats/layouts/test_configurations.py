"""The configuration that each trainer gets beside a folder of rows, whole, for each task."""

# ruff: noqa: E501 - lines as trainers read them
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml

from redraft.flows.dataset_files.target import Target
from redraft.flows.dataset_files.writer import opened_output, split_of
from redraft.flows.formats.layouts.trainer_rows import TrainerRows
from redraft.store.plugins.discovery import load

USER, WRONG, AGAIN, RIGHT = (
    {"role": role, "content": text}
    for role, text in (("user", "1+1?"), ("assistant", "3"), ("user", "Again."), ("assistant", "2"))
)
PAIR = {"prompt": [USER], "chosen": [RIGHT], "rejected": [WRONG]}
ROWS: dict[str, list[dict[str, Any]]] = {
    "rise": [
        {"prompt": [USER, WRONG, AGAIN], "completion": [RIGHT], "weight": 2.5},
        {"prompt": [USER], "completion": [RIGHT], "weight": 0.5},
    ],
    "dpo": [PAIR],
    "orm": [PAIR],
    "kto": [{"prompt": [USER], "completion": [RIGHT], "label": label} for label in (True, False, False)],
    "prompts": [{"prompt": [USER], "answer": "2", "solution": "2", "kind": "math", "data_source": "a"}],
    "prm": [{"prompt": "1+1?", "completions": ["2"], "labels": [True]}],
}
EXPECTED = {
    ("trl", "rise"): """
=== set.trl.yaml
# set, as TRL 1.16 reads it. Only the last reply of a row is learnt.
# The SFTTrainer ignores `weight`: docs/train.md shows the trainer Weighted, which counts rows by it. The mean weight is 1.5.
# From this folder: trl sft --config set.trl.yaml --model_name_or_path MODEL
datasets: [{"path": "parquet", "data_files": "data/train-*.parquet", "split": "train"}]
max_length: 1024
completion_only_loss: true
""",
    ("trl", "dpo"): """
=== set.trl.yaml
# set, as TRL 1.16 reads it.
# From this folder: trl dpo --config set.trl.yaml --model_name_or_path MODEL
datasets: [{"path": "parquet", "data_files": "data/train-*.parquet", "split": "train"}]
max_length: 1024
""",
    ("trl", "orm"): """
=== set.trl.yaml
# set, as TRL 1.16 reads it.
# From this folder: trl reward --config set.trl.yaml --model_name_or_path MODEL
datasets: [{"path": "parquet", "data_files": "data/train-*.parquet", "split": "train"}]
max_length: 1024
""",
    ("trl", "prompts"): """
=== set.trl.yaml
# set, as TRL 1.16 reads it.
# From this folder: trl grpo --config set.trl.yaml --model_name_or_path MODEL
datasets: [{"path": "parquet", "data_files": "data/train-*.parquet", "split": "train"}]
reward_funcs: ["redraft.graders.reward.reward"]
""",
    ("trl", "kto"): """
=== set.trl.yaml
# set, as TRL 1.16 reads it.
# From this folder: trl kto --config set.trl.yaml --model_name_or_path MODEL
datasets: [{"path": "parquet", "data_files": "data/train-*.parquet", "split": "train"}]
max_length: 1024
desirable_weight: 2.0
undesirable_weight: 1.0
""",
    ("verl", "rise"): """
=== set.verl.sh
#!/bin/sh
# set, as verl 0.9.1 reads it. Only the last reply of a row is learnt.
# verl 0.9.1 has no weights: all rows count alike, wrong drafts too.
# sh set.verl.sh model.path=MODEL ...
HERE=$(cd "$(dirname "$0")" && pwd)
exec torchrun --standalone --nproc_per_node=1 -m verl.trainer.sft_trainer \\
    "data.train_files=[$HERE/data/train-00000-of-00002.parquet,$HERE/data/train-00001-of-00002.parquet]" \\
    "data.val_files=[$HERE/data/validation-00000-of-00001.parquet]" \\
    data.messages_key=messages \\
    data.max_length=1024 \\
    data.truncation=error \\
    "data.custom_cls.path=$HERE/set.verl.py" \\
    data.custom_cls.name=LastReply \\
    "$@"
""",
    ("verl", "prompts"): """
=== set.verl.sh
#!/bin/sh
# set, as verl 0.9.1 reads it.
# sh set.verl.sh actor_rollout_ref.model.path=MODEL ...
# redraft is the scorer. Without the two lines of the reward function, data_source chooses one.
HERE=$(cd "$(dirname "$0")" && pwd)
exec python -m verl.trainer.main_ppo algorithm.adv_estimator=grpo \\
    "data.train_files=[$HERE/data/train-00000-of-00002.parquet,$HERE/data/train-00001-of-00002.parquet]" \\
    "data.val_files=[$HERE/data/validation-00000-of-00001.parquet]" \\
    data.max_prompt_length=512 \\
    reward.custom_reward_function.path=pkg://redraft.graders.reward \\
    reward.custom_reward_function.name=compute_score \\
    "$@"
""",
    ("openrlhf", "dpo"): """
=== set.openrlhf.sh
#!/bin/sh
# set, as OpenRLHF 0.11.2 reads it.
# sh set.openrlhf.sh --model.model_name_or_path MODEL ...
HERE=$(cd "$(dirname "$0")" && pwd)
exec python -m openrlhf.cli.train_dpo \\
    --data.dataset "$HERE" \\
    --data.apply_chat_template \\
    --data.prompt_key prompt \\
    --data.chosen_key chosen \\
    --data.rejected_key rejected \\
    --data.max_len 512 \\
    --eval.dataset "$HERE" --eval.split validation \\
    "$@"
""",
    ("openrlhf", "orm"): """
=== set.openrlhf.sh
#!/bin/sh
# set, as OpenRLHF 0.11.2 reads it.
# sh set.openrlhf.sh --model.model_name_or_path MODEL ...
HERE=$(cd "$(dirname "$0")" && pwd)
exec python -m openrlhf.cli.train_rm \\
    --data.dataset "$HERE" \\
    --data.apply_chat_template \\
    --data.prompt_key prompt \\
    --data.chosen_key chosen \\
    --data.rejected_key rejected \\
    --data.max_len 512 \\
    --eval.dataset "$HERE" --eval.split validation \\
    "$@"
""",
    ("openrlhf", "prompts"): """
=== set.openrlhf.sh
#!/bin/sh
# set, as OpenRLHF 0.11.2 reads it.
# sh set.openrlhf.sh --actor.model_name_or_path MODEL ...
# Add --reward.remote_url FILE.py, whose reward_func compares answers with the labels.
HERE=$(cd "$(dirname "$0")" && pwd)
exec python -m openrlhf.cli.train_ppo_ray \\
    --data.prompt_dataset "$HERE" \\
    --data.apply_chat_template \\
    --data.input_key prompt \\
    --data.label_key label \\
    --data.max_len 2048 \\
    --eval.dataset "$HERE" --eval.split validation \\
    "$@"
""",
    ("llama-factory", "rise"): """
=== dataset_info.json
{
  "set": {
    "script_url": "data",
    "split": "train",
    "formatting": "sharegpt",
    "columns": {
      "messages": "messages"
    },
    "tags": {
      "role_tag": "role",
      "content_tag": "content",
      "user_tag": "user",
      "assistant_tag": "assistant",
      "system_tag": "system"
    }
  },
  "set_validation": {
    "script_url": "data",
    "split": "validation",
    "formatting": "sharegpt",
    "columns": {
      "messages": "messages"
    },
    "tags": {
      "role_tag": "role",
      "content_tag": "content",
      "user_tag": "user",
      "assistant_tag": "assistant",
      "system_tag": "system"
    }
  }
}
=== set.llama-factory.yaml
# set, as LLaMA-Factory 0.9.5 reads it. Only the last reply of a row is learnt.
# LLaMA-Factory 0.9.5 has no weights: all rows count alike, wrong drafts too.
# From this folder: llamafactory-cli train set.llama-factory.yaml model_name_or_path=MODEL template=TEMPLATE ...
stage: "sft"
dataset_dir: "."
dataset: "set"
cutoff_len: 2048
eval_dataset: "set_validation"
mask_history: true
train_on_prompt: false
""",
    ("llama-factory", "dpo"): """
=== dataset_info.json
{
  "set": {
    "script_url": "data",
    "split": "train",
    "formatting": "sharegpt",
    "columns": {
      "messages": "messages",
      "chosen": "chosen",
      "rejected": "rejected"
    },
    "tags": {
      "role_tag": "role",
      "content_tag": "content",
      "user_tag": "user",
      "assistant_tag": "assistant",
      "system_tag": "system"
    },
    "ranking": true
  },
  "set_validation": {
    "script_url": "data",
    "split": "validation",
    "formatting": "sharegpt",
    "columns": {
      "messages": "messages",
      "chosen": "chosen",
      "rejected": "rejected"
    },
    "tags": {
      "role_tag": "role",
      "content_tag": "content",
      "user_tag": "user",
      "assistant_tag": "assistant",
      "system_tag": "system"
    },
    "ranking": true
  }
}
=== set.llama-factory.yaml
# set, as LLaMA-Factory 0.9.5 reads it.
# From this folder: llamafactory-cli train set.llama-factory.yaml model_name_or_path=MODEL template=TEMPLATE ...
stage: "dpo"
dataset_dir: "."
dataset: "set"
cutoff_len: 2048
eval_dataset: "set_validation"
""",
    ("llama-factory", "kto"): """
=== dataset_info.json
{
  "set": {
    "script_url": "data",
    "split": "train",
    "formatting": "sharegpt",
    "columns": {
      "messages": "messages",
      "kto_tag": "label"
    },
    "tags": {
      "role_tag": "role",
      "content_tag": "content",
      "user_tag": "user",
      "assistant_tag": "assistant",
      "system_tag": "system"
    }
  },
  "set_validation": {
    "script_url": "data",
    "split": "validation",
    "formatting": "sharegpt",
    "columns": {
      "messages": "messages",
      "kto_tag": "label"
    },
    "tags": {
      "role_tag": "role",
      "content_tag": "content",
      "user_tag": "user",
      "assistant_tag": "assistant",
      "system_tag": "system"
    }
  }
}
=== set.llama-factory.yaml
# set, as LLaMA-Factory 0.9.5 reads it.
# From this folder: llamafactory-cli train set.llama-factory.yaml model_name_or_path=MODEL template=TEMPLATE ...
stage: "kto"
dataset_dir: "."
dataset: "set"
cutoff_len: 2048
kto_chosen_weight: 2.0
kto_rejected_weight: 1.0
eval_dataset: "set_validation"
""",
    ("axolotl", "dpo"): """
=== set.axolotl.yaml
# set, as axolotl 0.19.0 reads it.
# From this folder, with base_model and the rest: axolotl train set.axolotl.yaml
datasets: [{"path": "data", "ds_type": "parquet", "data_files": "data/train-*.parquet", "split": "train", "type": "chat_template.default", "field_messages": "messages", "field_chosen": "chosen", "field_rejected": "rejected"}]
sequence_len: 512
chat_template: "tokenizer_default"
rl: "dpo"
test_datasets: [{"path": "data", "ds_type": "parquet", "data_files": "data/validation-*.parquet", "split": "train", "type": "chat_template.default", "field_messages": "messages", "field_chosen": "chosen", "field_rejected": "rejected"}]
""",
    ("axolotl", "orm"): """
=== set.axolotl.yaml
# set, as axolotl 0.19.0 reads it.
# From this folder, with base_model and the rest: axolotl train set.axolotl.yaml
datasets: [{"path": "data", "ds_type": "parquet", "data_files": "data/train-*.parquet", "split": "train", "type": "bradley_terry.chat_template", "drop_system_message": true}]
sequence_len: 512
chat_template: "tokenizer_default"
reward_model: true
model_type: "AutoModelForSequenceClassification"
test_datasets: [{"path": "data", "ds_type": "parquet", "data_files": "data/validation-*.parquet", "split": "train", "type": "bradley_terry.chat_template", "drop_system_message": true}]
""",
    ("axolotl", "prm"): """
=== set.axolotl.yaml
# set, as axolotl 0.19.0 reads it.
# From this folder, with base_model and the rest: axolotl train set.axolotl.yaml
datasets: [{"path": "data", "ds_type": "parquet", "data_files": "data/train-*.parquet", "split": "train", "type": "stepwise_supervised", "step_separator": "\\n"}]
sequence_len: 512
process_reward_model: true
model_type: "AutoModelForTokenClassification"
num_labels: 2
test_datasets: [{"path": "data", "ds_type": "parquet", "data_files": "data/validation-*.parquet", "split": "train", "type": "stepwise_supervised", "step_separator": "\\n"}]
""",
    ("ms-swift", "rise"): """
=== set.ms-swift.yaml
# set, as ms-swift 4.6.0 reads it. Only the last reply of a row is learnt.
# A row's weight is the `loss_scale` of its last reply, and multiplies the loss. The mean weight is 1.5.
# From this folder: swift sft set.ms-swift.yaml --model MODEL ...
dataset: ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]
val_dataset: ["data/validation-00000-of-00001.parquet"]
is_binary_loss_scale: false
""",
    ("ms-swift", "orm"): """
=== set.ms-swift.yaml
# set, as ms-swift 4.6.0 reads it.
# From this folder: swift rlhf set.ms-swift.yaml --model MODEL ...
dataset: ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]
val_dataset: ["data/validation-00000-of-00001.parquet"]
rlhf_type: "rm"
""",
    ("ms-swift", "prompts"): """
=== set.ms-swift.yaml
# set, as ms-swift 4.6.0 reads it.
# From this folder: swift rlhf set.ms-swift.yaml --model MODEL ...
dataset: ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]
val_dataset: ["data/validation-00000-of-00001.parquet"]
rlhf_type: "grpo"
""",
}


@pytest.mark.parametrize(("trainer", "format"), EXPECTED)
def test_the_configuration_beside_a_folder(trainer: str, format: str) -> None:
    rows = TrainerRows(trainer, format, load(format, "format"), {}, Target.of("set/", 2, 0.1))
    for row in ROWS[format]:
        rows.row(row)
    texts = {name: text for name, text in rows.texts().items() if not name.endswith(".py")}
    assert "".join(f"=== {name}\n{text}" for name, text in texts.items()) == EXPECTED[trainer, format].lstrip()


def test_the_class_beside_rows_of_several_replies_is_a_program() -> None:
    rows = TrainerRows("verl", "rise", load("rise", "format"), {}, Target.of("set/"))
    rows.row(ROWS["rise"][0])
    compile(rows.texts()["set.verl.py"], "set.verl.py", "exec")


def test_the_reward_of_a_configuration_is_redrafts_own() -> None:
    """TRL imports what stands before the last dot, verl the module behind pkg://."""
    module, name = ["redraft.graders.reward", "reward"]
    assert getattr(import_module(module), name)(["\\boxed{2}"], ["2"]) == [1.0]
    assert import_module(module).compute_score("builtin", "\\boxed{2}", "2")["score"] == 1.0


@pytest.mark.parametrize("trainer", ["trl", "axolotl", "llama-factory", "ms-swift"])
async def test_a_configuration_names_rows_that_load_from_its_folder(
    trainer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As each trainer's own code calls `datasets.load_dataset`, in the folder of the configuration."""
    format = "dpo" if trainer == "axolotl" else "kto"
    with opened_output(Target.of(f"{tmp_path}/set/", 2, 0.5)) as output:
        rows = TrainerRows(trainer, format, load(format, "format"), {}, Target.of("set/", 2, 0.5))
        for number in range(12):
            row = rows.row(ROWS[format][0])
            output.write(json.dumps(row).encode() + b"\n", row, f"problem {number}")
        output.complete()
        output.texts.update(rows.texts())
    monkeypatch.chdir(tmp_path / "set")
    settings = yaml.safe_load(Path(f"set.{trainer}.yaml").read_text())
    cache = str(tmp_path / "cache")
    if trainer == "llama-factory":
        info = json.loads(Path("dataset_info.json").read_text())
        places = [info[settings[name]] for name in ("dataset", "eval_dataset")]
        given = [{"path": f"./{place['script_url']}", "split": place["split"]} for place in places]
    elif trainer == "ms-swift":
        given = [
            {"path": "parquet", "data_files": settings[name], "split": "train"} for name in ("dataset", "val_dataset")
        ]
    else:
        entries = [entry for name in ("datasets", "test_datasets") for entry in settings.get(name, ())]
        assert all(Path(entry["path"]).is_dir() for entry in entries) == (trainer == "axolotl")
        given = [
            {"path": entry.get("ds_type", entry["path"]), "data_files": entry["data_files"], "split": entry["split"]}
            for entry in entries
        ]
    counts = [datasets.load_dataset(**one, cache_dir=cache).num_rows for one in given]
    validation = sum(split_of(f"problem {number}", 0.5) == "validation" for number in range(12))
    assert counts == [12 - validation, validation][: len(given)]
    assert counts[0]
