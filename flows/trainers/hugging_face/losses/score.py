"""SCoRe: self-correction by reinforcement learning over two turns (Kumar et al. 2024, arXiv 2409.12917). Needs the
extra `trl`.

The model answers, is told that there may be an error, and answers again. r1 and r2 are the rewards of its two answers.
Stage I maximises r2 - pin * KL(first turn), so that first answers remain close to those of the initial model while
second answers improve. Stage II maximises r1 + r2 + alpha * (r2 - r1), where the bonus is credited only to the second
turn. In both stages, beta weights the KL divergence of both turns from the model before training. The gradient is
estimated by REINFORCE; the baseline of a sample is the mean of the other samples of its question.
"""

# pyright: reportMissingImports=false
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import Trainer, TrainingArguments

from redraft.flows.trainers.hugging_face.base import context
from redraft.flows.trainers.hugging_face.rewards import GraderReward
from redraft.flows.trainers.hugging_face.rows import Row
from redraft.flows.trainers.hugging_face.settings import TrlSettings
from redraft.flows.trainers.hugging_face.training import Fit, Work
from redraft.flows.trainers.trainer import TrainingError
from redraft.llm.prompts.prompts import Prompts

INSTRUCTION = "may_be_wrong"
"""The prompt between the turns. It never states that the first answer is wrong."""


