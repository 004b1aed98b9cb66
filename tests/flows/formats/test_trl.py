"""TRL 1.x takes what redraft exports and trains a step on it, with the embedded model as a Hugging Face folder."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.export import export
from redraft.flows.generate import generate
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


async def rows(store: Store, tmp_path: Path, format: str) -> Any:
    file = tmp_path / f"{format}.jsonl"
    await export(file, db=store, format=format, filters=["split"])
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


async def test_rise_rows_train_by_their_weights(trl: Any, folder: str, store: Store, tmp_path: Path) -> None:
    """docs/train.md shows this trainer: TRL has no place for the weight of a row."""
    name: dict[str, Any] = {}
    page = (Path(__file__).parents[3] / "docs" / "train.md").read_text()
    exec(page.split("```python title=weighted.py\n")[1].split("```")[0], name)
    dataset = await rows(store, tmp_path, "rise")
    config = once(trl.SFTConfig, tmp_path, per_device_train_batch_size=16, remove_unused_columns=False)
    trainer = name["Weighted"](model=folder, args=config, train_dataset=dataset)
    batch = next(iter(trainer.get_train_dataloader()))
    assert sorted(batch["weight"].tolist()) == pytest.approx(sorted(dataset["weight"]))
    told = _by_hand(trainer.model, batch)
    before = weight(trainer)
    assert trainer.train().training_loss == pytest.approx(told, rel=1e-4)
    assert not weight(trainer).equal(before)


def _by_hand(model: Any, batch: Any) -> float:
    """The weighted mean of the learnt tokens' negative log-likelihood, row by row."""
    torch = import_module("torch")
    total = count = 0.0
    with torch.no_grad():
        for ids, labels, weight in zip(batch["input_ids"], batch["labels"], batch["weight"], strict=True):
            likely = model(input_ids=ids[None]).logits[0, :-1].log_softmax(-1)
            learnt = [(at, token) for at, token in enumerate(labels[1:].tolist()) if token != -100]
            total -= float(weight) * sum(float(likely[at, token]) for at, token in learnt)
            count += float(weight) * len(learnt)
    return total / count


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
