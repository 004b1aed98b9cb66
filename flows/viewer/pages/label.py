"""A draft for a person to label, without the answer key and without other judgements. It is the draft that `redraft
label` would show."""

from typing import Any

from redraft.flows.annotation.drafts import drafts, places
from redraft.flows.viewer.address import Address
from redraft.flows.viewer.pages.parts.validation import check_runs
from redraft.flows.viewer.store_reader import Reader
from redraft.store.tables.sql import literal


def read(reader: Reader, asked: Address) -> dict[str, Any]:
    """Returns the next draft whose text the person has not labelled, and the number of such texts. `run` restricts them
    to a run. Raises NotThere."""
    check_runs(reader, asked)
    where = f"run_id = {literal(asked.get('run'))}" if asked.get("run") else "true"
    found = places(reader.store, reader.person, where, 0, False)
    place = next(iter(found), None)
    draft = drafts(reader.store, [place]).get(place) if place else None
    return {"title": "Label", "place": place, "draft": draft, "left": len(found), "run": asked.get("run")}
