"""Rows for a process reward model, which grades each step (Lightman et al. 2023, arXiv 2305.20050; Math-Shepherd, Wang
et al. 2024, arXiv 2312.08935)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, takewhile
from typing import Any, Literal

from redraft.flows.filters.sifting.candidates import PATIENCE, Candidate
from redraft.flows.filters.sifting.question_state import PerQuestion
from redraft.flows.formats.format import Format, Row, filtered_by, trains
from redraft.flows.formats.shared.unit_reader import Alongside, unit_of
from redraft.flows.readers.math_shepherd import TAG
from redraft.store.errors import PartError, alternatives
from redraft.store.tables.reading.grades import StepValues, read_step_values
from redraft.store.tables.store import Store


@filtered_by()
@trains("prm")
def prm(
    store: Store,
    *,
    grader: str = "rollout",
    model: str | None = None,
    threshold: float | None = None,
    soft: bool = False,
    style: Literal["columns", "math_shepherd"] = "columns",
) -> Format:
    """Writes a row for each draft whose steps a grader graded. `prompt` is the question. `completions` are the steps,
    without surrounding white space. `labels` has true for each good step. `turn` is the draft's turn. `oracle_used` is
    true if the answer key was read to write or to choose the trajectory. A row ends before the first step without a
    value, just as people's labels end at the first wrong step. A draft that several models or people graded makes a row
    for each of them. Trajectories that share a draft make one row.

    Whether a step is good follows the view `first_errors`: its value is above 0 for `rollout` and `omegaprm`, and at
    least 0.5 for other graders. With `soft`, the labels are the values themselves, in [0, 1].

    The style `math_shepherd` is the published layout of Math-Shepherd: `input` is the question and the numbered steps,
    each followed by the tag ки. `label` is the same text with + or - in place of each tag.

    Raises PartError if the store has no such values, for a `threshold` that is not in [0, 1], and for `soft` together
    with a `threshold` or with a layout without soft labels.

    Args:
        grader: The grader whose step values are the labels: `rollout`, `omegaprm`, `prm`, `human` ...
        model: The grader's model, or the person; by default the values of all are used.
        threshold: The minimum value of a good step, in [0, 1].
        soft: Whether labels are the values of steps instead of true and false.
        style: The layout: `columns`, or that of `math_shepherd`.
    """
    if threshold is not None and not 0 <= threshold <= 1:
        raise PartError(f"threshold={threshold} of format 'prm' has to be in [0, 1]")
    if soft and (threshold is not None or style == "math_shepherd"):
        raise PartError("soft=true of format 'prm' writes the values of steps: leave out threshold and math_shepherd")
    known = [name for (name,) in store.query(GRADERS, patience=PATIENCE).rows]
    if grader not in known:
        raise PartError(
            f"no values of steps by grader {grader!r} in {store.path}; {alternatives(grader, known)}: let a grader"
            " judge steps, as with `redraft annotate --grader rollout`"
        )
    units = Alongside(read_step_values(store, grader, model, PATIENCE))
    written_drafts = PerQuestion[set[tuple[str | None, str | None]]](set)

    def label(value: float) -> bool | float:
        if soft:
            return value
        if threshold is not None:
            return value >= threshold
        return value > 0 if grader in ("rollout", "omegaprm") else value >= 0.5

    def row(candidate: Candidate, texts: Sequence[str], labels: Sequence[bool | float]) -> Mapping[str, Any]:
        if style == "math_shepherd":
            return _math_shepherd(candidate.question, texts, labels)
        return {"prompt": candidate.question, "completions": list(texts), "labels": list(labels)}

    def rows(candidate: Candidate) -> Iterator[Row]:
        unit = units.of(unit_of(candidate))
        written = written_drafts.of(candidate)
        for turn in candidate.turns:
            judged = unit.values.get((candidate.trajectory_id, turn.turn), [])
            if not judged:
                yield Row(None, turn.leaf_step_id, f"no values of its steps by {grader}")
            texts = [text.strip() for text in unit.texts(turn.leaf_step_id)] if judged else []
            for told in judged:
                values = _first_values(told, len(texts))
                reason = _reason(values, "".join([candidate.question, *texts]) if style == "math_shepherd" else "")
                if (turn.leaf_step_id, told.model) in written:
                    reason = "in a row already: trajectories share it"
                if reason:
                    yield Row(None, turn.leaf_step_id, reason)
                    continue
                written.add((turn.leaf_step_id, told.model))
                facts = {"turn": turn.turn, "oracle_used": candidate.oracle_used}
                made = row(candidate, texts[: len(values)], [label(value) for value in values])
                yield Row({**made, **facts}, turn.leaf_step_id)

    return rows


def _first_values(told: StepValues, steps: int) -> list[float]:
    """Returns the values of the steps of a draft, up to the first step without a value."""
    numbers = takewhile(lambda number: number <= steps and number in told.values, count(1))
    return [told.values[number] for number in numbers]


def _reason(values: Sequence[float], tagged: str) -> str | None:
    """Returns the reason why the values make no row, or None if they make a row. `tagged` is the text to which tags are
    added."""
    if not values:
        return "no value of its first step"
    if not all(0 <= value <= 1 for value in values):
        return "values that are no probabilities"
    return f"its text has the tag {TAG}" if TAG in tagged else None


def _math_shepherd(question: str, texts: Sequence[str], labels: Sequence[bool | float]) -> Mapping[str, Any]:
    steps = [f"Step {number}: {NUMBERED.sub('', text)} " for number, text in enumerate(texts, start=1)]
    signs = ["+" if label else "-" for label in labels]
    written = [
        f"{question.strip()} " + "\n".join(f"{step}{mark}" for step, mark in zip(steps, marks, strict=True))
        for marks in ([TAG] * len(steps), signs)
    ]
    return dict(zip(("input", "label"), written, strict=True))


NUMBERED = re.compile(r"\AStep \d+:\s*")
GRADERS = "SELECT DISTINCT grader FROM raw.step_lists ORDER BY grader"
