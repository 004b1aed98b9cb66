"""Which trajectories are good enough to train on. A plain async function, with no Prefect in it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redraft.flows.candidates import Candidate, candidates
from redraft.flows.checked import checked_filter
from redraft.flows.filters.filter import Filter
from redraft.flows.recipe import identity
from redraft.store.arguments import whole
from redraft.store.errors import PartError
from redraft.store.html import table
from redraft.store.load import load
from redraft.store.opening import opened
from redraft.store.store import DatasetRow, Store
from redraft.store.waiting import off_loop

Spec = str | Callable[..., Filter]

FILTERS = ("correct", "length", "duplicates", "cap")
"""What is used where no filters are named, in this order."""


@dataclass(frozen=True, slots=True)
class Filtered:
    """A dataset and what became of the trajectories: `dropped` counts them by reason."""

    dataset_id: str
    db: str
    kept: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    file: str | None = None  # where an export wrote them

    def _repr_html_(self) -> str:
        dropped = [(f"dropped: {reason}", count) for reason, count in self.dropped.items()]
        return table([("kept", self.kept), *dropped], caption=self.file or self.db)


async def filter(
    *,
    db: str | Path | Store = "redraft.duckdb",
    filters: Sequence[Spec] = FILTERS,
    arguments: Mapping[str, Any] | None = None,
    run: str | None = None,
) -> Filtered:
    """Passes every stored trajectory, or those of one run, through the filters in order, and keeps a row for each in
    `dataset_rows`: its number, or why it was dropped.

    `arguments` are the filters' (`{"cap.most": 2}`). A trajectory that failed is never kept. Raises PartError, and
    StoreError where there is no such store.
    """
    chain = Chain(filters, dict(arguments or {}))
    async with opened(db, create=False) as store:
        return await off_loop(_filter, store, chain, run)


class Chain:
    """Filters, one after the other; the first that objects decides. Raises PartError."""

    def __init__(self, filters: Sequence[Spec], given: Mapping[str, Any]) -> None:
        self.spec: list[dict[str, Any]] = []
        self._filters: list[Filter] = []
        factories = {factory.__name__: (spec, factory) for spec in filters for factory in [_load(spec)]}
        for key in given:
            if key.partition(".")[0] not in factories or "." not in key:
                there = ", ".join(f"{name}.<argument>" for name in factories) or "none"
                raise PartError(f"no argument {key!r} of these filters; there are {there}")
        for name, (spec, factory) in factories.items():
            own = {key.partition(".")[2]: value for key, value in given.items() if key.partition(".")[0] == name}
            values = whole(factory, own, "filter", f"{name}.")
            self._filters.append(checked_filter(factory, values))
            self.spec.append({"name": identity(spec), **values})

    def __call__(self, candidate: Candidate) -> str | None:
        """Why this one is dropped; None keeps it."""
        if candidate.stop == "failed":
            return f"failed: {candidate.reason or 'no reason was given'}"
        return next((reason for judge in self._filters if (reason := judge(candidate)) is not None), None)


class Ledger:
    """What becomes of each trajectory, or of each of its drafts: a row, numbered from 0, or why there is none."""

    def __init__(self) -> None:
        self.rows: list[DatasetRow] = []
        self.reasons: Counter[str] = Counter()
        self.kept = 0

    def keep(self, trajectory_id: str, step_id: str | None = None) -> None:
        self.rows.append(DatasetRow(self.kept, trajectory_id, step_id, None))
        self.kept += 1

    def drop(self, reason: str, trajectory_id: str, step_id: str | None = None) -> None:
        """Reasons are counted by what they say before a colon."""
        self.rows.append(DatasetRow(None, trajectory_id, step_id, reason))
        self.reasons[reason.partition(":")[0]] += 1


def sift(store: Store, chain: Chain, run: str | None, ledger: Ledger) -> Iterator[Candidate]:
    """The candidates that the filters keep, in order; the others are noted in the ledger."""
    for candidate in candidates(store, run):
        reason = chain(candidate)
        if reason is None:
            yield candidate
        else:
            ledger.drop(reason, candidate.trajectory_id)


def _load(spec: Spec) -> Callable[..., Filter]:
    return load(spec, "redraft.flows.filters", "filter")


def _filter(store: Store, chain: Chain, run: str | None) -> Filtered:
    ledger = Ledger()
    for candidate in sift(store, chain, run, ledger):
        ledger.keep(candidate.trajectory_id)
    dataset = store.add_dataset("trajectories", {"filters": chain.spec, "run": run}, ledger.rows, run or "")
    return Filtered(dataset, store.path, ledger.kept, dict(ledger.reasons.most_common()))
