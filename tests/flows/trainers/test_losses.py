"""The losses of the trainer `trl`, against their formulas in plain PyTorch, on the embedded model."""

# pyright: reportMissingImports=false
import math
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.trainers.hugging_face.settings import TrlTask
from redraft.graders import reward

pytestmark = pytest.mark.train
ROOM = "redraft.flows.trainers.hugging_face"
Task = Callable[..., TrlTask]
ALL = {"batch": 8, "at_once": 8, "steps": 1, "rate": 1e-3}


@pytest.fixture(scope="module")
def torch() -> Any:
    return import_module("torch")


def fitted(task: TrlTask, scratch: Path) -> Any:
    """The trainer of a task, with its rows, before the training."""
    rows = import_module(f"{ROOM}.rows").read_rows(task)
    work = import_module(f"{ROOM}.work").Work(task, rows, scratch)
    return getattr(import_module(f"{ROOM}.losses.{task.loss}"), task.loss)(work)


def batch_of(trainer: Any, count: int) -> Any:
    """The first rows of a trainer, as its loss gets them."""
    return trainer.data_collator([trainer.train_dataset[at] for at in range(count)])


def first_loss(trainer: Any) -> float:
    return next(entry["loss"] for entry in trainer.state.log_history if "loss" in entry)


def text_logprob(torch: Any, model: Any, ids: Sequence[int], start: int) -> Any:
    """The log-probability of the tokens from `start` on, one token at a time."""
    likely = model(input_ids=torch.tensor([list(ids)])).logits[0].log_softmax(-1)
    return sum(likely[at - 1, ids[at]] for at in range(start, len(ids)))


def moved(torch: Any, model: Any) -> None:
    """Changes the weights a little, so that policy and reference differ."""
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.01 * weight.std() * torch.randn_like(weight)


@pytest.mark.parametrize(("at_once", "batch"), [(8, 8), (2, 8), (1, 8)])
def test_sft_is_the_weighted_mean_of_the_token_losses(
    torch: Any, make_task: Task, sft_rows: list[Any], tmp_path: Path, at_once: int, batch: int
) -> None:
    task = make_task("sft", sft_rows, **{**ALL, "at_once": at_once, "batch": batch})
    trainer = fitted(task, tmp_path / "scratch").trainer
    losses, weights = [], []
    for made, row in zip(trainer.train_dataset, sft_rows, strict=True):
        learnt = [at for at, label in enumerate(made["labels"]) if label != -100]
        text = trainer.processing_class.decode([made["input_ids"][at] for at in learnt])
        assert text == f"{row['completion'][0]['content']}<|end|>"
        likely = trainer.model(input_ids=torch.tensor([made["input_ids"]])).logits[0].log_softmax(-1)
        losses += [-float(likely[at - 1, made["input_ids"][at]]) for at in learnt]
        weights += [row["weight"]] * len(learnt)
    expected = sum(loss * weight for loss, weight in zip(losses, weights, strict=True)) / sum(weights)
    trainer.train()
    assert first_loss(trainer) == pytest.approx(expected, abs=2e-4)


def test_a_step_of_a_row_has_its_own_weight(torch: Any, make_task: Task, sft_rows: list[Any], tmp_path: Path) -> None:
    rows = []
    for at, row in enumerate(sft_rows):
        steps = row["completion"][0]["content"].splitlines(keepends=True)
        rows.append({**row, "steps": steps, "step_weights": [0.25 + at, 0.75][-len(steps) :]} if at else row)
    trainer = fitted(make_task("sft", rows, **ALL), tmp_path / "scratch").trainer
    losses, weights = [], []
    for made, row in zip(trainer.train_dataset, rows, strict=True):
        learnt = [at for at, label in enumerate(made["labels"]) if label != -100]
        likely = trainer.model(input_ids=torch.tensor([made["input_ids"]])).logits[0].log_softmax(-1)
        text = ""
        for at in learnt:
            step = text.count("\n")
            factor = row["step_weights"][step] if "steps" in row else 1.0
            losses.append(-float(likely[at - 1, made["input_ids"][at]]))
            weights.append(row["weight"] * factor)
            text += trainer.processing_class.decode([made["input_ids"][at]])
    expected = sum(loss * weight for loss, weight in zip(losses, weights, strict=True)) / sum(weights)
    trainer.train()
    assert first_loss(trainer) == pytest.approx(expected, abs=2e-4)


