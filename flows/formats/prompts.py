"""Questions with their answer keys, for trainers that draw the answers themselves: reinforcement learning with rewards
that are computed from the key (GRPO: Shao et al. 2024, arXiv 2402.03300)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Literal

from redraft.flows.filters.sifting.candidates import PATIENCE, Candidate
from redraft.flows.formats.format import ByProblem, Format, Row, Source, filtered_by, trains
from redraft.flows.formats.shared.unit_reader import Alongside
from redraft.store.errors import PartError
from redraft.store.tables.store import Store


@filtered_by()
@trains("grpo")
def prompts(store: Store, *, style: Literal["trl", "verl"] = "trl", data_source: str | None = None) -> Format:
    """Writes a row for each problem with a known answer. `prompt` is the question as a message. `answer` is the answer
    key. `solution` is the key in the form that TRL's `accuracy_reward` reads. `kind` is the problem's kind (math,
    choice, text, code, rubric), and `problem_id` its id. `drafts` is the number of graded drafts that had no feedback
    before them. `solved` is the share of these drafts that are right, or null if there are no such drafts. A problem
    whose drafts are all right or all wrong contributes little to such training.

    The style `verl` is verl's layout: `data_source`, `prompt`, `ability`, `reward_model` with the key as
    `ground_truth`, and `extra_info` with the other facts and the problem's index. Raises PartError for a `data_source`
    with another style.

    Args:
        style: The layout: TRL's `trl`, or `verl`.
        data_source: The name by which verl chooses its scorer; by default the source of the problem.
    """
    if data_source is not None and style != "verl":
        raise PartError(f"data_source={data_source!r} of format 'prompts' is a column of style=verl: set it too")
    problems = Alongside((row[0], row[1:]) for part in store.parts(PROBLEMS, patience=PATIENCE) for row in part)
    numbers = count()

    def rows(candidates: Sequence[Candidate]) -> Iterator[Row]:
        first, *others = candidates
        if first.known_answer is None:
            yield from (Row(None, None, "no known answer", candidate) for candidate in candidates)
            return
        source, split, kind = problems.of(first.problem_id)
        drafts = [turn for candidate in candidates for turn in candidate.turns if not turn.feedback]
        judged = [draft.correct for draft in drafts if draft.correct is not None]
        solved = sum(judged) / len(judged) if judged else None
        facts = {"problem_id": first.problem_id, "drafts": len(judged), "solved": solved}
        prompt = [{"role": "user", "content": first.question}]
        row: Mapping[str, Any] = {
            "prompt": prompt, "answer": first.known_answer, "solution": _solution(first.known_answer, kind),
            "kind": kind, **facts,
        }  # fmt: skip
        if style == "verl":
            row = {
                "data_source": data_source or source,
                "prompt": prompt,
                "ability": kind,
                "reward_model": {"style": "rule", "ground_truth": first.known_answer},
                "extra_info": {"index": next(numbers), "split": split, "kind": kind, **facts},
            }
        yield Row(row, None, None, first, tuple(Source(candidate.trajectory_id) for candidate in others))

    return ByProblem(rows)


def _solution(key: str, kind: str) -> str:
    """Returns an answer key in the form that Math-Verify reads: LaTeX must be in a box or between dollar signs."""
    return f"\\boxed{{{key}}}" if kind == "math" else key


PROBLEMS = "SELECT problem_id, source, split, coalesce(kind, 'math') FROM problems ORDER BY problem_id"
