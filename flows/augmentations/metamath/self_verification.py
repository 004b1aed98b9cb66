"""Self-verification (MetaMath; Weng et al. 2022): hides a number as x, states the answer, and asks for x."""

import re

from redraft.agents.agent import at_least_one
from redraft.flows.augmentation.backward import Mask, Refused, backward
from redraft.flows.augmentation.replies import read_statement
from redraft.flows.augmentation.workshop import Workshop, check_agreement
from redraft.flows.augmentations.augmentation import Augmentation
from redraft.store.problems import Problem
from redraft.store.unit import Rewrite


def self_verification(*, most: int | None = None, agreement: float = 0.0) -> Augmentation:
    """Makes one question for each number that may be hidden. The model rewrites the final clause, with the answer, into
    a statement. A question is accepted if an answer to it equals the hidden number.

    Args:
        most: The most questions that are made of one question, from its first number on; `none` means all.
        agreement: The least share of the sampled answers that must equal the hidden number.
    """
    check_agreement(agreement)
    if most is not None:
        at_least_one(most=most)

    async def ask(problem: Problem, mask: Mask, number: int, workshop: Workshop) -> str:
        facts, asked = final_clause(mask.question)
        answer = problem.answer or ""
        [reply] = await workshop.write(problem, "self_verification", number=number, question=asked, answer=answer)
        read = read_statement(reply, mask.variable, answer, asked)
        if read.refused:
            raise Refused(read.refused, reply)
        return f"{facts} {read.question} What is the value of unknown variable {mask.variable}?".strip()

    async def make(problem: Problem, workshop: Workshop) -> list[Rewrite]:
        return await backward(problem, workshop, ask, most=most, agreement=agreement)

    return Augmentation(make, wordings=("self_verification",))


def final_clause(question: str) -> tuple[str, str]:
    """Returns a question in two parts: what is before its last clause, and the clause, which follows the last full stop
    or comma that ends a word. A mark within a number ends nothing."""
    ends = list(END.finditer(question.rstrip()))
    place = ends[-1].end() if ends else 0
    return question[:place].strip(), question[place:].strip()


END = re.compile(r"[.,]\s+(?=\S)")
