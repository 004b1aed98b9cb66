"""Validates the query of an address: an unknown value is an error, not an empty page."""

from collections.abc import Collection

from redraft.flows.viewer.address import Address, NotThere
from redraft.flows.viewer.store_reader import Reader
from redraft.store.errors import alternatives
from redraft.store.tables.sql import literal


def check_value(asked: Address, name: str, there: Collection[str]) -> None:
    """Raises NotThere if the query has a value of `name` that is not in `there`."""
    value = asked.get(name)
    if value and value not in there:
        raise NotThere(f"no {name} {value!r}; {alternatives(value, there)}")


def check_runs(reader: Reader, asked: Address) -> None:
    """Raises NotThere if the query names a run that is not in the store."""
    for run in asked.all("run"):
        if reader.row(f"SELECT 1 AS found FROM runs WHERE run_id = {literal(run)} LIMIT 1") is None:
            raise NotThere(f"no run {run!r} in {reader.store.path}")
