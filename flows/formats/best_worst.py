"""Pairs of the answers with the best and the worst grade, from a grader without the answer key: Self-Rewarding (Yuan et
al. 2024, arXiv 2401.10020)."""

from collections.abc import Iterator, Sequence
from typing import Any

from redraft.flows.filters.sifting.candidates import PATIENCE, Candidate, Turn
from redraft.flows.formats.format import ByProblem, Format, Row, Source, filtered_by, trains
from redraft.flows.formats.shared.columns import Style, example
from redraft.flows.formats.shared.unit_reader import Alongside, unit_of
from redraft.store.errors import PartError
from redraft.store.tables.reading.grades import read_scores
from redraft.store.tables.sql import one_of
from redraft.store.tables.store import Store


@filtered_by("length")
@trains("dpo")
def best_worst(
    store: Store,
    *,
    grader: str = "judge",
    gap: float = 0.0,
    style: Style = "prompt",
    runs: Sequence[str] | None = None,
) -> Format:
    """Writes a row for each problem: the draft to which a grader gave the highest value (`chosen`), the draft with the
    lowest value (`rejected`), and both values. If values are equal, the first draft is taken. A grader may give several
    values to the same text; then the first is used. A problem whose values do not differ by more than `gap` has no row.
    The drafts of all turns are compared. Whether answers are right has no effect. `oracle_used` is true if the answer
    key was read to write one of the two drafts.

    Raises PartError for a negative `gap`, and for a grader that has graded no draft of the store.

    Args:
        grader: The grader whose values decide, such as `judge`, `prm` or `likelihood`.
        gap: The two values must differ by more than this.
        style: The columns: those of TRL in messages (`prompt`) or as plain strings (`text`), or `messages` and
            `rejected_response` as ms-swift reads them (`messages`).
        runs: The runs of `annotate` whose values are used; by default all runs.
    """
    if not gap >= 0:
        raise PartError(f"gap={gap} of format 'best_worst' has to be at least 0")
    of_runs = "" if runs is None else f" AND {one_of('run_id', runs)}"
    judged_by = f"FROM grades WHERE step_id IS NULL AND value IS NOT NULL AND grader = $1{of_runs} LIMIT 1"
    if not store.query(judged_by, [grader], patience=PATIENCE).rows:
        raise PartError(
            f"grader {grader!r} has judged no draft of {store.path}: run `redraft annotate --grader {grader}` first, or"
            " name another with --set grader=NAME"
        )
    scores = Alongside(read_scores(store, grader, PATIENCE, runs))

    def rows(candidates: Sequence[Candidate]) -> Iterator[Row]:
        values: dict[tuple[str, int], float] = {}
        for unit in dict.fromkeys(map(unit_of, candidates)):
            values |= scores.of(unit)
        drafts = [(candidate, turn) for candidate in candidates for turn in candidate.turns]
        judged: dict[str, tuple[float, Candidate, Turn]] = {}  # by text, in order
        for candidate, turn in drafts:
            value = values.get((candidate.trajectory_id, turn.turn))
            if value is not None and turn.text.strip():
                judged.setdefault(turn.text, (value, candidate, turn))
        ranked = sorted(judged.values(), key=lambda each: -each[0])
        if len(ranked) < 2 or not ranked[0][0] - ranked[-1][0] > gap:
            reason = f"no two values of {grader} differ enough" if ranked else f"no value of {grader}"
            yield from (Row(None, turn.leaf_step_id, reason, candidate) for candidate, turn in drafts)
            return
        lowest = next(each for each in ranked if each[0] == ranked[-1][0])
        yield _pair(ranked[0], lowest, style)
        used = {id(ranked[0][2]), id(lowest[2])}
        for candidate, turn in drafts:
            if id(turn) not in used:
                yield Row(None, turn.leaf_step_id, "neither the best nor the worst of its problem", candidate)

    return ByProblem(rows)


def _pair(best: tuple[float, Candidate, Turn], worst: tuple[float, Candidate, Turn], style: Style) -> Row:
    (high, chosen, better), (low, rejected, worse) = best, worst
    columns: dict[str, Any] = (
        {**example(style, chosen.question, chosen=better.text), "rejected_response": worse.text}
        if style == "messages"
        else example(style, chosen.question, chosen=better.text, rejected=worse.text)
    )
    facts = {
        "chosen_value": high,
        "rejected_value": low,
        "oracle_used": chosen.oracle_used or rejected.oracle_used,
    }
    beside = Source(rejected.trajectory_id, worse.leaf_step_id)
    return Row({**columns, **facts}, better.leaf_step_id, None, chosen, (beside,))