def score(work: Work) -> Fit:
    """Returns a trainer whose first steps, a share of `first_stage`, are in stage I, and whose other steps are in stage
    II. Each question is sampled `group` times in both turns. Raises TrainingError for prompts that are not messages, or
    that are too long for both turns."""
    settings, model = work.settings, work.with_adapters("writes")
    if any(isinstance(row["prompt"], str) for row in work.rows):
        raise TrainingError(f"{work.task.rows}: SCoRe needs prompts of messages: export the rows with --format prompts")
    talk = Talk(work.tokenizer, (work.task.prompts or Prompts()).template(INSTRUCTION, {}))
    drawn = 2 * settings.max_tokens
    rows = work.fitting(lambda row: len(talk.second(row, "")) + drawn, context(model))
    questions = max(1, settings.at_once // settings.group)
    arguments = work.arguments(
        TrainingArguments,
        per_device_train_batch_size=questions,
        gradient_accumulation_steps=max(1, settings.batch // settings.group // questions),
        remove_unused_columns=False,
    )
    reward = GraderReward(settings.grader, work.task.prompts)
    reference = None if work.adapters else deepcopy(model).eval().requires_grad_(False)
    trainer = ScoreTrainer(
        talk, reward, reference, settings, model=model, args=arguments, train_dataset=rows,
        data_collator=lambda rows: {"rows": rows},
    )  # fmt: skip
    return Fit(trainer, lambda: {**trainer.figures, **reward.figures})


def shaped_returns(first: Tensor, second: Tensor, alpha: float, *, stage: int) -> tuple[Tensor, Tensor]:
    """Returns a pair of tensors: the returns of the tokens of the first turn, and of the second turn, with the shape of
    the rewards. The bonus, `alpha` times the change, is credited only to the second turn. If the first turn had a share
    of it, a wrong first answer would increase the bonus."""
    if stage == 1:
        return second, second
    return first + second, second + alpha * (second - first)


def leave_one_out(returns: Tensor) -> Tensor:
    """Returns each return, shape (questions, group), minus the mean of the others of its group. For a NaN, the result
    is 0, and the NaN is left out of all means. If there are no others, the result is 0."""
    known = ~returns.isnan()
    values = returns.nan_to_num(0.0)
    others = known.sum(1, keepdim=True) - known.int()
    means = (values.sum(1, keepdim=True) - values) / others.clamp(min=1)
    return torch.where(known & (others > 0), values - means, torch.zeros_like(values))


def turn_loss(now: Tensor, before: Tensor, mask: Tensor, credit: Tensor, weight: float) -> Tensor:
    """Returns a loss of one turn. Its expected gradient, over the texts that the model draws, is that of -reward +
    `weight` * KL divergence. `now` and `before` are log-probabilities (samples, tokens) of the model and of the
    reference, `mask` is 1 for tokens of the answer, and `credit` has the shape (samples,). Each token is credited with
    the reward minus `weight` times the sum of the log ratios of `now` to `before` over this token and the tokens after
    it. A term that is differentiated directly, such as GRPO's estimate of the divergence, would have the gradient of
    the reverse divergence."""
    ratios = (now - before).detach() * mask
    to_come = ratios.flip(1).cumsum(1).flip(1)
    return -((credit[:, None] - weight * to_come) * now * mask).sum(1).mean()


class Talk:
    """Renders the two turns of a question as tokens, up to the beginning of an answer."""

    def __init__(self, tokenizer: Any, instruction: str) -> None:
        self.tokenizer, self._instruction = tokenizer, instruction

    def first(self, row: Row) -> list[int]:
        """Returns the tokens of the question."""
        return self._tokens(row["prompt"])

    def second(self, row: Row, answer: str) -> list[int]:
        """Returns the tokens of the question, its first answer, and the instruction for a second answer."""
        asked = {"role": "user", "content": self._instruction}
        return self._tokens([*row["prompt"], {"role": "assistant", "content": answer}, asked])

    def _tokens(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        return self.tokenizer.apply_chat_template(list(messages), add_generation_prompt=True, return_dict=False)


class ScoreTrainer(Trainer):
    """A trainer that draws both turns of each question of a batch, and learns from them in one step. If `reference` is
    None, the reference is the model without its adapters."""

    loss_is_scaled_for_ga = False

    def __init__(self, talk: Talk, reward: GraderReward, reference: Any, settings: TrlSettings, **named: Any) -> None:
        super().__init__(**named)
        self.talk, self.reward, self.settings, self.reference = talk, reward, settings, reference
        if reference is not None:
            reference.to(self.args.device)
        self._rewards: list[tuple[Tensor, Tensor]] = []

    @property
    def stage(self) -> int:
        """Returns the stage of the current step, 1 or 2."""
        return 1 if self.state.global_step < round(self.settings.first_stage * self.state.max_steps) else 2

    @property
    def figures(self) -> Mapping[str, float]:
        """Returns the mean reward of each turn over the first and the last tenth of the batches."""
        tenth = max(1, len(self._rewards) // 10)
        parts = {"first": self._rewards[:tenth], "last": self._rewards[-tenth:]}
        return {
            f"{name}_reward_turn_{turn}": round(
                float(torch.stack([pair[turn - 1].nanmean() for pair in part]).nanmean()), 6
            )
            for name, part in parts.items()
            for turn in (1, 2)
        }

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        settings = self.settings
        rows = [row for row in inputs["rows"] for _ in range(settings.group)]
        asked = [self.talk.first(row) for row in rows]
        answers, texts = self._draw(model, asked)
        again = [self.talk.second(row, text) for row, text in zip(rows, texts, strict=True)]
        redrafts, redrafted = self._draw(model, again)
        first, second = (self._rewarded(rows, drafts) for drafts in (texts, redrafted))
        self._rewards.append((first, second))
        credits = shaped_returns(first, second, settings.alpha, stage=self.stage)
        beta = settings.beta_of("score")
        weights = (beta + settings.pin if self.stage == 1 else beta, beta)
        loss = torch.zeros((), device=self.args.device)
        for prompts, drawn, returns, weight in zip((asked, again), (answers, redrafts), credits, weights, strict=True):
            ids, mask, labels = self._batch(prompts, drawn)
            now = text_logprobs(model, ids, mask, labels)
            with torch.no_grad(), self._before(model) as before:
                known = text_logprobs(before, ids, mask, labels)
            credit = leave_one_out(returns).flatten().to(self.args.device)
            loss = loss + turn_loss(now, known, labels[:, 1:] != IGNORED, credit, weight)
        return (loss, {}) if return_outputs else loss

    def _rewarded(self, rows: Sequence[Row], texts: Sequence[str]) -> Tensor:
        """Returns the rewards of the texts, shape (questions, group). A text without a reward has NaN."""
        found = self.reward(rows, texts)
        values = [float("nan") if value is None else value for value in found]
        return torch.tensor(values).view(-1, self.settings.group)

    def _draw(self, model: Any, prompts: Sequence[Sequence[int]]) -> tuple[list[list[int]], list[str]]:
        """Draws an answer to each prompt. Returns a pair of lists: the tokens of the answers, including the end token,
        and their texts."""
        writer, tokenizer = self.accelerator.unwrap_model(model), self.talk.tokenizer
        longest = max(map(len, prompts))
        padded = [[tokenizer.pad_token_id] * (longest - len(each)) + list(each) for each in prompts]
        mask = [[0] * (longest - len(each)) + [1] * len(each) for each in prompts]
        known = writer.generation_config.eos_token_id
        ends = set(known if isinstance(known, list) else [known]) | {tokenizer.eos_token_id}
        writer.eval()
        with torch.no_grad():
            found = writer.generate(
                input_ids=torch.tensor(padded, device=self.args.device),
                attention_mask=torch.tensor(mask, device=self.args.device),
                do_sample=True, temperature=self.settings.temperature, top_k=0, top_p=1.0,
                max_new_tokens=self.settings.max_tokens, pad_token_id=tokenizer.pad_token_id,
            )  # fmt: skip
        writer.train()
        drawn = [_up_to_end(each, ends) for each in found[:, longest:].tolist()]
        self.reward.drawn_tokens += sum(map(len, drawn))
        return drawn, tokenizer.batch_decode(drawn, skip_special_tokens=True)

    def _batch(self, prompts: Sequence[Sequence[int]], drawn: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor, Tensor]:
        """Returns a triple of tensors of shape (samples, tokens): the tokens of the prompts and their answers, the
        attention mask, and the labels. Only tokens of answers have labels."""
        whole = [[*prompt, *answer] for prompt, answer in zip(prompts, drawn, strict=True)]
        longest = max(map(len, whole))
        ids = torch.full((len(whole), longest), self.talk.tokenizer.pad_token_id)
        mask, labels = torch.zeros_like(ids), torch.full_like(ids, IGNORED)
        for number, (each, prompt) in enumerate(zip(whole, prompts, strict=True)):
            ids[number, : len(each)] = torch.tensor(each)
            mask[number, : len(each)] = 1
            labels[number, len(prompt) : len(each)] = ids[number, len(prompt) : len(each)]
        return tuple(each.to(self.args.device) for each in (ids, mask, labels))  # type: ignore[return-value]

    @contextmanager
    def _before(self, model: Any) -> Iterator[Any]:
        """Yields the reference: the model before training."""
        if self.reference is not None:
            yield self.reference
            return
        with self.accelerator.unwrap_model(model).disable_adapter():
            yield model


def text_logprobs(model: Any, ids: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
    """Returns the log-probability of each label after the first, shape (samples, tokens - 1). It is 0 where there is no
    label."""
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1].float()
    return -F.cross_entropy(logits.transpose(1, 2), labels[:, 1:], ignore_index=IGNORED, reduction="none")


def _up_to_end(tokens: Sequence[int], ends: Collection[int]) -> list[int]:
    """Returns the tokens up to and including the first end token."""
    return list(tokens[: next((at + 1 for at, token in enumerate(tokens) if token in ends), len(tokens))])


IGNORED = -100
