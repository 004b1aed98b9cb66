"""Rows for fine-tuning in which the loss of each step is weighted by a grader's value, such as a process reward
model's."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

from redraft.flows.filters.sifting.candidates import PATIENCE, Candidate
from redraft.flows.filters.sifting.question_state import PerQuestion
from redraft.flows.formats.format import Format, Row, filtered_by
from redraft.flows.formats.shared.columns import draft_message, prompt_messages
from redraft.flows.formats.shared.unit_reader import Alongside, unit_of
from redraft.store.errors import PartError, alternatives
from redraft.store.tables.reading.grades import StepValues, read_step_values
from redraft.store.tables.store import Store


@filtered_by()
def step_weights(store: Store, *, grader: str = "prm", model: str | None = None) -> Format:
    """Writes a row for each draft whose steps a grader graded. `prompt` has the messages before the draft. `completion`
    is the draft. `steps` are the texts whose concatenation is the completion. `step_weights` has the weight of each
    step, in [0, 1]. `turn` is the draft's turn.

    The weight of a step is the lowest value of the steps up to it, because no step after a wrong step can be right. A
    step without a value and all steps after it have the weight 0. Whether answers are right has no effect. Of equal
    drafts of a question, only the first one makes a row. Raises PartError if the store has no such values.

    Args:
        grader: The grader whose step values are the weights: `prm`, `rollout`, `human` ...
        model: The grader's model, or the person; by default the values of the first one that graded the draft are used.
    """
    known = [name for (name,) in store.query(GRADERS, patience=PATIENCE).rows]
    if grader not in known:
        raise PartError(
            f"no values of steps by grader {grader!r} in {store.path}; {alternatives(grader, known)}: let a grader"
            " judge steps, as with `redraft annotate --grader prm`"
        )
    units = Alongside(read_step_values(store, grader, model, PATIENCE))
    seen_drafts = PerQuestion[set[str]](set)

    def rows(candidate: Candidate) -> Iterator[Row]:
        unit, seen = units.of(unit_of(candidate)), seen_drafts.of(candidate)
        for turn in candidate.turns:
            judged = unit.values.get((candidate.trajectory_id, turn.turn), [])
            texts = unit.texts(turn.leaf_step_id) if judged else []
            weights = least_so_far(judged[0], len(texts)) if judged else []
            reason = f"no values of its steps by {grader}" if not judged else _reason(weights)
            if turn.text in seen:
                reason = "the same draft as one before"
            if reason:
                yield Row(None, turn.leaf_step_id, reason)
                continue
            seen.add(turn.text)
            row = {"prompt": prompt_messages(candidate, turn.turn), "completion": [draft_message(turn)]}
            facts = {"steps": texts, "step_weights": weights, "turn": turn.turn}
            yield Row({**row, **facts}, turn.leaf_step_id)

    return rows


def least_so_far(told: StepValues, steps: int) -> list[float]:
    """Returns, for each step, the lowest value of the steps up to it. A step without a value counts as 0."""
    return list(accumulate((told.values.get(number, 0.0) for number in range(1, steps + 1)), min))


def _reason(weights: Sequence[float]) -> str | None:
    """Returns the reason why the weights make no row, or None if they make a row."""
    if not all(0 <= weight <= 1 for weight in weights):
        return "values that are no probabilities"
    return None if any(weights) else "no step has a weight above 0"


GRADERS = "SELECT DISTINCT grader FROM raw.step_lists ORDER BY grader"
