"""The tree of one unit of work: every step with its value and visits, the critic's decisions, and the order of its
growth."""

from collections.abc import Mapping, Sequence
from typing import Any

from redraft.flows.viewer.address import Address, NotThere
from redraft.flows.viewer.pages.parts.drafts import published_of
from redraft.flows.viewer.store_reader import Reader, Row, problem_of_unit
from redraft.store.tables.sql import literal


def read(reader: Reader, asked: Address) -> dict[str, Any]:
    """Returns the tree of the unit `unit`. `step` is the selected step. Raises NotThere."""
    name = literal(asked.get("unit"))
    unit = reader.row(UNIT.format(unit=name, problem=problem_of_unit(name)))
    if unit is None:
        raise NotThere(f"no unit {asked.get('unit')!r} in {reader.store.path}")
    commit = unit["commit_id"]
    steps = in_growth(reader.rows(STEPS.format(commit=commit)))
    ends = reader.rows(ENDS.format(commit=commit))
    decisions = reader.rows(DECISIONS.format(commit=commit))
    values = reader.rows(STEP_VALUES.format(commit=commit, published=published_of(reader, str(commit))))
    tree = columns(unit["unit_id"], steps, ends, decisions, values)
    return {"title": "Tree", "unit": unit, "tree": tree, "ends": ends, "steps": len(steps), "step": asked.get("step")}


def in_growth(steps: Sequence[Row]) -> list[Row]:
    """Returns the steps in the order in which the tree grew, which is the order of the replies that wrote them. `steps`
    must be in the order of depth. A step without a time, such as feedback, follows its parent directly. No step comes
    before its parent."""
    grown: dict[str, float] = {}
    for step in steps:
        above = grown.get(step["parent_id"] or "", 0.0)
        grown[step["step_id"]] = max(above, step["grown"] or above)
    return sorted(steps, key=lambda step: (grown[step["step_id"]], step["depth"], _place(step["step_id"])))


def _place(step_id: str) -> list[int]:
    """Returns the numbers in a step id as a sort key, so that 10 comes after 9."""
    return [int(part) if part.isdigit() else -1 for part in step_id.rpartition("/")[2].split(".")]


def columns(
    unit: str, steps: Sequence[Row], ends: Sequence[Row], decisions: Sequence[Row], values: Sequence[Row]
) -> dict[str, Any]:
    """Returns a tree as columns for a canvas to draw. A step is represented by its index in the order in which the tree
    grew. A parent comes before its children, and the parent of first steps is -1."""
    number = {step["step_id"]: place for place, step in enumerate(steps)}
    found: dict[str, Any] = {
        "place": [step["step_id"].removeprefix(f"{unit}/") for step in steps],
        "parent": [number.get(step["parent_id"], -1) for step in steps],
        **{name: [step[name] for step in steps] for name in ("text", "by", "turn", "tokens", "value", "visits")},
        "likelihood": [step["likelihood"] for step in steps],
    }
    found["rollout"] = _rollouts(found["parent"], number, ends)
    found["ends"] = [
        [number[end["leaf_step_id"]], end["trajectory_id"], end["role"], end["answer"], end["correct"], end["chosen"],
         end["stop"]]
        for end in ends if end["leaf_step_id"] in number
    ]  # fmt: skip
    found["decisions"] = [
        [number[row["step_id"]], row["verdict"], row["value"], row["reason"]]
        for row in decisions if row["step_id"] in number
    ]  # fmt: skip
    found["grades"] = _grades(number, values)
    return found


def _rollouts(parents: Sequence[int], number: Mapping[str, int], ends: Sequence[Row]) -> list[bool]:
    """Returns, for each step, True if only rollouts contain it."""
    sampled, rolled = [False] * len(parents), [False] * len(parents)
    for end in ends:
        if end["leaf_step_id"] in number:
            (rolled if end["role"] == "rollout" else sampled)[number[end["leaf_step_id"]]] = True
    for place in range(len(parents) - 1, -1, -1):
        if parents[place] >= 0:
            sampled[parents[place]] |= sampled[place]
            rolled[parents[place]] |= rolled[place]
    return [rolled[place] and not sampled[place] for place in range(len(parents))]


def _grades(number: Mapping[str, int], values: Sequence[Row]) -> dict[str, list[float | None]]:
    """Returns, for each grader, the list of its last values for all steps."""
    found: dict[str, list[float | None]] = {}
    for row in values:
        parts = row["last_step_id"].split(".")
        for back, value in enumerate(reversed(row["values"])):
            place = number.get(".".join(parts[: len(parts) - back]))
            if place is not None and value is not None:
                found.setdefault(row["grader"], [None] * len(number))[place] = value
    return found


UNIT = """
WITH unit AS (
    SELECT unit_id, any_value(problem_id) AS problem_id, arg_max(run_id, attempt) AS run_id,
           arg_max(commit_id, attempt) AS commit_id
    FROM raw.commits WHERE unit_id = {unit} GROUP BY unit_id
)
SELECT u.*, p.question, p.answer, r.strategy, r.model
FROM unit u LEFT JOIN {problem} p USING (problem_id) LEFT JOIN runs r USING (run_id)"""

STEPS = """
WITH grown AS (
    SELECT call_id, min(answered_at) AS grown_at FROM raw.calls WHERE commit_id IN (
        SELECT commit_id FROM raw.commits WHERE unit_id = (SELECT unit_id FROM raw.commits WHERE commit_id = {commit}))
    GROUP BY call_id
)
SELECT s.step_id, s.parent_id, s.depth, s.text, s."by", s.turn, s.tokens, s.value, s.visits, epoch(g.grown_at) AS grown,
       exp(least(0, s.logprob / nullif(s.tokens, 0))) AS likelihood
FROM raw.steps s LEFT JOIN grown g USING (call_id) WHERE s.commit_id = {commit} ORDER BY s.depth"""

ENDS = """
SELECT end_step_id AS leaf_step_id, trajectory_id, role, answer, correct, chosen, ended AS stop, score FROM raw.judged
WHERE commit_id = {commit} AND turn = turns ORDER BY chosen DESC, role DESC, trajectory_id"""

DECISIONS = """
SELECT g.step_id, g.verdict, g.value, g.reason FROM raw.grades g
WHERE g.commit_id = {commit} AND g.grader = 'critic' AND g.step_id IS NOT NULL"""

STEP_VALUES = """
SELECT g.grader, g.last_step_id, g."values" FROM raw.step_grades g JOIN raw.commits p USING (commit_id)
WHERE g.commit_id IN ({published}) AND g.path_id IN (SELECT path_id FROM raw.turns WHERE commit_id = {commit})
    AND NOT starts_with(g.grader, 'likelihood') ORDER BY p.published_at"""
