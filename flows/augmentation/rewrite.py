"""Rewrites of questions whose answer is not known: the model rewrites a question, and its sampled answers must
agree."""

from redraft.agents.agent import at_least_one
from redraft.flows.augmentation.replies import read_question
from redraft.flows.augmentation.workshop import Workshop, check_agreement
from redraft.flows.augmentations.augmentation import Augmentation
from redraft.llm.gather import gather
from redraft.store.problems import Problem
from redraft.store.unit import Rewrite


def rewrite(wording: str, rewrites: int, agreement: float, second: str | None) -> Augmentation:
    """Returns the augmentation that sends the prompt `wording`. A new question is accepted if at least the share
    `agreement` of the samples have the same answer. If a `second` model is named, its answer must be the same too."""
    at_least_one(rewrites=rewrites)
    check_agreement(agreement)

    async def make(problem: Problem, workshop: Workshop) -> list[Rewrite]:
        replies = await workshop.write(problem, wording, n=rewrites, question=problem.question)
        seen: set[str] = set()

        async def tested(number: int, reply: str) -> Rewrite:
            read = read_question(reply, problem.question)
            if read.refused:
                return workshop.refused(read.refused, reply)
            if read.question in seen:
                return workshop.refused("repeats another rewrite", read.question)
            seen.add(read.question)
            return await workshop.test(problem, number, read.question, None, agreement=agreement, second=second)

        return await gather(tested(number, reply) for number, reply in enumerate(replies))

    return Augmentation(make, wordings=(wording,), needs_answer=False)
