"""FOBAR (MetaMath; Jiang et al. 2023): replaces a number by x, gives the answer, and asks for x."""

from redraft.agents.agent import at_least_one
from redraft.flows.augmentation.backward import Mask, backward, is_latex
from redraft.flows.augmentation.workshop import Workshop, check_agreement
from redraft.flows.augmentations.augmentation import Augmentation
from redraft.llm.prompts.templates import fill
from redraft.store.problems import Problem
from redraft.store.unit import Rewrite


def fobar(*, most: int | None = None, agreement: float = 0.0) -> Augmentation:
    """Makes one question for each number that may be replaced by x. A question is accepted if an answer to it equals
    the replaced number.

    Args:
        most: The maximum number of questions made from one question, from its first number on; `none` means no limit.
        agreement: The minimum share of the sampled answers that must equal the replaced number, in [0, 1].
    """
    check_agreement(agreement)
    if most is not None:
        at_least_one(most=most)

    async def ask(problem: Problem, mask: Mask, number: int, workshop: Workshop) -> str:
        name = "fobar_latex" if is_latex(problem.question) else "fobar"
        wording = workshop.client.template(name)
        return fill(wording, question=mask.question, answer=problem.answer or "", variable=mask.variable)

    async def make(problem: Problem, workshop: Workshop) -> list[Rewrite]:
        return await backward(problem, workshop, ask, most=most, agreement=agreement)

    return Augmentation(make, wordings=("fobar",))
