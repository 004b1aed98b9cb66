"""Drops the kinds of rewrites that are too similar to the questions that they were made from."""

from redraft.flows.filters.filter import Filter, SqlFilter
from redraft.flows.filters.sifting.candidates import PATIENCE
from redraft.store.errors import PartError
from redraft.store.tables.store import Store


def diversity() -> Filter:
    """Drops the drafts of problems whose kind of rewrite was refused by the last `redraft diversity`: its diversity
    gain or its acceptance was below a threshold. Raises PartError if the store has no measurement of diversity."""

    def facts(store: Store) -> str:
        if not store.query(MEASURED, patience=PATIENCE).rows:
            raise PartError(f"filter 'diversity': {store.path} has no measurement: `redraft diversity` makes one")
        return REFUSED

    told = "'refused kind: ' || facts.augmentation || ': ' || facts.refused"
    return SqlFilter(None, f"CASE WHEN facts.refused IS NOT NULL THEN {told} END", facts, ("problem_id",))


MEASURED = "FROM question_diversity LIMIT 1"
REFUSED = """
SELECT p.problem_id, p.augmentation, k.refused FROM problems p JOIN (
    FROM question_diversity QUALIFY measured_at = max(measured_at) OVER ()
) k USING (augmentation) WHERE k.refused IS NOT NULL"""
