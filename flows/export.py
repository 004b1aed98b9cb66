"""Training rows in a file, from the trajectories that the filters keep. A plain async function, without Prefect."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from inspect import signature
from pathlib import Path
from typing import Any, TextIO, cast

from redraft.flows.checked import checked_format
from redraft.flows.filter import FILTERS, Chain, Filtered, Ledger, sift
from redraft.flows.filter import Spec as FilterSpec
from redraft.flows.formats.format import Format, Row
from redraft.flows.recipe import identity
from redraft.store.arguments import whole
from redraft.store.errors import RedraftError
from redraft.store.load import load
from redraft.store.opening import opened
from redraft.store.store import Store
from redraft.store.waiting import off_loop


class ExportError(RedraftError):
    """The file cannot be written."""


async def export(
    file: str | Path,
    *,
    db: str | Path | Store = "redraft.duckdb",
    format: str | Callable[..., Format] = "sft",
    filters: Sequence[FilterSpec] = FILTERS,
    arguments: Mapping[str, Any] | None = None,
    run: str | None = None,
    overwrite: bool = False,
) -> Filtered:
    """Writes a JSON line for each trajectory that the filters keep, or for each of its drafts where the format does so,
    and notes in `datasets` and `dataset_rows` where each row came from and why the others were dropped.

    `arguments` are the format's (`{"style": "messages"}`) and the filters' (`{"cap.most": 2}`). The file appears when
    it is complete; `overwrite` lets it replace another. Raises ExportError, PartError, StoreError.
    """
    given = dict(arguments or {})
    factory = load(format, "redraft.flows.formats", "format")
    own = whole(factory, {key: value for key, value in given.items() if "." not in key}, "format", handed=HANDED)
    chain = Chain(filters, {key: value for key, value in given.items() if "." in key})
    async with opened(db, create=False) as store:
        store.check_target(file, overwrite=overwrite)
        if Path(file).suffix.lower() in TABLES:
            raise ExportError(
                f"{file}: an export is JSON lines: name it .jsonl (`redraft query` writes Parquet and CSV)"
            )
        spec = {"filters": chain.spec, "run": run, "arguments": own, "file": str(file)}
        hands = {"store": store} if "store" in signature(factory).parameters else {}
        rows = checked_format(factory, {**hands, **own})
        return await off_loop(_export, store, chain, run, Path(file), str(identity(format)), rows, spec)


def _export(
    store: Store, chain: Chain, run: str | None, file: Path, name: str, row: Format, spec: Mapping[str, Any]
) -> Filtered:
    ledger = Ledger()
    with _replacing(file) as output:
        for candidate in sift(store, chain, run, ledger):
            for made in _rows(row(candidate)):
                if made.data is None:
                    ledger.drop(made.dropped or "no row", candidate.trajectory_id, made.step_id)
                else:
                    output.write(json.dumps(made.data, ensure_ascii=False) + "\n")
                    ledger.keep(candidate.trajectory_id, made.step_id)
        output.flush()
        dataset = store.add_dataset(name, spec, ledger.rows, run or "")
    return Filtered(dataset, store.path, ledger.kept, dict(ledger.reasons.most_common()), str(file))


def _rows(made: Mapping[str, Any] | Iterable[Row]) -> Iterable[Row]:
    return [Row(cast(Mapping[str, Any], made))] if isinstance(made, Mapping) else made


@contextmanager
def _replacing(file: Path) -> Iterator[TextIO]:
    """A new file beside `file`, which takes its place at the end if all went well."""
    new = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        with new.open("w", encoding="utf-8") as output:
            yield output
        new.replace(file)
    except OSError as error:
        raise ExportError(f"{file} can't be written: {error.strerror}: name another file") from error
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


HANDED = ("store",)
"""What a format that names it is handed."""

TABLES = (".parquet", ".csv")
