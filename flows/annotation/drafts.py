"""Reads the stored drafts that a person labels, and orders them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redraft.agents.human_label import DraftView, Judgement
from redraft.store.errors import QueryError, quoting
from redraft.store.tables.labels import Label
from redraft.store.tables.sql import literal, one_of
from redraft.store.tables.store import Store

Place = tuple[str, int]
"""The identity of a draft: its trajectory_id and its turn."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A stored draft as a person sees it, with the `prefix_key` of its last step, a hash of the draft's text."""

    shown: DraftView
    key: str


def drafts(store: Store, places: Sequence[Place]) -> dict[Place, Draft]:
    """Returns a dict of these drafts by their identity. Drafts that are not stored are left out."""
    steps: dict[Place, list[tuple[Any, ...]]] = {}
    for start in range(0, len(places), AT_ONCE):
        ids = [trajectory_id for trajectory_id, _ in places[start : start + AT_ONCE]]
        for trajectory_id, turn, *rest in store.query(STEPS.format(these=one_of("d.trajectory_id", ids))).rows:
            steps.setdefault((trajectory_id, turn), []).append(tuple(rest))
    return {place: _draft(place, rows) for place, rows in steps.items()}


def _draft(place: Place, rows: Sequence[tuple[Any, ...]]) -> Draft:
    question, answer, _, key = rows[-1]
    return Draft(DraftView(question, place[1], tuple(text for _, _, text, _ in rows), answer), key)


def places(store: Store, by: str, where: str, seed: int, again: bool) -> list[Place]:
    """Returns the drafts that ended with an answer and match an SQL condition on DRAFTS, in the order in which a person
    sees them. Of several drafts with the same text, only one is returned. Texts that nobody has labelled come first, in
    a random order seeded by `seed`. Texts that the person `by` has labelled are left out; with `again` they come last.
    Raises QueryError if DuckDB rejects the condition."""
    order = {"seed": literal(str(seed)), "again": "true" if again else "mine IS NOT TRUE"}
    try:
        return [tuple(row) for row in store.query(PLACES.format(fitting=_fitting(where, by), **order)).rows]
    except QueryError as error:
        raise quoting(QueryError(f"where={where!r}: {error}"), error.quoted) from None


def drawn_again(store: Store, by: str, where: str) -> list[tuple[Place, str]]:
    """Returns the matching drafts that the person `by` has not labelled, but whose text the person has labelled. Each
    item is a pair of the draft and the key of its text."""
    rows = store.query(DRAWN_AGAIN.format(fitting=_fitting(where, by), by=literal(by))).rows
    return [((trajectory_id, turn), key) for trajectory_id, turn, key in rows]


def same_text(store: Store, place: Place, key: str) -> list[Place]:
    """Returns the other drafts with the same text as this draft. `key` is the key of the text."""
    sql = SAME_TEXT.format(drafts=DRAFTS, id=literal(place[0]), turn=place[1], key=literal(key))
    return [tuple(row) for row in store.query(sql).rows]


def _fitting(where: str, by: str) -> str:
    return FITTING.format(drafts=DRAFTS, where=where, by=literal(by))


def told_by(store: Store, by: str) -> dict[str, tuple[Judgement, bool]]:
    """Returns a dict of a person's judgements of stored drafts, by the key of the draft's text. A value is a pair of
    the judgement and True if the known answer was shown. If a text has several judgements, the last counts."""
    rows = store.query(TOLD.format(by=literal(by))).rows
    return {key: (Judgement(*facts), key_shown) for key, key_shown, *facts in rows}


def standing(store: Store, by: str, places: Sequence[Place]) -> dict[Place, Label]:
    """Returns a dict of a person's current labels of these drafts, by draft."""
    found: dict[Place, Label] = {}
    for start in range(0, len(places), AT_ONCE):
        these = one_of("trajectory_id", [trajectory_id for trajectory_id, _ in places[start : start + AT_ONCE]])
        for row in store.query(STANDING.format(by=literal(by), these=these)).rows:
            found[row[:2]] = Label(*row)
    return found


def known(store: Store, place: Place) -> str:
    """Returns the known answer and the grades of a draft as text, one per line."""
    trajectory_id, turn = literal(place[0]), place[1]
    lines = []
    for grader, model, verdict, value, answer in store.query(KNOWN.format(id=trajectory_id, turn=turn)).rows:
        name = f"{grader} ({model})" if model else grader
        told = " ".join(filter(None, [verdict, f"{value:.3g}" if value is not None else ""]))
        lines.append(f"  {name}: {told}" if grader else f"  known answer: {answer or 'none'}")
    return "\n".join(lines)


