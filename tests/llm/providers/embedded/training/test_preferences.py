"""DPO on the embedded model: the loss against its closed form, and what a training changes."""

import importlib
import math
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.trainers.embedded import embedded as embedded_trainer
from redraft.flows.trainers.trainer import TrainingError, TrainingTask
from redraft.llm.providers.embedded.model import HERE
from redraft.llm.providers.embedded.training.examples import Example, ExampleError
from redraft.llm.providers.embedded.training.pairs import Pair
from redraft.llm.providers.embedded.training.settings import FinetuneSettings
from redraft.store.errors import PartError

ASKED = "solve\nTom has 5 hats. He buys 7 more hats. How many hats does Tom have?"
GOOD, BAD = "5+7=12\n#### 12", "5+7=11\n#### 11"
PAIR = Pair(Example((ASKED, BAD)), Example((ASKED, GOOD)))
"""The wrong draft is preferred, so that only the training can explain that the model writes it."""


@pytest.fixture
def preferring() -> Any:
    return importlib.import_module("redraft.llm.providers.embedded.training.preferences")


@pytest.mark.train
def test_the_loss_is_its_closed_form(preferring: Any) -> None:
    torch = importlib.import_module("torch")
    now, before = torch.tensor([-3.0, -5.0, -2.0, -1.0]), torch.tensor([-4.0, -4.0, -2.5, -2.0])
    margins = preferring.preference_margins(now, before)
    assert margins.tolist() == [2.0, -0.5]  # (1 - -1) and (.5 - 1)
    expected = -sum(math.log(1 / (1 + math.exp(-0.3 * margin))) for margin in (2.0, -0.5)) / 2
    assert preferring.preference_loss(margins, 0.3).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.train
def test_the_log_probability_of_an_answer_is_that_of_the_engine(preferring: Any) -> None:
    """The sum over an answer's tokens under PyTorch is what numpy's network says of the same text."""
    np, tuning = importlib.import_module("numpy"), importlib.import_module(f"{FINETUNE}")
    tokenizer = importlib.import_module("tokenizers").Tokenizer.from_file(str(HERE / "tokenizer.json"))
    rows = [tuning.tokenize(tokenizer, one, 1.0) for one in PAIR]
    model = importlib.import_module(PRETRAIN).load(HERE)
    found = preferring.answer_logprobs(model, tuning.make_batch(rows, 96)).tolist()
    network = importlib.import_module("redraft.llm.providers.embedded.network")
    with np.load(HERE / "weights.npz") as packed:
        reader = network.Network(network.unpack(packed))
    for row, total in zip(rows, found, strict=True):
        tokens = np.array(row.tokens, np.int64)
        logits = reader.read(tokens, network.Cache(1), 0).astype(np.float64)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        first = len(tokens) - row.learnt
        expected = sum(logits[place - 1, tokens[place]] for place in range(first, len(tokens)))
        assert total == pytest.approx(expected, abs=2e-2)


@pytest.mark.train
def test_the_preferred_answer_becomes_likelier_and_the_same_seed_gives_the_same_weights(
    preferring: Any, tmp_path: Path
) -> None:
    settings = FinetuneSettings(epochs=12, rate=1e-3, seed=3)
    found = preferring.prefer([PAIR] * 8, tmp_path / "one", source=HERE, settings=settings, beta=0.5)
    assert (found.pairs, found.left_out, found.steps) == (8, 0, 12)
    assert found.first_loss == pytest.approx(math.log(2), abs=1e-4)  # both models are the same at first
    assert found.last_loss < 0.5 * found.first_loss
    assert (found.first_right, found.last_right) == (0.0, 1.0)
    preferring.prefer([PAIR] * 8, tmp_path / "two", source=HERE, settings=settings, beta=0.5)
    for name in ("weights.npz", "tokenizer.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.train
def test_pairs_that_are_all_too_long_are_told(preferring: Any, tmp_path: Path) -> None:
    long = Pair(Example((ASKED, "1+1=2\n" * 400)), Example((ASKED, BAD)))
    with pytest.raises(ExampleError, match="no pair fits into the 1,024 tokens"):
        preferring.prefer([long], tmp_path, source=HERE, settings=FinetuneSettings(), beta=0.1)


@pytest.mark.train
async def test_an_unknown_loss_is_one_line(tmp_path: Path) -> None:
    task = TrainingTask(rows=tmp_path / "rows.jsonl", base="embedded", out=tmp_path / "out", loss="kto")
    with pytest.raises(TrainingError, match="trainer 'embedded' has no loss 'kto'; there are sft, dpo"):
        await embedded_trainer()(task)


@pytest.mark.parametrize("given", [{"epochs": 0}, {"rate": 0.0}, {"beta": -1.0}, {"replay": 1.0}, {"threads": 0}])
def test_arguments_out_of_range_are_told(given: dict[str, Any]) -> None:
    with pytest.raises(PartError, match="of trainer 'embedded' have to be at least 1"):
        embedded_trainer(**given)


FINETUNE, PRETRAIN = (f"redraft.llm.providers.embedded.training.{name}" for name in ("finetune", "pretrain"))
