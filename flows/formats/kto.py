"""Single answers that are right or wrong: KTO (Ethayarajh et al. 2024, arXiv 2402.01306)."""

from collections.abc import Iterator

from redraft.flows.filters.sifting.candidates import Candidate
from redraft.flows.filters.sifting.question_state import PerQuestion
from redraft.flows.formats.format import Format, Row, filtered_by, trains
from redraft.flows.formats.shared.columns import Style, example, judged_drafts


@filtered_by("length", "duplicates")
@trains("kto")
def kto(*, style: Style = "prompt") -> Format:
    """Writes a row for each draft of each turn: the question and the draft in the columns of the format `sft`, `label`
    and `oracle_used`. `label` is true if the draft is right. `oracle_used` is true if the answer key was read to write
    or to choose the trajectory. Equal drafts of a question make one row.

    The export counts the labels, which determine the weights of the trainer. The ratio of `desirable_weight` times the
    number of true labels to `undesirable_weight` times the number of false labels should be between 1:1 and 4:3.

    Args:
        style: The columns: `prompt` and completion in messages, `messages` as one list, or `text` as plain strings.
    """
    texts = PerQuestion[set[str]](set)

    def rows(candidate: Candidate) -> Iterator[Row]:
        for turn, reason in judged_drafts(candidate, texts.of(candidate)):
            facts = {"label": turn.correct, "oracle_used": candidate.oracle_used}
            row = None if reason else {**example(style, candidate.question, completion=turn.text), **facts}
            yield Row(row, turn.leaf_step_id, reason)

    return rows
