"""Writes the trajectories that the filters keep as training rows. A plain async function without Prefect."""

import json
import shlex
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path
from typing import Any, cast

from redraft.flows.dataset_files.card import Facts, Origins, card
from redraft.flows.dataset_files.target import ExportError, Target
from redraft.flows.dataset_files.writer import Output, Spool, known_json, opened_output, split_of
from redraft.flows.filter import DatasetResult, result
from redraft.flows.filters.sifting.candidates import PATIENCE, Candidate, check_run
from redraft.flows.filters.sifting.chain import Chain, Filters, sift
from redraft.flows.filters.sifting.filter_sql import REASONS, ROWS, Scope, sifted_table
from redraft.flows.filters.sifting.held_out import notes as held_out
from redraft.flows.filters.sifting.ledger import Ledger
from redraft.flows.formats.format import Format, Row, SqlFormat, default_filters, kind_of
from redraft.flows.formats.layouts.trainer_rows import Trainer, TrainerRows, left_over
from redraft.flows.formats.shared.unit_reader import unit_of
from redraft.flows.formats.shared.validation import checked_format
from redraft.flows.generation.identity import identity
from redraft.flows.presets.preset import read_preset
from redraft.flows.settings import DB
from redraft.store.errors import PartError
from redraft.store.plugins.arguments import flat, whole
from redraft.store.plugins.discovery import load
from redraft.store.tables.runs import SqlDataset, new_id
from redraft.store.tables.stage_store import opened
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop

DEFAULT_FORMAT = "sft"


class EmptyExport(ExportError):
    """Raised if no row was kept. Nothing was written. `result` has the counts of dropped trajectories by reason."""

    def __init__(self, result: DatasetResult) -> None:
        super().__init__(f"no row to write: {result.one_line()}")
        self.result = result


async def export(
    file: str | Path,
    *,
    db: str | Path | Store = DB,
    format: str | Callable[..., Format] | None = None,
    filters: Filters | None = None,
    arguments: Mapping[str, Any] | None = None,
    preset: str | Path | None = None,
    trainer: Trainer | None = None,
    shards: int | None = None,
    validation: float | None = None,
    run: str | None = None,
    overwrite: bool = False,
    include_heldout: bool = False,
) -> DatasetResult:
    """Writes a row for each trajectory that the filters keep, and returns the counts. Some formats write a row for each
    draft instead. The tables `datasets` and `dataset_rows` record the trajectory of each row, and why other
    trajectories were dropped.

    The name of the file decides the kind: JSON lines (`.jsonl`, and "-", which is standard output), compressed JSON
    lines (`.jsonl.zst`), `.parquet`, an Inspect log (`.eval`, only with the format `inspect_ai`), or a folder
    (`rows/`). A folder has Parquet files and a dataset card. `shards` is the number of files, and `validation` is the
    share of problems whose rows are in a validation split, in [0, 1).

    With a `trainer` (`trl`, `verl`, `openrlhf`, `llama_factory`, `axolotl`, `ms_swift`), the rows have the columns that
    this trainer reads, and its configuration is written next to them.

    A `preset` sets a format, filters and arguments: those of a published method (`flows.presets`), or those in a TOML
    file of your own. Arguments of this function override the preset. Without a preset and a format, the format is
    `sft`.

    If `filters` is None, the format's default filters apply. `arguments` are the arguments of the format (`{"style":
    "messages"}`) and of the filters (`{"cap.most": 2}` or `{"cap": {"most": 2}}`). Trajectories of held-out problems
    (`sifting.held_out`) make rows only with `include_heldout`. Each row then has the `split` of its problem, so that a
    reader of the file can tell which rows are held out.

    The file or folder appears only when it is complete. `overwrite` allows it to replace an existing one. Raises
    EmptyExport if no row is kept, ExportError, PartError, StoreError, and BrokenPipeError if the reader of standard
    output has closed it.
    """
    target = Target.of(file, shards, validation)
    format, factory, own, chain = parts(format, filters, arguments, preset)
    target.check_kind(str(identity(format)), kind_of(factory))
    made_for = TrainerRows(trainer, format, factory, own, target) if trainer is not None else None
    own = {**own, **(made_for.arguments if made_for else {})}
    named = {"file": str(file)} | ({"preset": str(preset)} if preset is not None else {})
    named |= {"trainer": str(identity(trainer))} if trainer is not None else {}
    async with opened(db, create=False) as store:
        _check_target(store, target, made_for, overwrite)
        scope = Scope(run, include_heldout)
        return await off_loop(prepared(store, target, (format, factory, own, chain), scope, named, made_for).write)


