"""Training of a verifier on judged solutions, and its rows: `make test-train`."""

import random
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from redraft.llm.providers.embedded.reward_model import HERE, embedded_reward_model, reward_folder
from redraft.llm.providers.embedded.training.examples import ExampleError, Judged, read_judged
from redraft.llm.providers.embedded.training.settings import FinetuneSettings
from redraft.store.sources.wordproblems import problems

SETTINGS = FinetuneSettings(epochs=6, rate=1e-3)


def rows_of(count: int) -> list[Judged]:
    """Right solutions, all of whose steps are good, and the same with another last number, whose last step is bad."""
    found: list[Judged] = []
    for problem, _ in zip(problems(split="train", levels=[1, 2]), range(count), strict=False):
        steps = tuple(problem.meta["solution"].split("\n"))
        wrong = (*steps[:-1], f"{steps[-1]}7")
        found.append(Judged(problem.question, steps, (1.0,) * len(steps)))
        found.append(Judged(problem.question, wrong, (*(1.0,) * (len(steps) - 1), 0.0)))
    return found


def test_rows_of_both_formats_are_read(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(
        '{"prompt": "q", "completions": ["a", "b"], "labels": [true, 0.25], "turn": 1}\n'
        '{"question": "q", "solution": "a\\nb\\n", "value": 0.5}\n'
    )
    assert read_judged(file) == [Judged("q", ("a", "b"), (1.0, 0.25)), Judged("q", ("a", "b"), (None, 0.5))]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"prompt": "q"}', "rows.jsonl, line 1: no judged solution: export it with --format prm or value"),
        ('{"prompt": "q", "completions": ["a"], "labels": []}', r"line 1: 1 steps and values \[\]: each step needs"),
        ('{"question": "q", "solution": "a", "value": 1.5}', r"1 steps and values \[1.5\]: each step needs a value"),
    ],
)
def test_a_bad_row_is_one_line(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "rows.jsonl").write_text(line)
    with pytest.raises(ExampleError, match=message):
        read_judged(tmp_path / "rows.jsonl")


def test_a_reward_model_is_named_by_its_folder(tmp_path: Path) -> None:
    assert reward_folder(f"embedded:{tmp_path}") is None
    for name in ("prm.npz", "tokenizer.json"):
        (tmp_path / name).write_bytes((HERE / name).read_bytes())
    assert reward_folder(f"embedded:{tmp_path}") == tmp_path
    assert [reward_folder(name) for name in (None, "embedded", f"openai/{tmp_path}")] == [None] * 3
    own, shipped = embedded_reward_model(tmp_path), embedded_reward_model()
    assert (own.name, shipped.name) == (f"embedded:{tmp_path}", "embedded-prm")
    assert own.score("What is 1 + 1?", ["1+1=2."]) == shipped.score("What is 1 + 1?", ["1+1=2."])


@pytest.mark.train
@pytest.mark.parametrize("loss", ["prm", "value"])
def test_a_verifier_learns_what_it_is_shown_and_the_same_bits_again(tmp_path: Path, loss: str) -> None:
    train: Any = import_module("redraft.llm.providers.embedded.training.verifier")
    judged = rows_of(40)
    one, two = (
        train.train_verifier(judged, tmp_path / name, source=HERE, loss=loss, settings=SETTINGS)
        for name in ("one", "two")
    )
    assert (one.solutions, one.left_out, one.values) == (80, 0, sum(len(row.values) for row in judged))
    assert one.last_loss < one.first_loss
    assert (tmp_path / "one" / "prm.npz").read_bytes() == (tmp_path / "two" / "prm.npz").read_bytes()
    scores = [embedded_reward_model(tmp_path / "one").score(row.question, row.steps)[-1] for row in judged]
    assert np.mean(scores[::2]) > np.mean(scores[1::2]) + 0.1
    again = train.train_verifier(judged, tmp_path / "again", source=tmp_path / "one", loss=loss, settings=SETTINGS)
    assert again.first_loss < one.first_loss
    assert two.last_loss == one.last_loss


@pytest.mark.train
def test_numpy_scores_what_pytorch_trains() -> None:
    train: Any = import_module("redraft.llm.providers.embedded.training.verifier")
    tokenizers, torch = import_module("tokenizers"), import_module("torch")
    tokenizer = tokenizers.Tokenizer.from_file(str(HERE / "tokenizer.json"))
    model = train.begin(HERE / "prm.npz")
    [judged] = rows_of(1)[1:]
    [(batch, values)] = train.batches([train.tokenize(tokenizer, judged)], random.Random(0))
    with torch.inference_mode():
        found = torch.sigmoid(train.judge(model, batch)).tolist()
    assert found == pytest.approx(embedded_reward_model().score(judged.question, judged.steps), abs=2e-4)
    assert values.tolist() == list(judged.values)


@pytest.mark.train
def test_the_losses_are_those_of_their_definitions() -> None:
    train: Any = import_module("redraft.llm.providers.embedded.training.verifier")
    torch = import_module("torch")
    logits, values = torch.tensor([0.5, -1.0]), torch.tensor([1.0, 0.25])
    p = 1 / (1 + np.exp(-np.array([0.5, -1.0])))
    entropy = -np.mean([np.log(p[0]), 0.25 * np.log(p[1]) + 0.75 * np.log(1 - p[1])])
    assert train.verifier_loss(logits, values, "prm").item() == pytest.approx(entropy)
    assert train.verifier_loss(logits, values, "value").item() == pytest.approx(np.mean((p - [1.0, 0.25]) ** 2))
