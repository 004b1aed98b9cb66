"""A trajectory: its drafts side by side with their differences marked, the feedback between them, and what changed the
verdict."""

from itertools import pairwise
from typing import Any

from redraft.flows.viewer.address import Address, NotThere
from redraft.flows.viewer.pages.parts.calls import read_calls
from redraft.flows.viewer.pages.parts.drafts import DraftRows, graders_of, read_drafts
from redraft.flows.viewer.store_reader import Reader, Row, problem_rows
from redraft.store.tables.sql import literal


def read(reader: Reader, asked: Address) -> dict[str, Any]:
    """Returns the trajectory `id`. `turn` is the turn that is shown first. `grader` selects the values that colour the
    steps. Raises NotThere."""
    name = literal(asked.get("id"))
    path = reader.row(PATH.format(id=name, problem=problem_rows(OWNER.format(id=name))))
    if path is None:
        raise NotThere(f"no trajectory {asked.get('id')!r} in {reader.store.path}")
    drafts = read_drafts(reader, [path]).get(path["path_id"], [])
    made_by = {step["call_id"] for draft in drafts for step in (*draft.steps, *draft.between) if step["call_id"]}
    return {
        "title": "Trajectory",
        "path": path,
        "drafts": drafts,
        "changes": [change(before, after) for before, after in pairwise(drafts)],
        "graders": graders_of(drafts),
        "grader": asked.get("grader"),
        "turn": asked.whole("turn"),
        "calls": read_calls(reader, path["unit_id"], only=sorted(made_by)),
    }


def change(before: DraftRows, after: DraftRows) -> dict[str, Any]:
    """Returns the changes that a redraft made: both drafts, the feedback between them, verdicts and answers, the first
    step that differs, and the values of each grader that graded both."""
    old = {(grade["grader"], grade["grader_model"]): grade for grade in before.grades if grade["step"] is None}
    graded = []
    for grade in after.grades:
        past = old.get((grade["grader"], grade["grader_model"]))
        if past and grade["step"] is None and grade["value"] is not None and past["value"] is not None:
            graded.append({"grader": grade["grader"], "before": past["value"], "after": grade["value"]})
    return {
        "before": before,
        "after": after,
        "feedback": after.facts["feedback"] or "\n".join(step["text"] for step in after.between),
        "by": ", ".join(dict.fromkeys(step["by"] for step in after.between)) or "feedback",
        "first": _first_changed(before.steps, after.steps),
        "graded": graded,
    }


def _first_changed(before: list[Row], after: list[Row]) -> Row | None:
    """Returns the first step of the redraft that differs from the step with the same index in the previous draft."""
    texts = [step["text"].strip() for step in before]
    for place, step in enumerate(after):
        if place >= len(texts) or texts[place] != step["text"].strip():
            return step
    return None


OWNER = """(
    SELECT any_value(problem_id) FROM raw.commits
    WHERE commit_id IN (SELECT commit_id FROM raw.turns WHERE path_id = raw.path_id({id})))"""

PATH = """
WITH place AS (SELECT commit_id FROM raw.turns WHERE path_id = raw.path_id({id}) AND trajectory_id = {id})
SELECT j.path_id, j.trajectory_id, j.commit_id, j.unit_id, j.run_id, j.problem_id, j.role, j.sample, j.chosen,
       j.oracle_used, j.score, j.ended AS stop, j.turns, j.answer, j.correct, j.path_tokens AS tokens, j.reason,
       p.question, p.answer AS known, r.strategy, r.model, r.config->>'feedback' AS feedback
FROM raw.judged j JOIN {problem} p USING (problem_id) LEFT JOIN runs r USING (run_id)
WHERE j.commit_id IN (FROM place) AND j.trajectory_id = {id} AND j.turn = j.turns LIMIT 1"""
