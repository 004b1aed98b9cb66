"""Drops the problems of splits that are not meant for training."""

from redraft.flows.filters.filter import Filter, SqlFilter
from redraft.flows.filters.sifting.candidates import PATIENCE
from redraft.store.errors import PartError, alternatives
from redraft.store.sources.split import spelling
from redraft.store.tables.sql import one_of
from redraft.store.tables.store import Store

USUAL = "test,heldout"


def split(*, drop: str = USUAL) -> Filter:
    """Drops problems of the splits in `drop`, a list separated by commas. Case, hyphens and spaces in the name of a
    split are ignored. A problem without a split is kept. Raises PartError if `drop` is empty, or if no problem of the
    store is in a split that `drop` names. The default may name splits that the store does not have."""
    names = [name for text in drop.split(",") if (name := text.strip())]
    if not names:
        raise PartError("split.drop is empty: name the splits to leave out, such as test")

    def facts(store: Store) -> str:
        spelled = {name: spelling(name) for (name,) in store.query(SPLITS, patience=PATIENCE).rows}
        for name in names if drop != USUAL else ():
            if spelling(name) not in spelled.values():
                known = alternatives(name, spelled)
                raise PartError(f"split.drop={name!r}: no problem of {store.path} has this split; {known}")
        wanted = set(map(spelling, names))
        dropped = [name for name, form in spelled.items() if form in wanted]
        return f"SELECT DISTINCT split FROM problems WHERE {one_of('split', dropped)}"

    return SqlFilter(None, "CASE WHEN facts.split IS NOT NULL THEN 'of split ' || facts.split END", facts, ("split",))


SPLITS = "SELECT DISTINCT split FROM problems WHERE split IS NOT NULL ORDER BY ALL"
