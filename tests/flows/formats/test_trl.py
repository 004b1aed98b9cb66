"""TRL 1.x takes what redraft exports and trains a step on it, with the embedded model as a Hugging Face folder."""

import json
import math
from importlib import import_module
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

from redraft.flows.annotate import annotate
from redraft.flows.export import export
from redraft.flows.generate import generate
from redraft.graders import reward
from redraft.llm.providers.embedded.export import export_folder
from redraft.store import Store

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def trl() -> Any:
    return import_module("trl")


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """The embedded model as transformers loads it."""
    export_folder(tmp_path / "tiny")
    return str(tmp_path / "tiny")


@pytest.fixture
async def store(tmp_path: Path) -> Store:
    """Two turns of correction on problems of the training split."""
    store = Store(tmp_path / "r.duckdb")
    arguments = {"feedback": "fixed", "turns": 2}
    await generate("builtin:split=train,seed=6", db=store, arguments=arguments, samples=2, limit=4)
    return store


async def rows(store: Store, tmp_path: Path, format: str, **arguments: Any) -> Any:
    file = tmp_path / f"{format}.jsonl"
    await export(file, db=store, format=format, filters=["split"], arguments=arguments)
    data = import_module("datasets")
    return data.load_dataset("json", data_files=str(file), split="train", cache_dir=str(tmp_path / "cache"))


def once(config: Any, tmp_path: Path, **given: Any) -> Any:
    """One step on the processor, nothing saved or sent."""
    quiet = {"report_to": "none", "save_strategy": "no", "use_cpu": True, "bf16": False}
    return config(output_dir=str(tmp_path / "out"), max_steps=1, learning_rate=1e-3, **{**quiet, **given})


def weight(trainer: Any) -> Any:
    """A copy of a weight that every trainer here moves."""
    return trainer.model.model.layers[0].mlp.up_proj.weight.detach().clone()


@pytest.mark.parametrize("format", ["rise", "mended", "score", "messages", "sft"])
async def test_sft_trains_a_step_on_every_format(
    trl: Any, folder: str, store: Store, tmp_path: Path, format: str
) -> None:
    config = once(trl.SFTConfig, tmp_path, per_device_train_batch_size=4)
    trainer = trl.SFTTrainer(model=folder, args=config, train_dataset=await rows(store, tmp_path, format))
    before = weight(trainer)
    assert 0 < trainer.train().training_loss < 10
    assert not weight(trainer).equal(before)


async def test_only_the_last_draft_of_a_rise_row_is_learnt(trl: Any, folder: str, store: Store, tmp_path: Path) -> None:
    dataset = await rows(store, tmp_path, "rise")
    trainer = trl.SFTTrainer(model=folder, args=once(trl.SFTConfig, tmp_path), train_dataset=dataset)
    for made, row in zip(trainer.train_dataset, dataset, strict=True):
        learnt = [token for token in made["labels"] if token != -100]
        assert trainer.processing_class.decode(learnt) == f"{row['completion'][0]['content']}<|end|>"


@pytest.mark.parametrize("format", ["messages", "rise"])
async def test_all_replies_and_nothing_else_are_learnt_if_asked_for(
    trl: Any, folder: str, store: Store, tmp_path: Path, format: str
) -> None:
    """`assistant_only_loss` with the template of the exported folder: TRL does not know the model."""
    dataset = await rows(store, tmp_path, format)
    config = once(trl.SFTConfig, tmp_path, assistant_only_loss=True, completion_only_loss=False, max_length=None)
    trainer = trl.SFTTrainer(model=folder, args=config, train_dataset=dataset)
    for made, row in zip(trainer.train_dataset, dataset, strict=True):
        messages = row["messages"] if format == "messages" else row["prompt"] + row["completion"]
        replies = [f"{each['content']}<|end|>" for each in messages if each["role"] == "assistant"]
        learnt = [token for token in made["labels"] if token != -100]
        assert trainer.processing_class.decode(learnt) == "".join(replies)
    assert {row["turn"] for row in dataset} == {1, 2} if format == "rise" else dataset
    assert 0 < trainer.train().training_loss < 10


def weighted() -> Any:
    """The trainer that docs/train.md shows: TRL has no place for the weight of a row."""
    name: dict[str, Any] = {}
    page = (Path(__file__).parents[3] / "docs" / "train.md").read_text()
    exec(page.split("```python title=weighted.py\n")[1].split("```")[0], name)
    return name["Weighted"]


@pytest.mark.parametrize(("batch", "steps"), [(16, 1), (4, 4), (1, 16)])
async def test_rise_rows_train_by_their_weights(
    trl: Any, folder: str, store: Store, tmp_path: Path, batch: int, steps: int
) -> None:
    """Loss and gradient are those of all 16 rows at once, however they are divided into batches."""
    dataset = await rows(store, tmp_path, "rise")
    size = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": steps}
    given = {"remove_unused_columns": False, "max_grad_norm": 0.0, "lr_scheduler_type": "constant", "optim": "sgd"}
    trainer = weighted()(model=folder, args=once(trl.SFTConfig, tmp_path, **size, **given), train_dataset=dataset)
    assert len(trainer.train_dataset) == len(dataset) == 16
    assert len(set(dataset["weight"])) > 1
    whole = trainer.data_collator([trainer.train_dataset[index] for index in range(16)])
    loss, before = _by_hand(trainer.model, whole), weight(trainer)
    gradient = trainer.model.model.layers[0].mlp.up_proj.weight.grad.clone()
    trainer.model.zero_grad()
    assert trainer.train().training_loss == pytest.approx(float(loss), rel=1e-4)
    moved = (before - weight(trainer)) / 1e-3
    assert float((moved - gradient).norm() / gradient.norm()) < 0.02


