"""Rows for an outcome reward model, which grades complete answers (Cobbe et al. 2021, arXiv 2110.14168)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from redraft.flows.filters.sifting.candidates import Candidate
from redraft.flows.filters.sifting.question_state import PerQuestion
from redraft.flows.formats.dpo import draft_pairs
from redraft.flows.formats.format import ByProblem, Format, Row, filtered_by, trains
from redraft.flows.formats.shared.columns import example, judged_drafts
from redraft.store.errors import PartError


@filtered_by("length", "duplicates")
@trains("reward")
def orm(*, style: Literal["rows", "pairs", "text"] = "rows", pairs: int = 4) -> Format:
    """Writes a row for each draft of each turn, with a label for its answer. The columns are `prompt`, `completion`,
    and `label`, which is true if the answer is right. Equal drafts of a question make one row. `oracle_used` is true if
    the answer key was read to write or to choose the trajectory.

    The style `text` has one column `text` with the question, a blank line and the draft, and the `label`, for a
    sequence classifier with two labels. The style `pairs` has `prompt`, `chosen` and `rejected` in messages for TRL's
    RewardTrainer: pairs of a right and a wrong draft, as the format `dpo` makes them. Raises PartError for `pairs`
    below 1.

    Args:
        style: The columns: `rows` of plain strings, `pairs`, or one column `text`.
        pairs: The maximum number of pairs of a problem.
    """
    if pairs < 1:
        raise PartError(f"pairs={pairs} of format 'orm' has to be at least 1")
    texts = PerQuestion[set[str]](set)

    def pair(candidate: Candidate, chosen: str, rejected: str) -> Mapping[str, Any]:
        return example("prompt", candidate.question, chosen=chosen, rejected=rejected)

    def pair_rows(candidates: Sequence[Candidate]) -> Iterator[Row]:
        return draft_pairs(candidates, pairs, pair)

    def rows(candidate: Candidate) -> Iterator[Row]:
        for turn, reason in judged_drafts(candidate, texts.of(candidate)):
            row = {"prompt": candidate.question, "completion": turn.text}
            if style == "text":
                row = {"text": f"{candidate.question}\n\n{turn.text}"}
            facts = {"label": turn.correct, "oracle_used": candidate.oracle_used}
            yield Row(None if reason else {**row, **facts}, turn.leaf_step_id, reason)

    return ByProblem(pair_rows) if style == "pairs" else rows