def test_sft_without_weights_is_trls_own_trainer(make_task: Task, sft_rows: list[Any], tmp_path: Path) -> None:
    rows = [{**row, "weight": 3.0} for row in sft_rows]
    weighted = fitted(make_task("sft", [*rows[:-1], {**rows[-1], "weight": 3.0 + 1e-9}], **ALL), tmp_path / "a").trainer
    plain = fitted(make_task("sft", rows, **ALL), tmp_path / "b").trainer
    assert type(plain).__module__.startswith("trl.")
    for trainer in (plain, weighted):
        trainer.train()
    assert first_loss(plain) == pytest.approx(first_loss(weighted), abs=2e-4)


def test_dpo_begins_at_log_2_and_follows_its_equation(
    torch: Any, make_task: Task, dpo_rows: list[Any], tmp_path: Path
) -> None:
    trainer = fitted(make_task("dpo", dpo_rows, **ALL, beta=0.3), tmp_path / "scratch").trainer
    trainer.model.eval()
    start = trainer.compute_loss(trainer.model, batch_of(trainer, 8))
    assert float(start) == pytest.approx(math.log(2), abs=1e-5)
    moved(torch, trainer.model)
    found = float(trainer.compute_loss(trainer.model, batch_of(trainer, 8)))
    expected = []
    with torch.no_grad():
        for made in trainer.train_dataset:
            margins = []
            for name in ("chosen_ids", "rejected_ids"):
                ids, asked = made["prompt_ids"] + made[name], len(made["prompt_ids"])
                now, before = (text_logprob(torch, model, ids, asked) for model in (trainer.model, trainer.ref_model))
                margins.append(now - before)
            expected.append(-torch.nn.functional.logsigmoid(0.3 * (margins[0] - margins[1])))
    assert found == pytest.approx(float(sum(expected) / 8), abs=1e-4)
    assert abs(found - math.log(2)) > 1e-3


def test_kto_begins_at_half_its_weights_and_follows_its_equation(
    torch: Any, make_task: Task, kto_rows: list[Any], tmp_path: Path
) -> None:
    """Three right to five wrong answers: the weight of a right one is 5 / 3, rounded up."""
    fit = fitted(make_task("kto", kto_rows, **ALL, beta=0.3), tmp_path / "scratch")
    trainer = fit.trainer
    assert fit.figures() == {"desirable_weight": 1.67, "undesirable_weight": 1.0}
    trainer.model.eval()
    start = float(trainer.compute_loss(trainer.model, batch_of(trainer, 8)))
    assert start == pytest.approx((3 * 1.67 + 5 * 1.0) / 8 / 2, abs=1e-5)
    moved(torch, trainer.model)
    found = float(trainer.compute_loss(trainer.model, batch_of(trainer, 8)))
    made = list(trainer.train_dataset)
    with torch.no_grad():

        def log_ratio(prompt: list[int], answer: list[int]) -> float:
            ids, start = prompt + answer, len(prompt)
            now, before = (text_logprob(torch, model, ids, start) for model in (trainer.model, trainer.ref_model))
            return float(now - before)

        other = [made[at - 1]["completion_ids"] for at in range(8)]
        divergence = max(0.0, sum(log_ratio(row["prompt_ids"], ids) for row, ids in zip(made, other, strict=True)) / 8)
        expected = 0.0
        for row in made:
            ratio = 0.3 * (log_ratio(row["prompt_ids"], row["completion_ids"]) - 0.3 * 0)
            gap = ratio - 0.3 * divergence if row["label"] else 0.3 * divergence - ratio
            expected += (1.67 if row["label"] else 1.0) * (1 - 1 / (1 + math.exp(-gap)))
    assert found == pytest.approx(expected / 8, abs=1e-4)


GROUP = {"batch": 8, "at_once": 8, "group": 4, "max_tokens": 80, "steps": 2, "rate": 1e-4}


