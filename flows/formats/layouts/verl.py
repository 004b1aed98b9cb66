"""Rows for verl: Parquet with `messages` for its SFT trainer, and problems with answer keys for reinforcement
learning."""

from collections.abc import Mapping

from redraft.flows.formats.layouts.layout import Exported, JsonRow, Layout, conversation, notes, script, weight

TITLE = "verl 0.9.1"


def verl() -> Layout:
    """Returns the layout of verl. Its MultiTurnSFTDataset computes the loss on every reply of a row. If rows have
    several replies, a dataset class is written next to them that computes the loss only on the last reply."""
    return Layout(
        title=TITLE,
        rows={"sft": _sft, "grpo": dict},
        files=("parquet", "folder"),
        configure=_configure,
        max_length={"sft": 1024, "grpo": 512},
        overlong="ends with an error at, or drops,",
        arguments={"grpo": {"style": "verl"}},
    )


def _sft(row: JsonRow) -> JsonRow:
    return {"messages": conversation(row), **weight(row)}


def _configure(exported: Exported) -> Mapping[str, str]:
    def files(paths: tuple[str, ...]) -> str:
        return "[" + ",".join(f"$HERE/{path}" for path in paths) + "]"

    head = notes(TITLE, exported, None)
    start = f"{exported.name}.verl.sh"
    arguments = [f'"data.train_files={files(tuple(exported.train))}"']
    if exported.validation:
        arguments.append(f'"data.val_files={files(tuple(exported.validation))}"')
    if exported.task == "grpo":
        head += [
            f"sh {start} actor_rollout_ref.model.path=MODEL ...",
            "redraft is the scorer. Without the two lines of the reward function, data_source chooses one.",
        ]
        arguments += [
            f"data.max_prompt_length={exported.max_length}",
            "reward.custom_reward_function.path=pkg://redraft.graders.reward",
            "reward.custom_reward_function.name=compute_score",
        ]
        return {start: script(head, "python -m verl.trainer.main_ppo algorithm.adv_estimator=grpo", arguments)}
    arguments += ["data.messages_key=messages", f"data.max_length={exported.max_length}", "data.truncation=error"]
    texts: dict[str, str] = {}
    if exported.turns:
        file = f"{exported.name}.verl.py"
        arguments += [f'"data.custom_cls.path=$HERE/{file}"', "data.custom_cls.name=LastReply"]
        texts[file] = LAST_REPLY
    program = "torchrun --standalone --nproc_per_node=1 -m verl.trainer.sft_trainer"
    return {start: script([*head, f"sh {start} model.path=MODEL ..."], program, arguments), **texts}


LAST_REPLY = '''"""verl's data set of conversations, of which only the last reply is learnt."""

import torch
from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset


class LastReply(MultiTurnSFTDataset):
    def _process_single_message(self, index, message, full_message, *others, **named):
        ids, mask, *rest = super()._process_single_message(index, message, full_message, *others, **named)
        return (ids, mask if index == len(full_message) - 1 else torch.zeros_like(mask), *rest)
'''
