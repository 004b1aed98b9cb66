"""Tuning the embedded model with PyTorch: `make test-train`."""

import json
import math
import random
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from redraft.flows.export import export
from redraft.flows.generate import generate
from redraft.flows.train import train
from redraft.llm.model import Message, Request
from redraft.llm.providers.embedded.model import HERE, embedded
from redraft.llm.providers.embedded.training.examples import Example
from redraft.llm.providers.embedded.training.settings import FinetuneSettings
from redraft.llm.providers.route import route
from redraft.store import Store

pytestmark = pytest.mark.train

ASKED = "solve\nAnn has 3 bags with 4 pens each. How many pens does Ann have?"
ODD, EVEN = "Ann has 3*4=12 pens.\n#### 7", "Ann has 3*4=12 pens.\n#### 8"


@pytest.fixture
def tuning() -> Any:
    return import_module("redraft.llm.providers.embedded.training.finetune")


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_the_loss_is_the_weighted_mean_over_learnt_tokens(tuning: Any, scale: float) -> None:
    torch = import_module("torch")
    drawn = np.random.default_rng(0)
    logits = drawn.normal(size=(3, 4, 5)).astype(np.float32)
    targets = np.array([[-100, 1, 2, -100], [0, -100, -100, 4], [-100, -100, 3, -100]])
    weights = [math.exp(-2.5), 1.0, math.exp(2.5)]
    each = np.repeat(np.array(weights, np.float32) * np.float32(scale), 4).reshape(3, 4)
    batch = tuning.Batch(targets, targets, each)
    logarithms = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    learnt = [(row, at) for row in range(3) for at in range(4) if targets[row, at] >= 0]
    told = -sum(weights[row] * logarithms[row, at, targets[row, at]] for row, at in learnt)
    losses = [-logarithms[row, at, targets[row, at]] for row, at in learnt]
    assert tuning.weighted_loss(torch.tensor(losses), batch).item() == pytest.approx(
        told / sum(weights[row] for row, _ in learnt), rel=1e-5
    )


def test_batches_hold_every_example_once_with_its_weight_and_its_last_tokens_alone_learnt(tuning: Any) -> None:
    examples = [
        tuning.TokenizedExample(list(range(1, size + 1)), 2, (float(size), 0.5))
        for size in (3, 41, 90, 97, 400, 700, 1024)
    ]
    made = tuning.batches(examples, random.Random(0))
    assert sorted(batch.inputs.shape for batch in made) == [(1, 1024), (6, 704)]
    rows = [row for batch in made for row in zip(*batch, strict=True)]
    assert sorted(weights.max() for _, _, weights in rows) == [3.0, 41.0, 90.0, 97.0, 400.0, 700.0, 1024.0]
    for inputs, targets, weights in rows:
        size = int(weights.max())
        assert {at: float(weights[at]) for at in np.flatnonzero(weights)} == {size - 3: size, size - 2: 0.5}
        assert inputs[:size].tolist() == list(range(1, size + 1))
        assert not inputs[size:].any()
        assert {at: int(targets[at]) for at in np.flatnonzero(targets != -100)} == {size - 3: size - 1, size - 2: size}


def test_the_rate_rises_for_a_twenty_fifth_and_falls_to_nothing(tuning: Any) -> None:
    rates = [tuning.schedule(step, 100) for step in range(100)]
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rates[52] == pytest.approx(0.5)
    assert rates[-1] < 0.001


async def test_heavy_rows_are_learnt_and_light_ones_are_not(tuning: Any, tmp_path: Path) -> None:
    lessons = [Example((ASKED, ODD), math.exp(2.5)), Example((ASKED, EVEN), math.exp(-2.5))] * 8
    settings = FinetuneSettings(epochs=8, replay=0.0, rate=2e-3)
    tuned = tuning.finetune(lessons, tmp_path / "odd", settings=settings)
    assert (tuned.lessons, tuned.left_out, tuned.steps) == (16, 0, 8)
    assert tuned.last_loss < tuned.first_loss
    asked = Request((Message("user", ASKED),), temperature=0.0)
    [learnt] = (await route(f"embedded:{tmp_path / 'odd'}").complete(asked)).choices
    [before] = (await embedded().complete(asked)).choices
    assert (learnt.text[-6:], before.text[-7:]) == ("#### 7", "#### 12")
    tuning.finetune(lessons, tmp_path / "again", settings=settings)
    assert embedded(tmp_path / "again").version == embedded(tmp_path / "odd").version


