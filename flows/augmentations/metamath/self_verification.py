"""Self-verification (MetaMath; Weng et al. 2022): replaces a number by x, states the answer, and asks for x."""

import re

from redraft.agents.agent import at_least_one
from redraft.flows.augmentation.backward import Mask, Refused, backward
from redraft.flows.augmentation.replies import read_statement
from redraft.flows.augmentation.workshop import Workshop, check_agreement
from redraft.flows.augmentations.augmentation import Augmentation
from redraft.store.problems import Problem
from redraft.store.unit import Rewrite


def self_verification(*, most: int | None = None, agreement: float = 0.0) -> Augmentation:
    """Makes one question for each number that may be replaced by x. The model rewrites the final clause and the answer
    as a statement. A question is accepted if an answer to it equals the replaced number.

    Args:
        most: The maximum number of questions made from one question, from its first number on; `none` means no limit.
        agreement: The minimum share of the sampled answers that must equal the replaced number, in [0, 1].
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
    """Returns a pair: the question up to its last clause, and the last clause. The last clause begins after the last
    full stop or comma that follows a word. A mark inside a number is ignored."""
    ends = list(END.finditer(question.rstrip()))
    place = ends[-1].end() if ends else 0
    return question[:place].strip(), question[place:].strip()


END = re.compile(r"[.,]\s+(?=\S)")