def test_grpo_rewards_by_the_grader_and_its_advantages_are_those_of_the_group(
    make_task: Task, prompt_rows: list[Any], tmp_path: Path
) -> None:
    fit = fitted(make_task("grpo", prompt_rows, **{**GROUP, "steps": 1}), tmp_path / "scratch")
    fit.trainer.train()
    logs, keys = fit.trainer._logs, {row["prompt"][0]["content"]: row["answer"] for row in prompt_rows}
    texts = [one[0]["content"] for one in logs["completion"]]
    answers = [keys[one[0]["content"]] for one in logs["prompt"]]
    [values] = logs["rewards"].values()
    assert list(values) == reward(texts, answers)
    found = list(logs["advantages"])
    for at in range(0, 8, 4):
        group = list(values)[at : at + 4]
        mean = sum(group) / 4
        deviation = math.sqrt(sum((value - mean) ** 2 for value in group) / 3)
        assert found[at : at + 4] == pytest.approx([(value - mean) / (deviation + 1e-4) for value in group], abs=1e-4)
    tokens = sum(len(trainer_tokens(fit.trainer, text)) for text in texts)
    found = fit.figures()
    assert {**found, "drawn_tokens": 0} == {"graded": 8, "undecided": 0, "drawn_tokens": 0, "oracle_used": True}
    assert tokens <= found["drawn_tokens"] <= tokens + 8, "each text, and its end unless it was cut"


def test_a_grader_that_does_not_read_the_key_is_no_oracle(
    make_task: Task, prompt_rows: list[Any], tmp_path: Path
) -> None:
    fit = fitted(make_task("grpo", prompt_rows, **GROUP, grader="prm aggregate=last"), tmp_path / "scratch")
    fit.trainer.train()
    figures = fit.figures()
    assert (figures["graded"], figures["oracle_used"]) == (16, False)
    [values] = fit.trainer._logs["rewards"].values()
    assert all(0 < value < 1 for value in values)