def _by_hand(model: Any, batch: Any) -> Any:
    """The learnt tokens' negative log-likelihood times the weight of their row, over the number of tokens; the model
    gets its gradient."""
    total, count = 0.0, 0
    for ids, labels, weight in zip(batch["input_ids"], batch["labels"], batch["weight"], strict=True):
        likely = model(input_ids=ids[None]).logits[0, :-1].log_softmax(-1)
        learnt = [(at, token) for at, token in enumerate(labels[1:].tolist()) if token != -100]
        total = total - weight * sum(likely[at, token] for at, token in learnt)
        count += len(learnt)
    loss: Any = total / count
    loss.backward()
    return loss.detach()


async def test_grpo_learns_second_attempts_from_score_rows(trl: Any, folder: str, store: Store, tmp_path: Path) -> None:
    """SCoRe's stage I: second attempts are drawn anew after stored first ones, and rewarded with its shaping."""
    seen: list[float] = []

    def shaped(completions: Any, first_reward: Any, first: Any, **others: Any) -> list[float]:
        seen.extend(first_reward)
        changed = [said[0]["content"] != draft for said, draft in zip(completions, first, strict=True)]
        return [float(one) - 10 * before for one, before in zip(changed, first_reward, strict=True)]

    config = once(trl.GRPOConfig, tmp_path, per_device_train_batch_size=4, num_generations=4, max_completion_length=32)
    dataset = (await rows(store, tmp_path, "score")).remove_columns("completion")
    trainer = trl.GRPOTrainer(model=folder, reward_funcs=shaped, args=config, train_dataset=dataset)
    trainer.train()
    assert len(seen) == 4
    assert set(seen) <= {0.0, 1.0}


@pytest.fixture
async def pairs(tmp_path: Path) -> Store:
    """First drafts of problems of the training split, of which some are right."""
    store = Store(tmp_path / "pairs.duckdb")
    await generate("builtin:split=train,seed=6", db=store, strategy="best_of_n", samples=4, limit=12)
    return store


@pytest.mark.parametrize("style", ["prompt", "text"])
async def test_dpo_trains_a_step_on_pairs(trl: Any, folder: str, pairs: Store, tmp_path: Path, style: str) -> None:
    dataset = await rows(pairs, tmp_path, "dpo", style=style)
    trainer = trl.DPOTrainer(model=folder, args=once(trl.DPOConfig, tmp_path), train_dataset=dataset)
    before = weight(trainer)
    assert trainer.train().training_loss == pytest.approx(math.log(2), abs=0.01), "policy and reference are equal"
    assert not weight(trainer).equal(before)


@pytest.mark.parametrize("style", ["prompt", "text"])
async def test_kto_trains_a_step_on_labelled_drafts(
    trl: Any, folder: str, pairs: Store, tmp_path: Path, style: str
) -> None:
    dataset = await rows(pairs, tmp_path, "kto", style=style)
    config = once(trl.KTOConfig, tmp_path, per_device_train_batch_size=4)
    trainer = trl.KTOTrainer(model=folder, args=config, train_dataset=dataset)
    before = weight(trainer)
    trainer.train()
    assert not weight(trainer).equal(before)


async def test_a_reward_model_trains_a_step_on_pairs(trl: Any, folder: str, pairs: Store, tmp_path: Path) -> None:
    dataset = await rows(pairs, tmp_path, "orm", style="pairs")
    trainer = trl.RewardTrainer(model=folder, args=once(trl.RewardConfig, tmp_path), train_dataset=dataset)
    before = weight(trainer)
    trainer.train()
    assert not weight(trainer).equal(before)


async def test_grpo_rewards_its_own_drafts_by_the_keys(trl: Any, folder: str, pairs: Store, tmp_path: Path) -> None:
    seen: list[float | None] = []

    def right(completions: Any, **columns: Any) -> list[float | None]:
        seen.extend(reward(completions, **columns))
        return seen[-len(completions) :]

    config = once(trl.GRPOConfig, tmp_path, per_device_train_batch_size=4, num_generations=4, max_completion_length=64)
    dataset = await rows(pairs, tmp_path, "prompts")
    trainer = trl.GRPOTrainer(model=folder, reward_funcs=right, args=config, train_dataset=dataset)
    trainer.train()
    assert len(seen) == 4
    assert set(seen) <= {0.0, 1.0}


async def test_the_example_trains_a_process_reward_model(trl: Any, folder: str, pairs: Store, tmp_path: Path) -> None:
    """A step of examples/train_prm.py: the last token of each separator is learnt, and nothing else."""
    await annotate(db=pairs, grader="rollout", arguments={"grader.rollouts": 2}, limit=3)
    file = tmp_path / "prm.jsonl"
    await export(file, db=pairs, format="prm", filters=["split"])
    example: Any = run_path(str(Path(__file__).parents[3] / "examples" / "train_prm.py"))
    quiet = {"max_steps": 1, "use_cpu": True, "save_strategy": "no", "learning_rate": 1e-3}
    trainer = example["train"](str(file), folder, str(tmp_path / "prm"), **quiet)
    given = [json.loads(line) for line in file.read_text().splitlines()]
    for made, row in zip(trainer.train_dataset, given, strict=True):
        assert [label for label in made["labels"] if label != -100] == [int(label) for label in row["labels"]]
        text = trainer.processing_class.decode(made["input_ids"])
        assert text == "\n".join([row["prompt"], *row["completions"], ""])
    assert (tmp_path / "prm" / "model.safetensors").exists()