def test_a_token_has_the_weight_of_the_step_in_which_it_begins(tuning: Any) -> None:
    tokenizer = import_module("tokenizers").Tokenizer.from_file(str(HERE / "tokenizer.json"))
    steps = (("Ann has 3*4=12 pens.\n", 0.5), ("#### 12", 0.25))
    lesson = Example((ASKED, "".join(text for text, _ in steps)), 2.0, steps)
    found = tuning.tokenize(tokenizer, lesson, 3.0)
    plain = tuning.tokenize(tokenizer, Example(lesson.texts), 3.0)
    assert (found.tokens, found.learnt, plain.weights) == (plain.tokens, plain.learnt, [3.0] * plain.learnt)
    texts = [tokenizer.decode([token], skip_special_tokens=False) for token in found.tokens[-found.learnt :]]
    first = next(at for at, _ in enumerate(texts) if "".join(texts[:at]) == steps[0][0])
    scale = 3.0 / lesson.mean_weight * 2.0
    assert found.weights == [scale * 0.5] * first + [scale * 0.25] * (found.learnt - first)
    assert texts[-1] == "<|end|>"
    characters = [len(text) for text in texts[:-1]]
    mean = sum(length * weight for length, weight in zip(characters, found.weights, strict=False)) / sum(characters)
    assert mean == pytest.approx(3.0)


async def test_heavy_steps_are_learnt_and_light_ones_are_not(tuning: Any, tmp_path: Path) -> None:
    """Both lessons begin alike; each has one step that weighs nothing."""
    first, odd, even = "Ann has 3*4=12 pens.\n", "#### 7", "#### 8"
    lessons = [
        Example((ASKED, first + odd), 1.0, ((first, 0.0), (odd, 1.0))),
        Example((ASKED, first + even), 1.0, ((first, 1.0), (even, 0.0))),
    ] * 8
    tuning.finetune(lessons, tmp_path / "odd", settings=FinetuneSettings(epochs=8, replay=0.0, rate=2e-3))
    asked = Request((Message("user", ASKED),), temperature=0.0)
    [learnt] = (await route(f"embedded:{tmp_path / 'odd'}").complete(asked)).choices
    assert learnt.text.endswith("#### 7")


def test_the_layers_of_a_reward_model_come_under_the_head_of_the_policy(tuning: Any, tmp_path: Path) -> None:
    torch, network = import_module("torch"), import_module("redraft.llm.providers.embedded.network")
    load = import_module("redraft.llm.providers.embedded.training.pretrain").load
    with np.load(HERE / "prm.npz") as packed:
        judge = network.unpack(packed)
    found, own = tuning.begin(HERE, HERE).state_dict(), load(HERE).state_dict()
    for name, tensor in found.items():
        expected = torch.from_numpy(judge[name]) if name.startswith("blocks.") else own[name]
        assert torch.equal(tensor, expected), name
    assert not torch.equal(found["blocks.0.qkv.weight"], own["blocks.0.qkv.weight"])
    assert all(torch.equal(tensor, own[name]) for name, tensor in tuning.begin(HERE, None).state_dict().items())


async def test_a_round_from_drafts_to_weights_that_are_asked(tmp_path: Path) -> None:
    store = Store(tmp_path / "r.duckdb")
    arguments = {"feedback": "fixed", "turns": 2}
    await generate("builtin:split=train,seed=5", db=store, arguments=arguments, samples=2, limit=4)
    rows = tmp_path / "rise.jsonl"
    made = await export(rows, db=store, format="rise", filters=["split"])
    lines: list[str] = []
    tuned = await train([rows], tmp_path / "once", say=lines.append)
    assert (made.kept, tuned.lessons, tuned.left_out) == (16, 16, 0)
    assert lines == [f"step {tuned.steps} of {tuned.steps}, loss {lines[0].rpartition(' ')[2]}"]
    kept = json.loads((tmp_path / "once" / "tuned.json").read_text())
    assert (kept["lessons"], kept["model"], kept["settings"]["replay"]) == (16, "embedded", 0.25)
    again = f"embedded:{tmp_path / 'once'}"
    await train([rows], tmp_path / "twice", model=again)
    found = await generate("builtin", db=store, model=again, samples=1, limit=1)
    assert (found.model, found.trajectories, found.failures) == (again, 1, {})


def test_an_average_lies_between_the_weights(tmp_path: Path) -> None:
    tuning, pretrain = (
        import_module(f"redraft.llm.providers.embedded.training.{name}") for name in ("finetune", "pretrain")
    )
    own, other = pretrain.load(HERE), pretrain.load(HERE)
    for parameter in own.parameters():
        parameter.data += 1
    tuning.average(own, other, 0.25)
    moved = [(one - two).detach() for one, two in zip(own.parameters(), other.parameters(), strict=True)]
    assert all(abs(float(each.mean()) - 0.75) < 1e-5 for each in moved)
    tuning.average(own, other, 0.0)
    assert float((next(own.parameters()) - next(other.parameters())).detach().mean()) == pytest.approx(0.75, abs=1e-5)
