"""Rephrasing (MetaMath, Yu et al. 2023): the same question in other words, with the same answer."""

from redraft.agents.agent import at_least_one
from redraft.flows.augmentation.replies import read_question
from redraft.flows.augmentation.workshop import Workshop, check_agreement
from redraft.flows.augmentations.augmentation import Augmentation
from redraft.llm.gather import gather
from redraft.store.problems import Problem
from redraft.store.unit import Rewrite


def rephrase(*, rewrites: int = 1, agreement: float = 0.0) -> Augmentation:
    """Asks the model to rephrase the question. A rewrite is accepted if an answer to it equals the known answer,
    because a rewrite that changes the meaning rarely has the same answer.

    Args:
        rewrites: The number of rewrites of each question.
        agreement: The minimum share of the sampled answers that must equal the known answer, in [0, 1].
    """
    at_least_one(rewrites=rewrites)
    check_agreement(agreement)

    async def make(problem: Problem, workshop: Workshop) -> list[Rewrite]:
        replies = await workshop.write(problem, "rephrase", n=rewrites, question=problem.question)
        seen: set[str] = set()

        async def tested(number: int, reply: str) -> Rewrite:
            read = read_question(reply, problem.question)
            if read.refused:
                return workshop.refused(read.refused, reply, problem.answer)
            if read.question in seen:
                return workshop.refused("repeats another rewrite", read.question, problem.answer)
            seen.add(read.question)
            meta = {name: problem.meta[name] for name in ("tests",) if name in problem.meta}
            facts = {"kind": problem.kind, "level": problem.level, "meta": meta, "agreement": agreement}
            return await workshop.test(problem, number, read.question, problem.answer, **facts)

        return await gather(tested(number, reply) for number, reply in enumerate(replies))

    return Augmentation(make, wordings=("rephrase",))
