"""Questions out of nothing (ScaleQuest, Ding et al. 2024, arXiv 2410.18693): a model that was tuned on questions goes
on from the bare beginning of a user's message."""

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
    """Draws questions from a question-writing model. Each problem of the source stands for one draw; its text is not
    shown to the writer, and the new question has no parent. Needs a server that continues raw prompts (vLLM,
    llama.cpp), or a chat template in the file of prompts.

    A question is refused if it asks nothing, is not in ASCII, or if the judge, the run's model, calls it unsolvable.
    The answer is the one that most samples give. The share of the samples that give it is stored as the confidence.

    Args:
        questions: The number of questions that are drawn for each problem of the source.
        writer: The question-writing model; `none` means the model of the run.
        api_base: The address of its server.
        ascii: Whether questions with other characters than ASCII are refused, which is ScaleQuest's filter of language.
        judged: Whether a judge is asked whether the question can be solved.
        agreement: The least share of the samples that must agree on the answer.
        second: A second model, whose answer must be the same; `none` asks no second model.
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
