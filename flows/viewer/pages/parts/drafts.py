"""The drafts of trajectories: their steps, the values that graders gave, and the labels of people."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp
from typing import Any

from redraft.flows.viewer.store_reader import Reader, Row, by, numbers
from redraft.store.tables.sql import one_of

LOGPROB = "log-probability"
"""The option that colours a step by the geometric mean of the probabilities of its tokens, exp(logprob / tokens)."""


@dataclass(slots=True)
class DraftRows:
    """A draft as it is stored. `values` has the last value of each grader by step. `steps` are the model's steps in
    order. `between` are the steps before them that are not the model's: feedback."""

    facts: Row
    steps: list[Row] = field(default_factory=list)
    between: list[Row] = field(default_factory=list)
    grades: list[Row] = field(default_factory=list)
    labels: list[Row] = field(default_factory=list)

    @property
    def turn(self) -> int:
        return self.facts["turn"]

    @property
    def key(self) -> str:
        """Returns the key of the draft's text, which identifies the text in labels."""
        return self.steps[-1]["prefix_key"] if self.steps else ""


def read_drafts(reader: Reader, paths: Sequence[Row]) -> dict[int, list[DraftRows]]:
    """Returns the drafts of trajectories by `path_id`, in the order of turns. Each row of `paths` has path_id and
    commit_id."""
    if not paths:
        return {}
    ids, commits = numbers(row["path_id"] for row in paths), numbers({row["commit_id"] for row in paths})
    turns = by(reader.rows(TURNS.format(paths=ids, commits=commits)), "path_id")
    steps = by(reader.rows(STEPS.format(paths=ids, commits=commits)), "path_id", "turn")
    published = published_of(reader, commits)
    grades = by(reader.rows(GRADES.format(paths=ids, published=published)), "path_id", "turn")
    valued = by(reader.rows(STEP_VALUES.format(paths=ids, published=published)), "path_id", "turn")
    these = one_of("l.trajectory_id", [rows[0]["trajectory_id"] for rows in turns.values()])
    labelled = reader.rows(LABELLED.format(these=these))  # the view would read every draft to find these
    labels = by(reader.rows(LABELS.format(these=these)) if labelled else [], "path_id", "turn")
    found: dict[int, list[DraftRows]] = {}
    for path_id, drafts in turns.items():
        for facts in drafts:
            place = (path_id, facts["turn"])
            draft = DraftRows(facts, grades=grades.get(place, []), labels=labels.get(place, []))
            values = _values(valued.get(place, []))
            for step in steps.get(place, []):
                step["values"] = values.get(step["depth"], {}) | _likelihood(step)
                (draft.steps if step["by"] == "model" else draft.between).append(step)
            for number, step in enumerate(draft.steps, start=1):
                step["number"] = number
            found.setdefault(path_id, []).append(draft)
    return found


def published_of(reader: Reader, commits: str) -> str:
    """Returns the published commits, of every stage, for the problems that these commits are about. Every grade of a
    draft is in one of them. With the commit numbers, DuckDB finds rows without reading those of other commits. Both the
    argument and the result are lists for SQL's IN."""
    return numbers(row["commit_id"] for row in reader.rows(PUBLISHED.format(commits=commits)))


def graders_of(drafts: Iterable[DraftRows]) -> list[str]:
    """Returns the graders that gave values to steps of these drafts, and also the log-probability if it is known."""
    names = {name for draft in drafts for step in draft.steps for name in step["values"]}
    return [*sorted(names - {LOGPROB}), *([LOGPROB] if LOGPROB in names else [])]


def graders_of_units(reader: Reader, commits: Sequence[int]) -> list[str]:
    """Returns the graders that gave values to steps of the drafts of these commits, and also the log-probability if it
    is known. The commits must be about one problem."""
    if not commits:
        return []
    these = numbers(commits)
    names = [row["grader"] for row in reader.rows(GRADERS.format(commits=these, published=published_of(reader, these)))]
    return [*names, LOGPROB] if reader.row(WITH_LOGPROB.format(commits=these)) else names