def test_scores_returns_and_baselines_are_their_formulas(torch: Any) -> None:
    score = import_module(f"{ROOM}.losses.score")
    pairs = list(product((0.0, 1.0), repeat=2))
    first, second = (torch.tensor([[pair[at] for pair in pairs]]) for at in (0, 1))
    assert [each.tolist() for each in score.shaped_returns(first, second, 10.0, stage=1)] == [[[0, 1, 0, 1]]] * 2
    one, two = score.shaped_returns(first, second, 10.0, stage=2)
    assert one.tolist() == [[r1 + r2 for r1, r2 in pairs]]
    assert two.tolist() == [[r2 + 10 * (r2 - r1) for r1, r2 in pairs]] == [[0.0, 11.0, -10.0, 1.0]]
    returns = torch.tensor([[3.0, 1.0, float("nan"), 2.0], [float("nan"), 5.0, float("nan"), float("nan")]])
    assert score.leave_one_out(returns).tolist() == [[1.5, -1.5, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]


def test_scores_loss_has_the_gradient_of_the_reward_less_the_divergence(torch: Any) -> None:
    """On average over all texts of two tokens, of which the second depends on the first."""
    score = import_module(f"{ROOM}.losses.score")
    torch.manual_seed(2)
    first, second = torch.randn(3, requires_grad=True), torch.randn(3, 3, requires_grad=True)
    references = [torch.randn(3).log_softmax(0), torch.randn(3, 3).log_softmax(1)]
    texts = list(product(range(3), repeat=2))
    values = torch.arange(9.0)

    def logprobs(one: Any, two: Any) -> Any:
        return torch.stack([torch.stack([one[a], two[a, b]]) for a, b in texts])

    now, before = logprobs(first.log_softmax(0), second.log_softmax(1)), logprobs(*references)
    likely = now.sum(1).exp()
    objective = -(likely * values).sum() + 0.5 * (likely * (now.sum(1) - before.sum(1))).sum()
    expected = torch.autograd.grad(objective, (first, second), retain_graph=True)
    mask = torch.ones(1, 2)
    losses = [score.turn_loss(now[at : at + 1], before[at : at + 1], mask, values[at : at + 1], 0.5) for at in range(9)]
    mean = sum(p * loss for p, loss in zip(likely.detach(), losses, strict=True))
    found = torch.autograd.grad(mean, (first, second))
    for each, other in zip(found, expected, strict=True):
        assert torch.allclose(each, other, atol=1e-5)


def test_scores_loss_ignores_what_is_behind_the_end_of_a_text(torch: Any) -> None:
    score = import_module(f"{ROOM}.losses.score")
    now, before = torch.tensor([[-1.0, -2.0, -9.0]]), torch.tensor([[-1.5, -1.0, -7.0]])
    mask, credit = torch.tensor([[1, 1, 0]]), torch.tensor([2.0])
    expected = -((2.0 - 0.5 * (0.5 - 1.0)) * -1.0 + (2.0 - 0.5 * -1.0) * -2.0)
    assert float(score.turn_loss(now, before, mask, credit, 0.5)) == pytest.approx(expected)


@pytest.mark.parametrize("lora", [0, 4])
def test_score_draws_two_turns_and_its_first_loss_is_that_of_its_drafts(
    torch: Any, make_task: Task, prompt_rows: list[Any], tmp_path: Path, lora: int
) -> None:
    fit = fitted(make_task("score", prompt_rows, **{**GROUP, "lora": lora}), tmp_path / "scratch")
    score: Any = import_module(f"{ROOM}.losses.score")
    trainer = fit.trainer
    seen: list[Any] = []
    turn_loss = score.turn_loss
    score.turn_loss = lambda *given: seen.append(given) or turn_loss(*given)
    try:
        trainer.train()
    finally:
        score.turn_loss = turn_loss
    assert [each[4] for each in seen] == pytest.approx([0.11, 0.01, 0.01, 0.01]), "stage I pins the first turn"
    for now, before, mask, credit, _ in seen[:2]:
        assert torch.allclose(now * mask, before * mask, atol=1e-4), "the first step is the reference itself"
        assert credit.view(2, 4).sum(1).tolist() == pytest.approx([0.0, 0.0], abs=1e-5)
    assert fit.figures()["graded"] == 32
    assert 32 <= fit.figures()["drawn_tokens"] <= 32 * 80
    assert fit.figures()["oracle_used"] is True
    assert 0 <= fit.figures()["first_reward_turn_1"] <= 1


def test_a_step_model_learns_probabilities_at_the_ends_of_steps(
    torch: Any, make_task: Task, prm_rows: list[Any], tmp_path: Path
) -> None:
    trainer = fitted(make_task("prm", prm_rows, **ALL), tmp_path / "scratch").trainer
    for made, row in zip(trainer.train_dataset, prm_rows, strict=True):
        text = trainer_text(trainer, made["input_ids"], tmp_path)
        assert text == "\n".join([row["prompt"], *row["completions"], ""])
        ends = [at for at, label in enumerate(made["labels"]) if label >= 0]
        assert [made["labels"][at] for at in ends] == [1.0, 0.25]
        assert ends[-1] == len(made["input_ids"]) - 1
    expected = []
    for made in trainer.train_dataset:
        for at, label in enumerate(made["labels"]):
            if label >= 0:  # by the model's own logits: a sequence classifier reads its last token
                [[logit]] = trainer.model(input_ids=torch.tensor([made["input_ids"][: at + 1]])).logits
                sides = torch.nn.functional.logsigmoid(torch.stack([logit, -logit]))
                expected.append(-float(label * sides[0] + (1 - label) * sides[1]))
    found = float(trainer.compute_loss(trainer.model, batch_of(trainer, 8)))
    assert found == pytest.approx(sum(expected) / len(expected), abs=1e-5)


def trainer_tokens(trainer: Any, text: str) -> list[int]:
    """The tokens of a text that the trainer drew."""
    return trainer.processing_class(text, add_special_tokens=False)["input_ids"]


def trainer_text(trainer: Any, ids: list[int], tmp_path: Path) -> str:
    """What the tokens of a row say."""
    return import_module("transformers").AutoTokenizer.from_pretrained(trainer.model.config._name_or_path).decode(ids)


def test_a_value_model_learns_the_values_of_the_last_tokens(
    torch: Any, make_task: Task, value_rows: list[Any], tmp_path: Path
) -> None:
    trainer = fitted(make_task("value", value_rows, **ALL), tmp_path / "scratch").trainer
    tokenizer = import_module("transformers").AutoTokenizer.from_pretrained(trainer.model.config._name_or_path)
    errors = []
    for row in value_rows:
        ids = tokenizer(f"{row['question']}\n\n{row['solution']}")["input_ids"]
        hidden = trainer.model.model(input_ids=torch.tensor([ids])).last_hidden_state[0, -1]
        errors.append((float(trainer.model.score(hidden).sigmoid()) - row["value"]) ** 2)
    found = float(trainer.compute_loss(trainer.model, batch_of(trainer, 8)))
    assert found == pytest.approx(sum(errors) / 8, abs=1e-5)
