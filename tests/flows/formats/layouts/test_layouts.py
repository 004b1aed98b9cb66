"""What the layout of each trainer writes, without the trainers: `test_loaders` has their own loaders."""

import json
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.dataset_files.target import ExportError, Target
from redraft.flows.formats.dpo import dpo
from redraft.flows.formats.format import Format
from redraft.flows.formats.kto import kto
from redraft.flows.formats.layouts.trainer_rows import TrainerRows, estimated_tokens
from redraft.flows.formats.orm import orm
from redraft.flows.formats.prm import prm
from redraft.flows.formats.prompts import prompts
from redraft.flows.formats.rise import rise
from redraft.flows.formats.score import score
from redraft.flows.formats.sft import sft
from redraft.store.errors import PartError

USER, WRONG, AGAIN, RIGHT = (
    {"role": role, "content": text}
    for role, text in (("user", "1+1?"), ("assistant", "3"), ("user", "Again."), ("assistant", "2"))
)
TURNS = {"prompt": [USER, WRONG, AGAIN], "completion": [RIGHT], "weight": 2.5}
PAIR = {"prompt": [USER], "chosen": [RIGHT], "rejected": [WRONG], "oracle_used": False}


def made(trainer: str, factory: Any, row: Any, file: str = "rows.parquet", **given: Any) -> tuple[Any, TrainerRows]:
    rows = TrainerRows(trainer, factory.__name__, factory, given, Target.of(file))
    return rows.row(row), rows


@pytest.mark.parametrize(
    ("trainer", "expected"),
    [
        ("trl", TURNS),
        ("openrlhf", TURNS),
        ("verl", {"messages": [USER, WRONG, AGAIN, RIGHT], "weight": 2.5}),
        ("llama-factory", {"messages": [USER, WRONG, AGAIN, RIGHT], "weight": 2.5}),
        ("ms-swift", {"messages": [USER, WRONG | {"loss": False}, AGAIN, RIGHT | {"loss": True, "loss_scale": 2.5}]}),
        (
            "axolotl",
            {"messages": [
                USER | {"training": False}, WRONG | {"training": False}, AGAIN | {"training": False},
                RIGHT | {"training": True},
            ], "weight": 2.5},
        ),
    ],
)  # fmt: skip
def test_only_the_last_reply_is_marked_to_be_learnt(trainer: str, expected: Any) -> None:
    row, rows = made(trainer, rise, TURNS)
    assert row == expected
    whole, _ = made(trainer, sft, {"messages": [USER, WRONG, AGAIN, RIGHT], "weight": 2.5})
    assert whole == expected, "one list of messages makes the same row"
    switches = {"llama-factory": "mask_history: true", "verl": "LastReply", "trl": "completion_only_loss: true"}
    assert switches.get(trainer, "") in "".join(rows.texts().values())


@pytest.mark.parametrize(
    ("trainer", "expected"),
    [
        ("trl", PAIR),
        ("openrlhf", {"prompt": [USER], "chosen": [RIGHT], "rejected": [WRONG]}),
        ("llama_factory", {"messages": [USER], "chosen": RIGHT, "rejected": WRONG}),
        ("axolotl", {"messages": [USER], "chosen": RIGHT, "rejected": WRONG}),
        ("ms_swift", {"messages": [USER, RIGHT], "rejected_response": "3"}),
    ],
)
def test_pairs(trainer: str, expected: Any) -> None:
    row, rows = made(trainer, dpo, PAIR, "pairs.jsonl")
    assert row == expected
    assert all(name.startswith("pairs.") or name == "dataset_info.json" for name in rows.texts())


def test_a_reward_model_gets_pairs_and_its_own_stage() -> None:
    _, rows = made("llama-factory", orm, PAIR)
    assert rows.arguments == {"style": "pairs"}
    texts = rows.texts()
    assert 'stage: "rm"' in texts["rows.llama-factory.yaml"]
    assert json.loads(texts["dataset_info.json"])["rows"]["ranking"] is True


@pytest.mark.parametrize(
    ("trainer", "factory", "file", "message"),
    [
        (
            "trl",
            prm,
            "a.jsonl",
            r"TRL 1\.16 can't train on rows of format 'prm': it takes best_worst, dpo, kto",
        ),
        ("verl", dpo, "a.parquet", "it takes mended, messages, prompts, rise, sft"),
        ("verl", sft, "a.jsonl", r"verl 0\.9\.1 does not read a\.jsonl: name a \.parquet, a folder/"),
        ("trl", sft, "-", "does not read -: name a .jsonl"),
        ("trll", sft, "a.jsonl", "no trainer 'trll'; there are axolotl, .* Did you mean 'trl'"),
    ],
)
def test_what_a_trainer_cannot_take_is_refused(trainer: str, factory: Any, file: str, message: str) -> None:
    with pytest.raises((PartError, ExportError), match=message):
        TrainerRows(trainer, factory.__name__, factory, {}, Target.of(file))


def test_plain_text_and_a_style_of_ones_own_are_refused() -> None:
    with pytest.raises(PartError, match="column 'prompt' of these rows is plain text"):
        made("openrlhf", dpo, {"prompt": "1+1?", "chosen": "2", "rejected": "3"})
    with pytest.raises(PartError, match=r"style=rows of format 'orm' is for TRL 1\.16 to choose"):
        made("trl", orm, PAIR, style="rows")


