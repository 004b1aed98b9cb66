"""Questions written from nothing (ScaleQuest, Ding et al. 2024, arXiv 2410.18693): a model that was tuned on questions
continues the empty user's message of its chat template."""

from redraft.agents.agent import at_least_one
from redraft.flows.augmentation.replies import read_question, read_verdict
from redraft.flows.augmentation.workshop import Workshop, check_agreement
from redraft.flows.augmentations.augmentation import Augmentation
from redraft.llm.gather import gather
from redraft.store.problems import Problem
from redraft.store.unit import Rewrite


def question_writer(
    *,
    questions: int = 1,
    writer: str | None = None,
    api_base: str | None = None,
    ascii: bool = True,
    judged: bool = True,
    agreement: float = 0.5,
    second: str | None = None,
) -> Augmentation:
    """Draws questions from a question-writing model. Each problem of the source stands for one draw: its text is not
    part of the prompt, and the new question has no parent. Needs a server that continues raw prompts (vLLM, llama.cpp),
    or a chat template in the file of prompts.

    A question is refused if it asks nothing, if it is not in ASCII, or if the run's model as judge calls it unsolvable.
    The answer of the new question is the answer that most samples give. Their share is stored as the confidence.

    Args:
        questions: The number of questions that are drawn for each problem of the source.
        writer: The question-writing model; `none` means the model of the run.
        api_base: The address of the question-writing model's server.
        ascii: Whether questions with characters other than ASCII are refused, which is ScaleQuest's language filter.
        judged: Whether a judge is asked whether the question can be solved.
        agreement: The minimum share of the samples that must have the same answer, in [0, 1].
        second: A second model, whose answer must be the same; `none` means no second model.
    """
    at_least_one(questions=questions)
    check_agreement(agreement)

    async def make(problem: Problem, workshop: Workshop) -> list[Rewrite]:
        drawn = await workshop.from_nothing(problem, n=questions, model=writer, api_base=api_base)
        seen: set[str] = set()

        async def tested(number: int, text: str) -> Rewrite:
            read = read_question(text)
            if read.refused:
                return workshop.refused(read.refused, text)
            if read.question in seen:
                return workshop.refused("repeats another rewrite", read.question)
            seen.add(read.question)
            if ascii and not read.question.isascii():
                return workshop.refused("another language: it has characters that are not ASCII", read.question)
            if judged:
                [reply] = await workshop.write(problem, "is_solvable", number=number, question=read.question)
                if (verdict := read_verdict(reply)) is not True:
                    reason = "unsolvable" if verdict is False else "the judge gives no verdict"
                    return workshop.refused(f"{reason}: {' '.join(reply.split())[-60:]}", read.question)
            return await workshop.test(
                problem, number, read.question, None, agreement=agreement, second=second, derived=False
            )

        return await gather(tested(number, text) for number, text in enumerate(drawn))

    return Augmentation(make, wordings=("is_solvable",), needs_answer=False, from_old=False)
