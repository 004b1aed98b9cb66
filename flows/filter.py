"""Chooses the trajectories that are good enough to train on. A plain async function without Prefect."""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from redraft.flows.filters.candidates import Candidate, candidates
from redraft.flows.filters.filter import DEFAULTS, Filter
from redraft.flows.filters.held_out import held_out
from redraft.flows.filters.ledger import Ledger
from redraft.flows.filters.validation import checked_filter
from redraft.flows.generation.identity import identity
from redraft.flows.settings import DB
from redraft.store.errors import PartError, alternatives
from redraft.store.html import table
from redraft.store.plugins.arguments import whole
from redraft.store.plugins.discovery import load
from redraft.store.tables.stage_store import opened
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop

FilterSpec = str | Callable[..., Filter]


@dataclass(frozen=True, slots=True)
class DatasetResult:
    """A dataset, with counts of trajectories. `kept` counts the rows of the dataset. `held_out` counts trajectories
    that were left out because their problems are held out. `dropped` counts the trajectories that the filters dropped,
    by reason."""

    dataset_id: str
    db: str
    kept: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    file: str | None = None  # the file of an export; "-" for standard output
    held_out: int = 0

    def _repr_html_(self) -> str:
        dropped = [(f"dropped: {reason}", count) for reason, count in self.dropped.items()]
        held_out = [("held out", self.held_out)] if self.held_out else []
        return table([("kept", self.kept), *held_out, *dropped], caption=self.file or self.db)

    def one_line(self) -> str:
        """Returns the counts in one line: "118 kept, 40 held out, 162 dropped (110 wrong answer, 52 duplicate) ..."."""
        dropped = sum(self.dropped.values())
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.dropped.items())
        held_out = f"{self.held_out:,} held out, " if self.held_out else ""
        file = f"{self.file}; " if self.file else ""
        cure = f". {HELD_OUT_CURE}" if self.held_out and not (self.kept or dropped) else ""
        return (
            f"{self.kept:,} kept, {held_out}{dropped:,} dropped{f' ({reasons})' if reasons else ''}: "
            f"{file}dataset {self.dataset_id} in {self.db}{cure}"
        )

    def to_json(self) -> str:
        """Returns the fields as one JSON object."""
        return json.dumps(asdict(self))


async def filter(
    *,
    db: str | Path | Store = DB,
    filters: Sequence[FilterSpec] | None = None,
    arguments: Mapping[str, Any] | None = None,
    run: str | None = None,
    include_heldout: bool = False,
) -> DatasetResult:
    """Passes every stored trajectory, or every trajectory of one run, through the filters in order. If `filters` is
    None, DEFAULTS apply. The table `dataset_rows` gets a row for each trajectory, with its number or with the reason
    why it was dropped.

    `arguments` are the arguments of the filters (`{"cap.most": 2}`). A failed trajectory is never kept. A trajectory of
    a held-out problem (`flows.filters.held_out`) is kept only with `include_heldout`. Raises PartError, and StoreError
    if the store does not exist.
    """
    chain = Chain(DEFAULTS if filters is None else filters, dict(arguments or {}))
    async with opened(db, create=False) as store:
        return await off_loop(_filter, store, chain, Scope(run, include_heldout))


@dataclass(frozen=True, slots=True)
class Scope:
    """The trajectories that a dataset may take: of one run or of all runs, with or without held-out problems."""

    run: str | None = None
    include_heldout: bool = False

    @property
    def spec(self) -> dict[str, Any]:
        """Returns the scope in the form in which `datasets.filter` stores it."""
        return {"run": self.run} | ({"include_heldout": True} if self.include_heldout else {})


class Chain:
    """A chain of filters. Each candidate is dropped by the first filter that gives a reason. Raises PartError."""

    def __init__(self, filters: Sequence[FilterSpec], given: Mapping[str, Any]) -> None:
        self.spec: list[dict[str, Any]] = []
        self._filters: list[Filter] = []
        factories = {factory.__name__: (spec, factory) for spec in filters for factory in [_load(spec)]}
        for key in given:
            if key.partition(".")[0] not in factories or "." not in key:
                there = [f"{name}.<argument>" for name in factories]
                raise PartError(f"no argument {key!r} of these filters; {alternatives(key, there)}")
        for name, (spec, factory) in factories.items():
            own = {key.partition(".")[2]: value for key, value in given.items() if key.partition(".")[0] == name}
            values = whole(factory, own, "filter", f"{name}.")
            self._filters.append(checked_filter(factory, values))
            self.spec.append({"name": identity(spec), **values})

    def __call__(self, candidate: Candidate) -> str | None:
        """Returns the reason why a candidate is dropped; None if it is kept."""
        if candidate.stop == "failed":
            return f"failed: {candidate.reason or 'no reason was given'}"
        return next((reason for judge in self._filters if (reason := judge(candidate)) is not None), None)


def sift(store: Store, chain: Chain, scope: Scope, ledger: Ledger) -> Generator[Candidate]:
    """Yields the candidates that are not held out and that the filters keep, in order. The ledger records the other
    candidates. The store is held until the last candidate, or until the generator is closed."""
    known = None if scope.include_heldout else held_out(store)
    with closing(candidates(store, scope.run)) as found:
        for candidate in found:
            if known and (why := known.note(candidate.question, candidate.problem_id)):
                ledger.hold_out(why, candidate.trajectory_id)
                continue
            reason = chain(candidate)
            if reason is None:
                yield candidate
            else:
                ledger.drop(reason, candidate.trajectory_id)


def result(ledger: Ledger, dataset_id: str, store: Store, file: str | None = None) -> DatasetResult:
    """Returns the counts of a ledger as the result of a stage."""
    reasons = dict(ledger.reasons.most_common())
    return DatasetResult(dataset_id, store.path, ledger.kept, reasons, file, ledger.held_out)


def _load(spec: FilterSpec) -> Callable[..., Filter]:
    return load(spec, "filter")


def _filter(store: Store, chain: Chain, scope: Scope) -> DatasetResult:
    ledger = Ledger()
    with closing(sift(store, chain, scope, ledger)) as sifted:
        for candidate in sifted:
            ledger.keep(candidate.trajectory_id)
    spec = {"filters": chain.spec, **scope.spec}
    return result(ledger, store.add_dataset("trajectories", spec, ledger.rows(), scope.run or ""), store)


HELD_OUT_CURE = (
    "All of these problems are held out for evaluation: generate from other problems, such as builtin:split=train, or"
    " include these with --include-heldout"
)
