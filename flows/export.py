"""Writes the trajectories that the filters keep to a file of training rows. A plain async function without Prefect."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from inspect import signature
from pathlib import Path
from typing import Any, BinaryIO, cast

from redraft.flows.filter import Chain, DatasetResult, FilterSpec, Scope, result, sift
from redraft.flows.filters.ledger import Ledger
from redraft.flows.formats.format import Format, Row, default_filters
from redraft.flows.formats.validation import checked_format
from redraft.flows.generation.identity import identity
from redraft.flows.settings import DB
from redraft.store.errors import PartError, RedraftError
from redraft.store.plugins.arguments import whole
from redraft.store.plugins.discovery import load
from redraft.store.tables.stage_store import opened
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop


class ExportError(RedraftError):
    """The file cannot be written."""


async def export(
    file: str | Path,
    *,
    db: str | Path | Store = DB,
    format: str | Callable[..., Format] = "sft",
    filters: Sequence[FilterSpec] | None = None,
    arguments: Mapping[str, Any] | None = None,
    run: str | None = None,
    overwrite: bool = False,
    include_heldout: bool = False,
) -> DatasetResult:
    """Writes a JSON line for each trajectory that the filters keep. Some formats write a line for each draft instead.
    The tables `datasets` and `dataset_rows` record the trajectory of each row, and why other trajectories were dropped.

    If `filters` is None, the format's default filters apply. `arguments` are the arguments of the format
    (`{"style": "messages"}`) and of the filters (`{"cap.most": 2}`). Trajectories of held-out problems
    (`flows.filters.held_out`) make rows only with `include_heldout`. Each row then has the `split` of its problem, so
    that a reader of the file sees which rows are held out.

    The file appears when it is complete. `overwrite` allows it to replace an existing file. "-" is standard output.
    Raises ExportError, PartError, StoreError, and BrokenPipeError if the reader of standard output is gone.
    """
    factory, own, chain = parts(format, filters, arguments)
    async with opened(db, create=False) as store:
        if str(file) != STDOUT:
            store.check_target(file, overwrite=overwrite)
        if Path(file).suffix.lower() in TABLES:
            raise ExportError(
                f"{file}: an export is JSON lines: name it .jsonl (`redraft query` writes Parquet and CSV)"
            )
        scope = Scope(run, include_heldout)
        spec = {"filters": chain.spec, **scope.spec, "arguments": own, "file": str(file)}
        hands = {"store": store} if "store" in signature(factory).parameters else {}
        rows = checked_format(factory, {**hands, **own})
        return await off_loop(_export, store, chain, scope, str(file), str(identity(format)), rows, spec)


def parts(
    format: str | Callable[..., Format],
    filters: Sequence[FilterSpec] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> tuple[Callable[..., Format], dict[str, Any], Chain]:
    """Returns the format's factory, the format's arguments, and the chain of filters. If `filters` is None, the chain
    has the format's default filters. Raises PartError for an unknown format, filter or argument."""
    given = dict(arguments or {})
    factory = load(format, "format")
    own = whole(factory, {key: value for key, value in given.items() if "." not in key}, "format", handed=HANDED)
    named = default_filters(factory) if filters is None else filters
    return factory, own, Chain(named, {key: value for key, value in given.items() if "." in key})


def _export(
    store: Store, chain: Chain, scope: Scope, file: str, name: str, row: Format, spec: Mapping[str, Any]
) -> DatasetResult:
    ledger = Ledger()
    with _standard_output() if file == STDOUT else _replacing(Path(file)) as output:
        with closing(sift(store, chain, scope, ledger)) as sifted:
            for candidate in sifted:
                marks = {"split": candidate.split} if scope.include_heldout else {}
                for made in _rows(row(candidate)):
                    if made.data is None:
                        ledger.drop(made.dropped or "no row", candidate.trajectory_id, made.step_id)
                    else:
                        output.write(_line(name, {**made.data, **marks}))
                        ledger.keep(candidate.trajectory_id, made.step_id)
        output.flush()
        dataset = store.add_dataset(name, spec, ledger.rows(), scope.run or "")
    return result(ledger, dataset, store, file)


def _line(name: str, row: Mapping[str, Any]) -> bytes:
    """Returns a row as a line of JSON. Raises PartError for NaN and infinities, which JSON does not have."""
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except ValueError as error:
        raise PartError(
            f"format {name!r} made a row with NaN or an infinity, which JSON does not have: see its arguments (--set)"
        ) from error


def _rows(made: Mapping[str, Any] | Iterable[Row]) -> Iterable[Row]:
    return [Row(cast(Mapping[str, Any], made))] if isinstance(made, Mapping) else made


@contextmanager
def _replacing(file: Path) -> Iterator[BinaryIO]:
    """Opens a new file in the folder of `file`. At the end the new file replaces `file`, if nothing was raised."""
    new = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        with new.open("wb") as output:
            yield output
        new.replace(file)
    except OSError as error:
        raise ExportError(f"{file} can't be written: {error.strerror}: name another file") from error
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    """Opens standard output for bytes, since rows are UTF-8 in every encoding of the terminal."""
    output = getattr(sys.stdout, "buffer", None)
    if output is None:
        raise ExportError("standard output takes no bytes here: name a file")
    sys.stdout.flush()
    yield output


STDOUT = "-"
"""The file name that stands for standard output."""
HANDED = ("store",)
"""The parameters of a format that the export fills in."""
TABLES = (".parquet", ".csv")