AT_ONCE = 1000

DRAFTS = """
SELECT t.trajectory_id, d.turn, t.turns, t.problem_id, t.run_id, t.recipe, t.replicate, r.strategy, r.model, t.sample,
       t.role, t.chosen, t.oracle_used, d.answer, d.correct, d.stop, d.text, p.question, p.source, p.split, p.level,
       p.subject, d.leaf_step_id
FROM trajectories t JOIN turns d USING (trajectory_id) JOIN problems p USING (problem_id)
LEFT JOIN raw.recipes r USING (recipe)
WHERE t.role <> 'rollout' AND d.leaf_step_id IS NOT NULL"""
"""The SQL query for the drafts that a person can label. A condition may use its columns."""

FITTING = """
WITH drafts AS ({drafts}), labelled AS (
    SELECT draft_key, bool_or(person = {by}) AS mine FROM labels WHERE current GROUP BY draft_key
), fitting AS (
    FROM drafts WHERE ({where}
    ) QUALIFY row_number() OVER (PARTITION BY leaf_step_id ORDER BY role <> 'sample', trajectory_id) = 1
), placed AS (
    SELECT d.trajectory_id, d.turn, d.role, d.leaf_step_id, s.prefix_key, l.draft_key IS NOT NULL AS known, l.mine
    FROM fitting d JOIN steps s ON s.step_id = d.leaf_step_id LEFT JOIN labelled l ON l.draft_key = s.prefix_key
    WHERE d.answer IS NOT NULL
)"""
"""Selects the drafts that match a condition. Trajectories that share a draft have the same last step of the draft; such
a draft is selected once."""

PLACES = """{fitting}
SELECT trajectory_id, turn FROM placed WHERE {again}
QUALIFY row_number() OVER (PARTITION BY prefix_key ORDER BY role <> 'sample', trajectory_id, turn) = 1
ORDER BY mine IS TRUE, known, md5({seed} || ' ' || prefix_key)"""

DRAWN_AGAIN = """{fitting}
SELECT trajectory_id, turn, prefix_key FROM placed WHERE mine AND leaf_step_id NOT IN (
    SELECT t.leaf_step_id FROM labels l JOIN turns t USING (trajectory_id, turn) WHERE l.current AND l.person = {by})"""

SAME_TEXT = """
WITH drafts AS ({drafts} AND t.problem_id = (SELECT problem_id FROM trajectories WHERE trajectory_id = {id}))
SELECT d.trajectory_id, d.turn FROM drafts d JOIN steps s ON s.step_id = d.leaf_step_id
WHERE s.prefix_key = {key} AND d.leaf_step_id NOT IN (
    SELECT leaf_step_id FROM turns WHERE trajectory_id = {id} AND turn = {turn})
QUALIFY row_number() OVER (PARTITION BY d.leaf_step_id ORDER BY d.role <> 'sample', d.trajectory_id) = 1
ORDER BY ALL"""

TOLD = """
SELECT draft_key, key_shown, verdict, first_wrong_step, remark FROM labels WHERE person = {by} AND current
ORDER BY labelled_at"""

STANDING = """
SELECT trajectory_id, turn, person, verdict, first_wrong_step, remark, draft_key, key_shown FROM labels
WHERE person = {by} AND current AND {these}"""

STEPS = """
SELECT d.trajectory_id, d.turn, p.question, d.answer, s.text, s.prefix_key
FROM turns d JOIN steps s ON s.unit_id = d.unit_id AND s.turn = d.turn AND s."by" = 'model'
    AND (s.step_id = d.leaf_step_id OR starts_with(d.leaf_step_id, s.step_id || '.'))
JOIN problems p USING (problem_id)
WHERE {these} ORDER BY d.trajectory_id, d.turn, s.depth"""

KNOWN = """
SELECT NULL AS grader, NULL AS grader_model, NULL AS verdict, NULL AS value, p.answer
FROM trajectories t JOIN problems p USING (problem_id) WHERE t.trajectory_id = {id}
UNION ALL BY NAME
SELECT grader, grader_model, arg_max(verdict, graded_at) AS verdict, arg_max(value, graded_at) AS value FROM grades
WHERE trajectory_id = {id} AND turn = {turn} AND step_id IS NULL GROUP BY ALL
ORDER BY grader NULLS FIRST, grader_model"""