def test_rows_of_a_format_of_ones_own_are_known_by_their_columns() -> None:
    def own() -> Format:
        raise NotImplementedError

    assert made("ms-swift", own, PAIR)[0]["rejected_response"] == "3"
    with pytest.raises(PartError, match="can't train on rows of format 'own'"):
        made("trl", own, {"text": "2"})


def test_long_rows_and_weights_are_told() -> None:
    _, rows = made("trl", rise, {**TURNS, "completion": [RIGHT | {"content": "2" * 6000}]})
    rows.row({**TURNS, "weight": 1.0})
    assert rows.notes()[1:] == [
        "1 row of 2 is longer than the 1,024 tokens that this trainer cuts or drops by default, so that the"
        " configuration sets 2,048 (estimated: 3 bytes a token)",
        "The SFTTrainer ignores `weight`: docs/train.md shows the trainer Weighted, which counts rows by it.",
    ]
    assert "max_length: 2048" in rows.texts()["rows.trl.yaml"]
    assert estimated_tokens(PAIR) == 10, "the longer reply counts, not both"


def test_a_configuration_names_files_from_its_folder(tmp_path: Path) -> None:
    target = Target.of(f"{tmp_path}/rows/", 2, 0.5)
    rows = TrainerRows("verl", "sft", sft, {}, target)
    rows.row({"prompt": [USER], "completion": [RIGHT]})
    script = rows.texts()["rows.verl.sh"]
    assert "$HERE/data/train-00000-of-00002.parquet,$HERE/data/train-00001-of-00002.parquet]" in script
    assert "$HERE/data/validation-00000-of-00001.parquet]" in script
    assert "LastReply" not in script, "there is one reply a row"


HEAD = "# rows, as {} reads it. Only the last reply of a row is learnt.\n"
CONFIGURATIONS = {
    "trl": {
        "rows.trl.yaml": HEAD.format("TRL 1.16") + """\
# From this folder: trl sft --config rows.trl.yaml --model_name_or_path MODEL
datasets: [{"path": "parquet", "data_files": "rows.parquet", "split": "train"}]
max_length: 1024
completion_only_loss: true
"""
    },
    "openrlhf": {
        "rows.openrlhf.sh": "#!/bin/sh\n" + HEAD.format("OpenRLHF 0.11.2") + """\
# sh rows.openrlhf.sh --model.model_name_or_path MODEL ...
HERE=$(cd "$(dirname "$0")" && pwd)
exec python -m openrlhf.cli.train_sft \\
    --data.dataset "$HERE/rows.parquet" \\
    --data.apply_chat_template \\
    --data.input_key prompt \\
    --data.output_key completion \\
    --data.max_len 2048 \\
    "$@"
"""
    },
    "verl": {
        "rows.verl.sh": "#!/bin/sh\n" + HEAD.format("verl 0.9.1") + """\
# sh rows.verl.sh model.path=MODEL ...
HERE=$(cd "$(dirname "$0")" && pwd)
exec torchrun --standalone --nproc_per_node=1 -m verl.trainer.sft_trainer \\
    "data.train_files=[$HERE/rows.parquet]" \\
    data.messages_key=messages \\
    data.max_length=1024 \\
    data.truncation=error \\
    "$@"
"""
    },
    "ms-swift": {
        "rows.ms-swift.yaml": HEAD.format("ms-swift 4.6.0") + """\
# From this folder: swift sft rows.ms-swift.yaml --model MODEL ...
dataset: ["rows.parquet"]
"""
    },
    "axolotl": {
        "rows.axolotl.yaml": HEAD.format("axolotl 0.19.0") + """\
# From this folder, with base_model and the rest: axolotl train rows.axolotl.yaml
datasets: [{"path": "rows.parquet", "ds_type": "parquet", "split": "train", "type": "chat_template", \
"field_messages": "messages", "message_field_training": "training", "roles_to_train": [], "train_on_eos": "turn"}]
sequence_len: 512
chat_template: "tokenizer_default"
"""
    },
}  # fmt: skip


@pytest.mark.parametrize("trainer", CONFIGURATIONS)
def test_the_configuration_beside_rows_of_one_reply(trainer: str) -> None:
    _, rows = made(trainer, sft, {"prompt": [USER], "completion": [RIGHT]})
    assert rows.texts() == CONFIGURATIONS[trainer]


def test_problems_get_the_columns_of_each_trainer() -> None:
    row = {"prompt": [USER], "answer": "2", "solution": "\\boxed{2}", "kind": "math"}
    assert made("openrlhf", prompts, row)[0] == {"prompt": [USER], "label": "2", "datasource": "math"}
    assert made("ms_swift", prompts, row, "a.jsonl")[0] == {"messages": [USER], "solution": "\\boxed{2}"}
    assert made("trl", prompts, row)[0] == row
    assert made("verl", prompts, row)[1].arguments == {"style": "verl"}


def test_labels_and_second_attempts() -> None:
    row = {"prompt": [USER], "completion": [RIGHT], "label": True}
    for trainer in ("llama-factory", "ms-swift"):
        assert made(trainer, kto, row, "a.jsonl")[0] == {"messages": [USER, RIGHT], "label": True}
    attempts = {"prompt": [USER, WRONG, AGAIN], "completion": [RIGHT], "first": "3", "first_reward": 0.0}
    assert "completion" not in made("trl", score, attempts)[0], "GRPO draws it anew"
