"""Pairs of questions for question optimisation by DPO (ScaleQuest, Ding et al. 2024, arXiv 2410.18693)."""

from collections.abc import Iterator, Sequence

from redraft.flows.filters.sifting.candidates import PATIENCE, Candidate
from redraft.flows.formats.format import ByProblem, Format, Row, Source, filtered_by
from redraft.flows.formats.shared.unit_reader import Alongside
from redraft.store.tables.store import Store


@filtered_by()
def question_pairs(store: Store, *, prefix: str = "", end: str = "", kinds: str = "solvable,harder") -> Format:
    """Writes a row for each accepted rewrite of these kinds. `chosen` is the rewrite, `rejected` is the question that
    it was made from, and `prompt` is the beginning of a user's message without any text.

    Args:
        prefix: The text that precedes a user's message in the model's chat template.
        end: The text that ends a user's message.
        kinds: The methods whose rewrites are chosen, separated by commas.
    """
    wanted = {kind.strip() for kind in kinds.split(",")}
    parents = Alongside((row[0], row[1:]) for part in store.parts(PARENTS, patience=PATIENCE) for row in part)

    def rows(candidates: Sequence[Candidate]) -> Iterator[Row]:
        first, *others = candidates
        kind, parent = parents.of(first.problem_id)
        if kind not in wanted or parent is None:
            reason = f"no rewrite of the kinds {', '.join(sorted(wanted))}"
            yield from (Row(None, None, reason, candidate) for candidate in candidates)
            return
        row = {"prompt": prefix, "chosen": first.question + end, "rejected": parent + end, "kind": kind}
        yield Row(row, None, None, first, tuple(Source(candidate.trajectory_id) for candidate in others))

    return ByProblem(rows)


PARENTS = """
SELECT p.problem_id, p.augmentation, q.question FROM problems p LEFT JOIN problems q ON q.problem_id = p.parent_id
ORDER BY p.problem_id"""
