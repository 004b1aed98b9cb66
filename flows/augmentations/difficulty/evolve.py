"""Evolves a question until its pass rate is in a band that is neither too easy nor too hard to learn from."""

from redraft.agents.agent import at_least_one
from redraft.flows.augmentation.replies import read_question
from redraft.flows.augmentation.workshop import Workshop
from redraft.flows.augmentations.augmentation import Augmentation
from redraft.store.errors import PartError
from redraft.store.problems import Problem
from redraft.store.unit import Rewrite


def evolve(*, low: float = 0.25, high: float = 0.75, rounds: int = 4, second: str | None = None) -> Augmentation:
    """Rewrites a question, harder or easier, until the share of samples that give its answer is between `low` and
    `high`.

    The answer of a new question is the answer that most samples give. A question whose pass rate is already in the band
    is not rewritten. Every rewrite is stored. A rewrite outside the band is refused, with its pass rate.

    Args:
        low: The lower end of the band, in [0, 1].
        high: The upper end of the band, in [0, 1].
        rounds: The maximum number of successive rewrites.
        second: A second model, whose answer must be the same; `none` means no second model.
    """
    at_least_one(rounds=rounds)
    if not 0 <= low <= high <= 1:
        raise PartError(f"low={low:g} and high={high:g} are no band: give 0 <= low <= high <= 1")

    def outside(rewrite: Rewrite) -> str | None:
        rate = rewrite.confidence or 0.0
        if low <= rate <= high:
            return None
        return f"too {'easy' if rate > high else 'hard'}: pass rate {rate:.2f}, not {low:g} to {high:g}"

    async def make(problem: Problem, workshop: Workshop) -> list[Rewrite]:
        first = await workshop.test(problem, 0, problem.question, problem.answer, kind=problem.kind)
        if first.refused and first.refused.startswith("not tested"):
            return [first]
        if outside(first) is None:
            return [workshop.refused(f"in the band already: pass rate {first.confidence or 0:.2f}")]
        made: list[Rewrite] = []
        question, rate = problem.question, first.confidence or 0.0
        for number in range(1, rounds + 1):
            wording = "harder" if rate > high else "easier"
            [reply] = await workshop.write(problem, wording, number=number, question=question)
            read = read_question(reply, question)
            if read.refused:
                return [*made, workshop.refused(read.refused, reply)]
            tested = await workshop.test(problem, number, read.question, None, second=second)
            reason = tested.refused if tested.refused and not tested.answers else outside(tested) or tested.refused
            made.append(workshop.accepted_unless(reason, tested))
            if reason is None or (tested.refused and not tested.answers):
                return made
            question, rate = read.question, tested.confidence or 0.0
        return made

    return Augmentation(make, wordings=("harder", "easier"), needs_answer=False)
