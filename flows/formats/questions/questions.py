"""Questions for tuning a question-writing model (ScaleQuest, Ding et al. 2024, arXiv 2410.18693)."""

from collections.abc import Iterator, Sequence

from redraft.flows.filters.sifting.candidates import Candidate
from redraft.flows.formats.format import ByProblem, Format, Row, Source, filtered_by


@filtered_by()
def questions(*, prefix: str = "", end: str = "") -> Format:
    """Writes a row for each problem. `prompt` is the beginning of a user's message without any text, and `completion`
    is the question. A model that is tuned on such rows writes new questions from this prompt.

    Args:
        prefix: The text that precedes a user's message in the model's chat template, such as `<|im_start|>user` and a
            line break.
        end: The text that ends a user's message, such as `<|im_end|>`.
    """

    def rows(candidates: Sequence[Candidate]) -> Iterator[Row]:
        first, *others = candidates
        row = {"prompt": prefix, "completion": first.question + end}
        yield Row(row, None, None, first, tuple(Source(candidate.trajectory_id) for candidate in others))

    return ByProblem(rows)
