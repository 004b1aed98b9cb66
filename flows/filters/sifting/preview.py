"""Previews what a chain of filters would drop, with examples. Nothing is stored."""

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field

from redraft.flows.filters.sifting.candidates import PATIENCE, check_run
from redraft.flows.filters.sifting.chain import MARK, Chain, sift
from redraft.flows.filters.sifting.filter_sql import Scope, sifted
from redraft.flows.filters.sifting.held_out import notes
from redraft.flows.filters.sifting.ledger import HELD_OUT, Ledger
from redraft.store.html import table
from redraft.store.tables.sql import one_of
from redraft.store.tables.store import Store

EXAMPLES = 3  # per reason
SHOWN = 70  # characters of a text that are shown


@dataclass(frozen=True, slots=True)
class Example:
    """A trajectory, its complete reason (None if it is kept), and the end of its last draft."""

    trajectory_id: str
    reason: str | None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Dropped:
    """The trajectories that a filter would drop for one reason. Reasons with the same text before the first colon are
    one reason."""

    filter: str
    reason: str
    count: int
    examples: list[Example]


@dataclass(frozen=True, slots=True)
class Preview:
    """The trajectories that the filters would keep and drop, in the order of the filters. Nothing is stored."""

    kept: int
    held_out: int
    dropped: list[Dropped]
    examples: list[Example] = field(default_factory=list)  # examples of kept trajectories

    def text(self) -> str:
        """Returns the counts and the examples as lines of text."""
        lines = [f"{self.kept:,} would stay, {self.held_out:,} are held out; nothing was written"]
        lines += [_line(example) for example in self.examples]
        for each in self.dropped:
            lines.append(f"{each.filter} would drop {each.count:,}: {each.reason}")
            lines += [_line(example) for example in each.examples]
        return "\n".join(lines)

    def to_json(self) -> str:
        """Returns the fields as one JSON object."""
        return json.dumps(asdict(self))

    def _repr_html_(self) -> str:
        rows = [("", "stay", self.kept), ("", "held out", self.held_out)]
        rows += [(each.filter, each.reason, each.count) for each in self.dropped]
        return table(rows, ["filter", "reason", "trajectories"])


def previewed(store: Store, chain: Chain, scope: Scope) -> Preview:
    """Returns the preview of a marked chain for the trajectories of the scope. Raises the same errors as `sift`."""
    tally = _Tally()
    if chain.is_sql:
        check_run(store, scope.run)
        held_out = {} if scope.include_heldout else notes(store)
        counted = sifted(chain.judges(store), scope, held_out) + COUNTED
        with store.held(read_only=True, patience=PATIENCE, streaming=True):
            found = store.query(counted).rows
        for reason, count, ids, reasons in found:
            tally.add(reason, count, list(zip(ids, reasons, strict=True)))
    else:
        with closing(sift(store, chain, scope, tally)) as found:
            for candidate in found:
                tally.add(None, 1, [(candidate.trajectory_id, None)])
    return tally.preview(store, chain.names)


class _Tally(Ledger):
    """Counts reasons and keeps a few examples of each, instead of the rows of a dataset."""

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[str | None, tuple[int, list[tuple[str, str | None]]]] = {}

    def drop(self, reason: str, trajectory_id: str, step_id: str | None = None) -> None:
        self.add(reason, 1, [(trajectory_id, reason)])

    def add(self, reason: str | None, count: int, examples: Sequence[tuple[str, str | None]]) -> None:
        """Counts trajectories with a reason, or with None if they are kept."""
        kind = reason and reason.partition(":")[0]
        before, known = self._found.get(kind, (0, []))
        self._found[kind] = before + count, [*known, *examples][:EXAMPLES]

    def preview(self, store: Store, order: Sequence[str]) -> Preview:
        """Returns the preview, with the filters in this order and with the texts of the examples."""
        ids = [name for _, examples in self._found.values() for name, _ in examples]
        texts = dict(store.query(TEXTS.format(these=one_of("trajectory_id", ids)), patience=PATIENCE).rows)
        held_out = HELD_OUT.partition(":")[0]
        found = {
            kind: (
                count,
                [Example(name, why.rpartition(MARK)[2] if why else None, texts.get(name, "")) for name, why in few],
            )
            for kind, (count, few) in self._found.items()
        }
        kept, examples = found.get(None, (0, []))
        dropped = [
            Dropped(kind.partition(MARK)[0], kind.partition(MARK)[2], count, few)
            for kind, (count, few) in found.items()
            if kind is not None and kind != held_out
        ]
        dropped.sort(key=lambda each: order.index(each.filter))
        return Preview(kept, found.get(held_out, (0, []))[0], dropped, examples)


def _line(example: Example) -> str:
    text = " ".join(example.text.split())
    text = text if len(text) <= SHOWN else f"... {text[-SHOWN:]}"
    return f"  {example.trajectory_id}  {f'[{example.reason}] ' if example.reason else ''}{text}"


COUNTED = f"""
SELECT any_value(dropped), count(*), arg_min(trajectory_id, place, {EXAMPLES}),
       arg_min(coalesce(dropped, ''), place, {EXAMPLES})
FROM sifted GROUP BY split_part(dropped, ':', 1) ORDER BY min(place)"""
TEXTS = "SELECT trajectory_id, right(text, 400) FROM main.trajectories WHERE {these}"
