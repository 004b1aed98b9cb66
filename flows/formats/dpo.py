"""Pairs of a better and a worse answer: DPO (Rafailov et al. 2023, arXiv 2305.18290), and Step-DPO (Lai et al. 2024,
arXiv 2406.18629) over the steps of a searched tree."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from redraft.flows.filters.sifting.candidates import PATIENCE, Candidate, Turn
from redraft.flows.formats.format import ByProblem, Format, Row, Source, filtered_by, trains
from redraft.flows.formats.shared.columns import Style, example, judged_drafts
from redraft.flows.formats.shared.unit_reader import Alongside, unit_of
from redraft.graders.rewards.value_target import value_targets
from redraft.store.errors import PartError
from redraft.store.problems import Problem
from redraft.store.tables.reading.grades import read_scores
from redraft.store.tables.reading.trees import read_trees
from redraft.store.tables.store import Store
from redraft.store.trajectory import Step


class Draft(NamedTuple):
    """A draft, and the trajectory that it belongs to."""

    candidate: Candidate
    turn: Turn


Scores = Callable[[Draft], float | None]


@filtered_by("length", "duplicates")
@trains("dpo")
def dpo(
    store: Store,
    *,
    pairs: int = 4,
    style: Style | None = None,
    hardest: bool = False,
    grader: str | None = None,
    steps: bool = False,
    gap: float = 0.1,
) -> Format:
    """Writes a row for each pair of a right draft (`chosen`) and a wrong draft (`rejected`) of one problem. The drafts
    of all turns are used; equal drafts are used once. The pairs are formed so that no draft is used more often than
    necessary. `oracle_used` is true if the answer key was read to write or to choose one of the two drafts.

    With `steps`, a row is a pair of steps that follow the same steps of a searched tree. `prompt` is the question and
    the shared steps. The values of steps are those of the format `value`, and the chosen step has the higher value.
    Both steps must be in trajectories that the filters kept. The pairs with the largest difference come first.

    Raises PartError for `pairs` below 1, for a `gap` that is not in (0, 1], for a `style` of steps that is not `text`,
    and for a `grader` without `hardest`.

    Args:
        pairs: The maximum number of pairs of a problem.
        style: The columns: those of TRL in messages (`prompt`, the default) or as plain strings (`text`, the default
            for steps), or `messages` and `rejected_response` as ms-swift reads them (`messages`).
        hardest: Whether right drafts with low scores are paired with wrong drafts with high scores.
        grader: The grader that gives these scores; by default they are the scores by which the agent chose.
        steps: Whether the pairs are pairs of steps.
        gap: The minimum difference between the values of two steps, in (0, 1].
    """
    if pairs < 1 or not 0 < gap <= 1:
        raise PartError(f"pairs={pairs} and gap={gap} of format 'dpo' have to be at least 1, and in (0, 1]")
    if steps and style not in (None, "text"):
        raise PartError(f"style={style!r} of format 'dpo' can't show half a solution: take style='text'")
    if grader is not None and not hardest:
        raise PartError(f"grader={grader!r} of format 'dpo' gives the scores for hardest=true: set it too")
    if steps:
        return _step_pairs(store, pairs, gap)
    scores = Alongside(read_scores(store, grader, PATIENCE)) if hardest else None

    def row(candidate: Candidate, chosen: str, rejected: str) -> Mapping[str, Any]:
        if style == "messages":
            return {**example(style, candidate.question, chosen=chosen), "rejected_response": rejected}
        return example(style or "prompt", candidate.question, chosen=chosen, rejected=rejected)

    def rows(candidates: Sequence[Candidate]) -> Iterator[Row]:
        found: dict[tuple[str, int], float] = {}
        for unit in dict.fromkeys(map(unit_of, candidates)):
            found |= scores.of(unit) if scores else {}

        def score(draft: Draft) -> float | None:
            return found.get((draft.candidate.trajectory_id, draft.turn.turn))

        return draft_pairs(candidates, pairs, row, score)

    return ByProblem(rows)


def draft_pairs(
    candidates: Sequence[Candidate],
    most: int,
    row: Callable[[Candidate, str, str], Mapping[str, Any]],
    score: Scores = lambda draft: None,
) -> Iterator[Row]:
    """Yields a Row for each of at most `most` pairs of a right and a wrong draft of one problem, and a Row with a
    reason for each other draft. Right drafts are taken in ascending order of `score`, and wrong drafts in descending
    order. Drafts without a score come last, in their order."""
    right: list[Draft] = []
    wrong: list[Draft] = []
    seen: set[str] = set()
    for candidate in candidates:
        for turn, reason in judged_drafts(candidate, seen):
            if reason:
                yield Row(None, turn.leaf_step_id, reason, candidate)
            else:
                (right if turn.correct else wrong).append(Draft(candidate, turn))
    right, wrong = _ordered(right, score, 1), _ordered(wrong, score, -1)
    made = min(most, max(len(right), len(wrong))) if right and wrong else 0
    for index in range(made):
        chosen, rejected = right[index % len(right)], wrong[index % len(wrong)]
        data = row(chosen.candidate, chosen.turn.text, rejected.turn.text)
        used = {"oracle_used": chosen.candidate.oracle_used or rejected.candidate.oracle_used}
        beside = Source(rejected.candidate.trajectory_id, rejected.turn.leaf_step_id)
        yield Row({**data, **used}, chosen.turn.leaf_step_id, None, chosen.candidate, (beside,))
    for drafts, other in ((right, "wrong"), (wrong, "right")):
        for draft in drafts[made:]:
            reason = f"no more than {most} pairs of its problem" if made else f"no {other} draft of its problem"
            yield Row(None, draft.turn.leaf_step_id, reason, draft.candidate)


def _ordered(drafts: Sequence[Draft], score: Scores, sign: int) -> list[Draft]:
    """Returns drafts in ascending order of their score times `sign`. Drafts without a score come last."""

    def place(draft: Draft) -> tuple[bool, float]:
        value = score(draft)
        return value is None, sign * (value or 0.0)

    return sorted(drafts, key=place)


class _Sibling(NamedTuple):
    """A step with its value, the text of the draft before it, and a trajectory that contains it."""

    value: float
    before: str
    step: Step
    candidate: Candidate


def _step_pairs(store: Store, most: int, gap: float) -> Format:
    trees = Alongside(read_trees(store, PATIENCE))

    def rows(candidates: Sequence[Candidate]) -> Iterator[Row]:
        found: dict[tuple[str, str], tuple[_Sibling, _Sibling]] = {}
        for unit, own in groupby(candidates, unit_of):
            kept = list(own)
            tree = trees.of(unit)(Problem(kept[0].question, problem_id=kept[0].problem_id))
            values = {target.step_id: target for target in value_targets(tree.trajectories.values(), tree.verdicts)}
            siblings: dict[str | None, dict[str, _Sibling]] = {}
            for candidate in kept:
                trajectory = tree.trajectories.get(candidate.trajectory_id)
                for step in trajectory.steps if trajectory else ():
                    if target := values.get(step.step_id):
                        before = target.text.removesuffix(step.text)
                        sibling = _Sibling(target.value, before, step, candidate)
                        siblings.setdefault(step.parent_id, {}).setdefault(step.prefix_key, sibling)
            for each in siblings.values():
                ranked = sorted(each.values(), key=lambda sibling: -sibling.value)
                for better, worse in zip(ranked[: len(ranked) // 2], reversed(ranked), strict=False):
                    found.setdefault((better.step.prefix_key, worse.step.prefix_key), (better, worse))
        apart = [pair for pair in found.values() if _difference(pair) >= gap]
        used: set[str] = set()
        for chosen, rejected in sorted(apart, key=_difference, reverse=True)[:most]:
            used |= {chosen.candidate.trajectory_id, rejected.candidate.trajectory_id}
            data = {
                "prompt": f"{chosen.candidate.question}\n\n{chosen.before}",
                "chosen": chosen.step.text,
                "rejected": rejected.step.text,
                "chosen_value": chosen.value,
                "rejected_value": rejected.value,
                "oracle_used": chosen.candidate.oracle_used or rejected.candidate.oracle_used,
            }
            beside = Source(rejected.candidate.trajectory_id, rejected.step.step_id)
            yield Row(data, chosen.step.step_id, None, chosen.candidate, (beside,))
        for candidate in candidates:
            if candidate.trajectory_id not in used:
                yield Row(None, None, "none of its steps is in a pair", candidate)

    return ByProblem(rows)


def _difference(pair: tuple[_Sibling, _Sibling]) -> float:
    """Returns the difference between two values, rounded to avoid floating-point errors."""
    return round(pair[0].value - pair[1].value, 9)
