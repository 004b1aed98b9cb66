"""Selects the trajectories that are good enough to train on. A plain async function without Prefect."""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from redraft.flows.filters.filter import DEFAULTS
from redraft.flows.filters.sifting.candidates import check_run
from redraft.flows.filters.sifting.chain import Chain, Filters, sift
from redraft.flows.filters.sifting.filter_sql import REASONS, ROWS, Scope, sifted_table
from redraft.flows.filters.sifting.held_out import notes
from redraft.flows.filters.sifting.ledger import Ledger
from redraft.flows.filters.sifting.preview import Preview, previewed
from redraft.flows.settings import DB
from redraft.store.errors import plural
from redraft.store.html import table
from redraft.store.tables.runs import new_id
from redraft.store.tables.stage_store import opened
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop


@dataclass(frozen=True, slots=True)
class DatasetResult:
    """A dataset, with counts of trajectories. `kept` counts the rows of the dataset. `held_out` counts trajectories
    that were left out because their problems are held out. `dropped` counts the trajectories that the filters dropped,
    by reason. `labels` has two counts, of rows labelled true and of rows labelled false, if the rows of an export have
    such labels."""

    dataset_id: str
    db: str
    kept: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    file: str | None = None  # the file of an export; "-" for standard output
    held_out: int = 0
    labels: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # lines about how a trainer treats the rows of an export

    def _repr_html_(self) -> str:
        dropped = [(f"dropped: {reason}", count) for reason, count in self.dropped.items()]
        held_out = [("held out", self.held_out)] if self.held_out else []
        return table([("kept", self.kept), *held_out, *dropped], caption=self.file or self.db)

    def one_line(self) -> str:
        """Returns the counts in one line: "118 kept, 40 trajectories held out, 162 dropped (110 wrong answer) ..."."""
        dropped = sum(self.dropped.values())
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.dropped.items())
        held_out = f"{plural(self.held_out, 'trajectory')} held out, " if self.held_out else ""
        labels = ", ".join(f"{count:,} {label}" for label, count in self.labels.items())
        file = f"{self.file}; " if self.file else ""
        cure = f". {HELD_OUT_CURE}" if self.held_out and not (self.kept or dropped) else ""
        kept = f"{self.kept:,} kept{f' ({labels})' if labels else ''}"
        return (
            f"{kept}, {held_out}{dropped:,} dropped{f' ({reasons})' if reasons else ''}: "
            f"{file}dataset {self.dataset_id} in {self.db}{cure}"
        )

    def to_json(self) -> str:
        """Returns the fields as one JSON object."""
        return json.dumps(asdict(self))


async def filter(
    *,
    db: str | Path | Store = DB,
    filters: Filters | None = None,
    arguments: Mapping[str, Any] | None = None,
    run: str | None = None,
    include_heldout: bool = False,
) -> DatasetResult:
    """Passes every stored trajectory, or every trajectory of one run, through the filters in order, and returns the
    counts. If `filters` is None, DEFAULTS apply. A filter may have arguments in its text: "cap most=2". The table
    `dataset_rows` gets a row for each trajectory, with its row number or with the reason why it was dropped.

    `arguments` are the arguments of the filters (`{"cap.most": 2}` or `{"cap": {"most": 2}}`). A failed trajectory is
    never kept. A trajectory of a held-out problem (`sifting.held_out`) is kept only with `include_heldout`. Raises
    PartError, and StoreError if the store does not exist.
    """
    chain = Chain(DEFAULTS if filters is None else filters, dict(arguments or {}))
    async with opened(db, create=False) as store:
        return await off_loop(_filter, store, chain, Scope(run, include_heldout))


async def preview(
    *,
    db: str | Path | Store = DB,
    filters: Filters | None = None,
    arguments: Mapping[str, Any] | None = None,
    run: str | None = None,
    include_heldout: bool = False,
) -> Preview:
    """Returns what `filter` would keep and drop with the same arguments, with examples. Nothing is stored. Raises the
    same errors as `filter`."""
    chain = Chain(DEFAULTS if filters is None else filters, dict(arguments or {}), marked=True)
    async with opened(db, create=False) as store:
        return await off_loop(previewed, store, chain, Scope(run, include_heldout))


def result(ledger: Ledger, dataset_id: str, store: Store, file: str | None = None) -> DatasetResult:
    """Returns the counts of a ledger as the result of a stage."""
    reasons = dict(ledger.reasons.most_common())
    labels = {str(label).lower(): count for label, count in sorted(ledger.labels.items(), reverse=True)}
    return DatasetResult(dataset_id, store.path, ledger.kept, reasons, file, ledger.held_out, labels)


def _filter(store: Store, chain: Chain, scope: Scope) -> DatasetResult:
    ledger = Ledger()
    spec = {"filters": chain.spec, **scope.spec}
    if chain.is_sql:
        check_run(store, scope.run)
        held_out = {} if scope.include_heldout else notes(store)
        dataset = new_id()
        with store.dataset_of(sifted_table(chain.judges(store), scope, held_out)) as found:
            for reason, count in found.rows(REASONS):
                ledger.count(reason, count)
            found.record(dataset, "trajectories", spec, ROWS, scope.run or "")
    else:
        with closing(sift(store, chain, scope, ledger)) as found:
            for candidate in found:
                ledger.keep(candidate.trajectory_id)
        dataset = store.add_dataset("trajectories", spec, ledger.rows(), scope.run or "")
    return result(ledger, dataset, store)


HELD_OUT_CURE = (
    "All of these problems are held out for evaluation: generate from other problems, such as builtin:split=train, or"
    " include these with --include-heldout"
)