def prepared(
    store: Store,
    target: Target,
    found: tuple[str | Callable[..., Format], Callable[..., Format], dict[str, Any], Chain],
    scope: Scope,
    named: Mapping[str, Any],
    made_for: TrainerRows | None = None,
) -> "Export":
    """Returns an export of the trajectories in `scope`, ready to be written. `found` is a result of `parts`. `named` is
    recorded together with the filters. Raises PartError."""
    format, factory, own, chain = found
    spec = {"filters": chain.spec, **scope.spec, "arguments": own, **named}
    hands = {"store": store} if "store" in signature(factory).parameters else {}
    rows = checked_format(factory, {**hands, **own})
    return Export(store, chain, scope, target, str(identity(format)), rows, spec, made_for)


def parts(
    format: str | Callable[..., Format] | None = None,
    filters: Filters | None = None,
    arguments: Mapping[str, Any] | None = None,
    preset: str | Path | None = None,
) -> tuple[str | Callable[..., Format], Callable[..., Format], dict[str, Any], Chain]:
    """Returns a tuple of the format, its factory, its arguments and the chain of filters, from the arguments of
    `export`. Raises PartError for an unknown format, filter or argument, and PresetError."""
    given = dict(arguments or {})
    if preset is not None:
        _, _, given = read_preset(preset).beside(format, filters, given)
    format, factory, named = format_and_filters(format, filters, preset)
    given = flat(given, signature(factory).parameters)
    own = whole(factory, {key: value for key, value in given.items() if "." not in key}, "format", handed=HANDED)
    return format, factory, own, Chain(named, {key: value for key, value in given.items() if "." in key})


def format_and_filters(
    format: str | Callable[..., Format] | None = None,
    filters: Filters | None = None,
    preset: str | Path | None = None,
) -> tuple[str | Callable[..., Format], Callable[..., Format], Filters]:
    """Returns a triple of the format, its factory and the filters of an export. Raises PartError for an unknown format,
    and PresetError."""
    if preset is not None:
        format, filters, _ = read_preset(preset).beside(format, filters, None)
    format = format or DEFAULT_FORMAT
    factory = load(format, "format")
    return format, factory, default_filters(factory) if filters is None else filters


def _check_target(store: Store, target: Target, made_for: TrainerRows | None, overwrite: bool) -> None:
    """Raises StoreError or ExportError if a file or folder that the export would write already exists."""
    if target.kind == "stdout":
        return
    if target.kind == "folder":
        store.check_folder(target.path, overwrite=overwrite)
        return
    store.check_target(target.path, overwrite=overwrite)
    for name in made_for.texts() if made_for else ():
        file = target.path.parent / name
        if file.suffix == ".json":  # the trainer's JSON file is updated
            if file.exists():
                known_json(file)
        else:
            store.check_target(file, overwrite=overwrite)