def _values(rows: Sequence[Row]) -> Mapping[int, dict[str, float]]:
    """Returns the last value of each grader by the depth of the step. Rows must be in the order of their
    publication."""
    found: dict[int, dict[str, float]] = {}
    for row in rows:
        first = row["depth"] - len(row["values"]) + 1
        for depth, value in enumerate(row["values"], start=first):
            if value is not None:
                found.setdefault(depth, {})[row["grader"]] = value
    return found


def _likelihood(step: Row) -> dict[str, Any]:
    if step["logprob"] is None or not step["tokens"]:
        return {}
    return {LOGPROB: exp(min(0.0, step["logprob"] / step["tokens"]))}


PUBLISHED = """
SELECT arg_max(commit_id, attempt) AS commit_id FROM raw.commits
WHERE problem_id IN (SELECT problem_id FROM raw.commits WHERE commit_id IN ({commits})) GROUP BY unit_id"""

TURNS = """
SELECT path_id, trajectory_id, commit_id, unit_id, turn, turns, leaf_step_id, answer, stop, feedback, text, correct,
       tokens, verdict, same_text, wrong_equation
FROM raw.judged WHERE path_id IN ({paths}) AND commit_id IN ({commits}) ORDER BY path_id, turn"""

STEPS = """
SELECT t.path_id, t.turn, s.step_id, s.depth, s."by", s.text, s.tokens, s.logprob, s.value, s.visits, s.call_id,
       s.prefix_key
FROM raw.turns t JOIN raw.steps s ON s.commit_id = t.commit_id AND s.turn = t.turn
    AND (s.step_id = t.leaf_step_id OR starts_with(t.leaf_step_id, s.step_id || '.'))
WHERE t.path_id IN ({paths}) AND t.commit_id IN ({commits}) AND s.commit_id IN ({commits})
ORDER BY t.path_id, t.turn, s.depth"""

GRADES = """
SELECT g.path_id, g.turn, g.grader, g.grader_model, arg_max(g.verdict, p.published_at) AS verdict,
       arg_max(g.value, p.published_at) AS value, arg_max(g.reason, p.published_at) AS reason, max(g.number) AS step
FROM raw.grades g JOIN raw.commits p USING (commit_id) WHERE g.commit_id IN ({published}) AND g.path_id IN ({paths})
GROUP BY g.path_id, g.turn, g.grader, g.grader_model, g.step_id ORDER BY g.grader, g.grader_model, step NULLS FIRST"""

STEP_VALUES = """
SELECT g.path_id, g.turn, g.grader, g.depth, g."values" FROM raw.step_grades g JOIN raw.commits p USING (commit_id)
WHERE g.commit_id IN ({published}) AND g.path_id IN ({paths}) AND NOT starts_with(g.grader, 'likelihood')
ORDER BY p.published_at"""
"""The query of step values. Values by the grader `likelihood` are left out, because the step itself has its
log-probability."""

GRADERS = """
SELECT DISTINCT grader FROM raw.step_grades
WHERE commit_id IN ({published}) AND path_id IN (SELECT path_id FROM raw.turns WHERE commit_id IN ({commits}))
    AND NOT starts_with(grader, 'likelihood') AND list_count("values") > 0 ORDER BY grader"""
WITH_LOGPROB = """
SELECT 1 AS found FROM raw.steps
WHERE commit_id IN ({commits}) AND "by" = 'model' AND logprob IS NOT NULL AND tokens > 0 LIMIT 1"""

LABELLED = "SELECT 1 AS found FROM raw.labels l WHERE {these} LIMIT 1"
LABELS = """
SELECT raw.path_id(l.trajectory_id) AS path_id, l.turn, l.person, l.verdict, l.first_wrong_step, l.remark,
       l.key_shown, l.labelled_at
FROM labels l WHERE l.current AND {these} ORDER BY l.labelled_at"""
