"""Reads the accepted new questions of a store as a source of problems."""

from pathlib import Path

from redraft.store.errors import SourceError, alternatives
from redraft.store.problems import Problem
from redraft.store.tables.store import Store

NAME = "augmented"


def augmented(source: str, db: str | Path | Store) -> list[Problem]:
    """Returns the questions that `redraft augment` made and accepted, ordered by id. `source` is "augmented", or
    "augmented:rephrase,fobar" for some kinds of questions. If it names no kinds, the kinds that the latest `diversity`
    refused are left out. Raises SourceError if the store has no such questions or lacks a kind that `source` names, and
    StoreError."""
    store = db if isinstance(db, Store) else Store(db, create=False)
    there = {kind: (int(count), refused) for kind, count, refused in store.query(KINDS).rows}
    named = [kind.strip() for kind in source.partition(":")[2].split(",") if kind.strip()]
    if unknown := [kind for kind in named if kind not in there]:
        raise SourceError(f"no accepted question of kind {unknown[0]!r}; {alternatives(unknown[0], there)}")
    kinds = named or [kind for kind, (_, refused) in there.items() if refused is None]
    if not kinds:
        refused = "; ".join(f"{kind} was refused: {reason}" for kind, (_, reason) in there.items())
        raise SourceError(f"{store.path} has no accepted new question: {refused or '`redraft augment` makes them'}")
    return [problem for problem in store.problems() if problem.augmentation in kinds]


KINDS = """
SELECT augmentation, count(*), any_value(k.refused) FROM problems p LEFT JOIN (
    FROM question_diversity QUALIFY measured_at = max(measured_at) OVER ()
) k USING (augmentation) WHERE augmentation IS NOT NULL GROUP BY ALL ORDER BY ALL"""