@dataclass(frozen=True, slots=True)
class Export:
    """One export: the trajectories of a store, the format of their rows, and the target of the rows."""

    store: Store
    chain: Chain
    scope: Scope
    target: Target
    name: str
    format: Format
    spec: Mapping[str, Any]
    made_for: TrainerRows | None = None

    def write(self) -> DatasetResult:
        """Writes the rows, records them in the store, and returns the counts. Raises what `export` raises."""
        ledger, origins, dataset_id = Ledger(), Origins(Counter(), set()), new_id()
        with ExitStack() as stack:
            sifted = stack.enter_context(self._sifted()) if self._is_sql else None

            def record(place: AbstractContextManager[None]) -> None:
                run = self.scope.run or ""
                if sifted:
                    sifted.record(dataset_id, self.name, self.spec, ROWS, run, place)
                else:
                    rows = ledger.rows()
                    self.store.add_dataset(self.name, self.spec, rows, run, dataset_id=dataset_id, around=place)

            output = stack.enter_context(opened_output(self.target, record))
            if sifted:
                self._write_lines(output, ledger, sifted)
            else:
                self._write_rows(output, ledger, origins)
            found = result(ledger, dataset_id, self.store, str(self.target.path))
            if not ledger.kept:
                record(nullcontext())
                raise EmptyExport(replace(found, file=None))
            output.complete()
            return self._described(output, found, origins)

    def _described(self, output: Output, found: DatasetResult, origins: Origins) -> DatasetResult:
        """Adds the files that describe the rows to the output. Returns the result with notes about them."""
        texts = self.made_for.texts() if self.made_for else {}
        removed = left_over(self.target, texts)
        output.texts.update({**removed, **texts})
        notes = self.made_for.notes() if self.made_for else []
        notes += [f"removed what described the rows before: {', '.join(removed)}"] if removed else []
        found = replace(found, notes=tuple(notes))
        if isinstance(output, Spool) and self.target.kind == "folder":
            facts = self._facts(found)
            output.texts["README.md"] = card(self.target, output, origins, facts, self.store, PATIENCE)
        return found

    @property
    def _is_sql(self) -> bool:
        """Whether DuckDB can choose and write all rows, as lines of JSON."""
        plain = self.target.kind in ("jsonl", "jsonl.zst", "stdout") and not self.scope.include_heldout
        return plain and self.chain.is_sql and isinstance(self.format, SqlFormat) and self.made_for is None

    def _sifted(self) -> AbstractContextManager[SqlDataset]:
        check_run(self.store, self.scope.run)
        return self.store.dataset_of(sifted_table(self.chain.judges(self.store), self.scope, held_out(self.store)))

    def _write_lines(self, output: Output, ledger: Ledger, sifted: SqlDataset) -> None:
        assert isinstance(self.format, SqlFormat)
        for (line,) in sifted.rows(LINES.format(line=self.format.line)):
            output.write(as_python_writes(line).encode() + b"\n", {}, "")
        for reason, count in sifted.rows(REASONS):
            ledger.count(reason, count)

    def _write_rows(self, output: Output, ledger: Ledger, origins: Origins) -> None:
        with closing(_made(self.format, self.store, sift(self.store, self.chain, self.scope, ledger))) as rows:
            for candidate, made in rows:
                if made.data is None:
                    ledger.drop(made.dropped or "no row", candidate.trajectory_id, made.step_id)
                    continue
                data = self.made_for.row(made.data) if self.made_for else made.data
                if self.scope.include_heldout:
                    data = {**data, "split": candidate.split}
                output.write(self._line(data), data, candidate.problem_id)
                held_back = split_of(candidate.problem_id, self.target.validation) == "validation"
                ledger.keep(candidate.trajectory_id, made.step_id, made.beside, validation=held_back)
                if self.target.kind == "folder":
                    origins.problems[candidate.problem_id] += 1
                    origins.units.add(unit_of(candidate))
                if isinstance(label := made.data.get("label"), bool):
                    ledger.labels[label] += 1

    def _line(self, row: Mapping[str, Any]) -> bytes:
        """Returns a row as a line of JSON. Raises PartError for NaN and infinity, which JSON lacks, unless the target
        is an Inspect log, where NaN marks a missing score."""
        try:
            return (LOG_ENCODER if self.target.kind == "eval" else ENCODER).encode(row).encode() + b"\n"
        except ValueError as error:
            raise PartError(
                f"format {self.name!r} made a row with NaN or an infinity, which JSON does not have: see its arguments"
                " (--set)"
            ) from error

    def _facts(self, found: DatasetResult) -> Facts:
        """Returns the facts about the export for a folder's dataset card."""
        arguments, filters = self.spec["arguments"], self.spec["filters"]
        command = ["redraft", "export", f"{self.target.name}/", "--format", self.name]
        for one in filters:
            own = [f"{key}={value}" for key, value in one.items() if key != "name"]
            command += ["--filter", shlex.join([str(one["name"]), *own])]
        settings = dict(arguments)
        hidden = self.made_for.arguments if self.made_for else {}
        for key, value in settings.items():
            if key not in hidden:
                command += ["--set", f"{key}={str(value).lower() if isinstance(value, bool) else value}"]
        given = {
            "--for": self.spec.get("trainer"), "--shards": self.target.shards if self.target.shards > 1 else None,
            "--validation": self.target.validation or None, "--run": self.scope.run,
        }  # fmt: skip
        command += [part for name, value in given.items() if value is not None for part in (name, str(value))]
        command += ["--include-heldout"] if self.scope.include_heldout else []
        return Facts(
            found.dataset_id, self.name, filters, arguments, found.dropped, found.held_out, command, found.notes
        )


def _made(row: Format, store: Store, found: Generator[Candidate]) -> Generator[tuple[Candidate, Row]]:
    """Yields each row that a format makes, in a pair with the candidate that it was made from. The store is kept open
    until the last row, because a format may read it after the last candidate."""
    with store.held(read_only=True, patience=PATIENCE, streaming=True), closing(found) as candidates:
        for candidate in candidates:
            for made in _rows(row(candidate)):
                yield made.candidate or candidate, made
        finish: Callable[[], Iterable[Row]] = getattr(row, "finish", tuple)
        for made in finish():
            assert made.candidate  # `validation` ensures it for a user's own format
            yield made.candidate, made


def _rows(made: Mapping[str, Any] | Iterable[Row]) -> Iterable[Row]:
    return [Row(cast(Mapping[str, Any], made))] if isinstance(made, Mapping) else made


def as_python_writes(line: str) -> str:
    """Returns a line of JSON that DuckDB wrote. Python writes control characters with other letters."""
    return ENCODER.encode(json.loads(line)) if "\\u00" in line else line


LINES = """
SELECT {line} FROM (
    SELECT s.place, q.question, t.text
    FROM sifted s JOIN raw.turns t ON t.commit_id = s.commit_id AND t.path_id = s.path_id AND t.turn = s.turn
    JOIN raw.newest_problems q ON q.problem_id = s.problem_id WHERE s.dropped IS NULL
) ORDER BY place"""
"""The rows of an SqlFormat, in the order of the candidates."""

ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
LOG_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
"""One encoder for all rows, because creating an encoder takes as long as encoding a row."""
HANDED = ("store",)
"""The parameters of a format that the export sets itself."""
