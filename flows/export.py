"""Training rows in a file, from the trajectories that the filters keep. A plain async function, without Prefect."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from inspect import signature
from pathlib import Path
from typing import Any, BinaryIO, cast

from redraft.flows.filter import Chain, DatasetResult, FilterSpec, Ledger, Scope, sift
from redraft.flows.formats.format import Format, Row, default_filters
from redraft.flows.formats.validation import checked_format
from redraft.flows.generation.identity import identity
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
    db: str | Path | Store = "redraft.duckdb",
    format: str | Callable[..., Format] = "sft",
    filters: Sequence[FilterSpec] | None = None,
    arguments: Mapping[str, Any] | None = None,
    run: str | None = None,
    overwrite: bool = False,
    include_heldout: bool = False,
) -> DatasetResult:
    """Writes a JSON line for each trajectory that the filters keep, or for each of its drafts if the format does so,
    and notes in `datasets` and `dataset_rows` where each row came from and why the others were dropped.

    Without `filters` those of the format act. `arguments` are the format's (`{"style": "messages"}`) and the filters'
    (`{"cap.most": 2}`). Trajectories of held-out problems (`flows.held_out`) make rows only with `include_heldout`;
    each row then has the `split` of its problem, so that whoever reads the file can tell.

    The file appears when it is complete; `overwrite` lets it replace another. "-" is standard output. Raises
    ExportError, PartError, StoreError, and BrokenPipeError if nobody reads standard output any more.
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
    format: str | Callable[..., Format], filters: Sequence[FilterSpec] | None, arguments: Mapping[str, Any] | None
) -> tuple[Callable[..., Format], dict[str, Any], Chain]:
    """What makes the format, the format's arguments, and the filters: those of the format if none are named. Raises
    PartError for a part or an argument that there is not."""
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
        for candidate in sift(store, chain, scope, ledger):
            marks = {"split": candidate.split} if scope.include_heldout else {}
            for made in _rows(row(candidate)):
                if made.data is None:
                    ledger.drop(made.dropped or "no row", candidate.trajectory_id, made.step_id)
                else:
                    output.write(_line(name, {**made.data, **marks}))
                    ledger.keep(candidate.trajectory_id, made.step_id)
        output.flush()
        dataset = store.add_dataset(name, spec, ledger.rows, scope.run or "")
    return ledger.result(dataset, store, file)


def _line(name: str, row: Mapping[str, Any]) -> bytes:
    """A row as a line of JSON. Raises PartError for a number that JSON does not have."""
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
    """A new file beside `file`, which takes its place at the end if all went well."""
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
    """Standard output, as bytes: rows are UTF-8 whatever the terminal's encoding is."""
    output = getattr(sys.stdout, "buffer", None)
    if output is None:
        raise ExportError("standard output takes no bytes here: name a file")
    sys.stdout.flush()
    yield output


STDOUT = "-"
"""The name of standard output, where a file is named."""
HANDED = ("store",)
"""What a format that names it is handed."""
TABLES = (".parquet", ".csv")
