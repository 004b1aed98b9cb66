"""A person labels stored drafts, one by one at a terminal or all at once in a file. Plain async functions without
Prefect."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from redraft.agents.human_label import DraftView, Judgement, Quit, judgement_from_json
from redraft.flows.annotation.drafts import (
    Place,
    drafts,
    drawn_again,
    known,
    places,
    same_text,
    standing,
    told_by,
)
from redraft.flows.settings import DB
from redraft.store.errors import SourceError, alternatives
from redraft.store.tables.labels import Label
from redraft.store.tables.stage_store import opened
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop

VERDICTS = ("right", "wrong", "skip")
FIELDS = ("trajectory_id", "turn", "verdict", "first_wrong_step", "remark")


class Ask(Protocol):
    """Shows a draft with a note and returns the person's label of it. Raises Quit if the person quits."""

    async def __call__(self, shown: DraftView, verdicts: Sequence[str], note: str, /) -> Judgement: ...


@dataclass(frozen=True, slots=True)
class Labelled:
    """Counts of drafts. `labels` counts new labels that are `right` or `wrong`. `skipped` counts labels that are
    `skip`, and labels that the store already had. `left` counts the matching texts that the person has not labelled
    yet."""

    db: str
    person: str
    labels: int
    skipped: int
    left: int = 0


async def label(
    ask: Ask,
    *,
    by: str,
    db: str | Path | Store = DB,
    where: str = "true",
    limit: int | None = None,
    seed: int = 0,
    again: bool = False,
    show_key: bool = False,
) -> Labelled:
    """Asks the person `by` to label the stored drafts that match `where` and ended with an answer, stores each label at
    once, and returns the counts. `where` is an SQL condition on DRAFTS.

    Drafts that nobody has labelled come first, in a random order seeded by `seed`. Drafts that this person has labelled
    are left out; with `again` they come last. Drafts with the same text are shown once and get the same label. `limit`
    is the maximum number of drafts that are shown. With `show_key`, the known answer and the grades are shown; each
    label records whether they were shown. Raises QueryError if DuckDB rejects the condition, and StoreError if the
    store does not exist.
    """
    async with opened(db, create=False) as store:
        fitting = await off_loop(places, store, by, where, seed, again)
        session = _Session(ask, store, by, show_key, min(limit or len(fitting), len(fitting)))
        if not again:
            await off_loop(session.repeat, where)
        try:
            for place in fitting:
                if session.shown == limit:
                    break
                await session.label(place)
        except Quit:
            pass
        skipped = session.kept.count("skip")
        return Labelled(store.path, by, len(session.kept) - skipped, skipped, len(fitting) - session.shown)


@dataclass(slots=True)
class _Session:
    """The labels of one person in one session, which shows at most `total` drafts."""

    ask: Ask
    store: Store
    by: str
    show_key: bool
    total: int
    shown: int = 0
    kept: list[str] = field(default_factory=list)  # verdicts

    async def label(self, place: Place) -> None:
        """Shows a draft, and stores the person's label for every draft with the same text. Raises Quit."""
        draft = (await off_loop(drafts, self.store, [place])).get(place)
        if draft is None:  # a later run stored the unit without this draft
            return
        note = f"draft {self.shown + 1} of {self.total}"
        if self.show_key:
            note = f"{await off_loop(known, self.store, place)}\n{note}"
        told = await self.ask(draft.shown, VERDICTS, note)
        self.shown += 1
        await off_loop(self._keep, labels_of_text(self.store, _label(place, self.by, told, draft.key, self.show_key)))

    def repeat(self, where: str) -> None:
        """Labels drafts that a run drew after the person had labelled the same text."""
        told = told_by(self.store, self.by)
        twins = drawn_again(self.store, self.by, where)
        self._keep([_label(place, self.by, told[key][0], key, told[key][1]) for place, key in twins if key in told])

    def _keep(self, labels: Sequence[Label]) -> None:
        if labels:
            self.store.label(labels)
        self.kept += [label.verdict for label in labels]


def labels_of_text(store: Store, label: Label) -> list[Label]:
    """Returns the label of a draft, and the same label for every other draft with the same text."""
    others = same_text(store, (label.trajectory_id, label.turn), label.draft_key)
    return [label, *(replace(label, trajectory_id=trajectory_id, turn=turn) for trajectory_id, turn in others)]


async def label_from(file: str | Path, *, by: str, db: str | Path | Store = DB) -> Labelled:
    """Stores the labels of a file of JSON lines with the keys FIELDS: all labels, or none if a line is invalid. If a
    draft has several labels, the last one counts. A label that equals the stored label is skipped. Returns the counts.
    Raises SourceError, with the line number, for an invalid line."""
    async with opened(db, create=False) as store:
        return await off_loop(_label_from, store, Path(file), by)


def _label(place: Place, by: str, told: Judgement, key: str, key_shown: bool = False) -> Label:
    return Label(*place, by, told.verdict, told.first_wrong_step, told.remark, key, key_shown)


def _label_from(store: Store, file: Path, by: str) -> Labelled:
    lines = list(_lines(file))
    found = drafts(store, list({place for _, place, _ in lines}))
    labels = []
    for where, place, told in lines:
        if place not in found:
            raise SourceError(
                f"{where}: no draft {place[1]} of trajectory {place[0]!r} in {store.path}: list them with"
                ' `redraft query "FROM turns"`'
            )
        try:
            labels.append(
                _label(place, by, judgement_from_json(told, len(found[place].shown.steps), VERDICTS), found[place].key)
            )
        except ValueError as error:
            raise SourceError(f"{where}: {error}") from None
    new = _changes(labels, standing(store, by, list(found)))
    store.label(new)
    kept = sum(label.verdict != "skip" for label in new)
    return Labelled(store.path, by, kept, len(labels) - kept)


def _changes(labels: Iterable[Label], before: Mapping[Place, Label]) -> list[Label]:
    """Returns the labels that differ from the current label of their draft."""
    counts, new = dict(before), list[Label]()
    for label in labels:
        place = (label.trajectory_id, label.turn)
        if counts.get(place) != label:
            counts[place] = label
            new.append(label)
    return new


def _lines(file: Path) -> Iterator[tuple[str, Place, Mapping[str, Any]]]:
    """Yields a triple for each line: its file and line number as text, the draft that it labels, and the fields of the
    label."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{file} can't be read ({error}): name a file of JSON lines") from None
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            where = f"{file}, line {number}"
            facts = _facts(where, line)
            yield where, (facts["trajectory_id"], facts["turn"]), {k: v for k, v in facts.items() if k in FIELDS[2:]}


def _facts(where: str, line: str) -> Mapping[str, Any]:
    try:
        facts = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{where}: no JSON ({error}): give one object a line, with {', '.join(FIELDS)}") from None
    if not isinstance(facts, Mapping):
        raise SourceError(f"{where}: no JSON object: give one a line, with {', '.join(FIELDS)}")
    for name in facts:
        if name not in FIELDS:
            raise SourceError(f"{where}: no field {name!r}; {alternatives(name, FIELDS)}")
    for name, kind, words in (("trajectory_id", str, "a text"), ("turn", int, "a whole number")):
        if type(facts.get(name)) is not kind:
            raise SourceError(f"{where}: {name}={facts.get(name)!r} is not {words}")
    return facts
