"""Backward questions: one for each number of a question that may be hidden, whose answer is the hidden number."""

from collections.abc import Awaitable, Callable

from redraft.flows.augmentation.masking import Mask, has_unknown, is_latex, masks
from redraft.flows.augmentation.workshop import Workshop
from redraft.llm.gather import gather
from redraft.store.problems import Kind, Problem
from redraft.store.unit import Rewrite

Ask = Callable[[Problem, Mask, int, Workshop], Awaitable[str]]
"""Returns the backward question of a mask, which has this number. Raises Refused."""


class Refused(Exception):
    """No question could be made: the reason, and the text that was made instead."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(reason)
        self.text = text


async def backward(
    problem: Problem, workshop: Workshop, ask: Ask, *, most: int | None, agreement: float
) -> list[Rewrite]:
    """Returns a tested question for each number that may be hidden, in the order of the numbers."""
    if problem.kind is not Kind.MATH:
        return [workshop.refused(f"no mathematics: the kind is {problem.kind.value}")]
    if problem.answer is None:
        return [workshop.refused("no known answer")]
    found = masks(problem.question)
    if not found:
        variable = "X" if is_latex(problem.question) else "x"
        unknown = has_unknown(problem.question, variable)
        return [workshop.refused(f"already has an unknown: {variable}" if unknown else "no number to hide")]

    async def tested(number: int, mask: Mask) -> Rewrite:
        try:
            question = await ask(problem, mask, number, workshop)
        except Refused as refused:
            return workshop.refused(str(refused), refused.text, mask.answer)
        meta = {"hidden": number}
        return await workshop.test(problem, number, question, mask.answer, agreement=agreement, meta=meta)

    return await gather(tested(number, mask) for number, mask in enumerate(found[:most]))
