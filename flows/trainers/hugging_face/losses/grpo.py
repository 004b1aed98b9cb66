"""Group relative policy optimization (Shao et al. 2024, arXiv 2402.03300) with a grader's values as rewards. Needs the
`trl` extra."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
from typing import Any

from trl import GRPOConfig, GRPOTrainer

from redraft.flows.trainers.hugging_face.rewards import GraderReward
from redraft.flows.trainers.hugging_face.training import Fit, Work

COLUMNS = ("prompt", "question", "answer", "kind")


def grpo(work: Work) -> Fit:
    """Returns a trainer that draws `group` completions of each prompt and learns from their rewards. The advantage of a
    completion is its reward minus the group's mean, divided by the group's standard deviation. A completion without a
    reward is ignored."""
    settings, model = work.settings, work.model()
    rows = work.conversations(model)
    reward = GraderReward(settings.grader, work.task.prompts)

    def graded(completions: list[Any], completion_ids: list[list[int]], **columns: Any) -> list[float | None]:
        reward.drawn_tokens += sum(map(len, completion_ids))
        texts = [one if isinstance(one, str) else one[-1]["content"] for one in completions]
        asked = zip(columns["question"], columns["answer"], columns["kind"], strict=True)
        rows = [{"question": question, "answer": answer, "kind": kind} for question, answer, kind in asked]
        return reward(rows, texts)

    graded.__name__ = reward.__name__.split()[0]
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=graded,
        args=work.arguments(
            GRPOConfig,
            num_generations=settings.group,
            max_completion_length=settings.max_tokens,
            temperature=settings.temperature,
            beta=settings.beta_of("grpo"),
        ),
        train_dataset=work.dataset(rows, *COLUMNS),
        processing_class=work.tokenizer,
        peft_config=work.adapters,
    )
    return Fit(trainer, lambda: reward.figures)
