"""Training rows in a file, from the trajectories that the filters keep. A plain async function, without Prefect."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from redraft.flows.filter import FILTERS, Chain, Filtered, sift
from redraft.flows.filter import Spec as FilterSpec
from redraft.flows.formats.format import Format
from redraft.flows.recipe import identity
from redraft.store.arguments import whole
from redraft.store.errors import RedraftError
from redraft.store.load import load
from redraft.store.store import DatasetRow, Store


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
    """Writes one JSON line for each trajectory that the filters keep, and notes in `datasets` and `dataset_rows` where
    each row came from and why the others were dropped.

    `arguments` are the format's (`{"style": "messages"}`) and the filters' (`{"cap.most": 2}`). The file appears when
    it is complete; `overwrite` lets it replace another. Raises ExportError, PartError, StoreError.
    """
    given = dict(arguments or {})
    factory = load(format, "redraft.flows.formats", "format")
    own = whole(factory, {key: value for key, value in given.items() if "." not in key}, "format")
    chain = Chain(filters, {key: value for key, value in given.items() if "." in key})
    store = db if isinstance(db, Store) else Store(db, create=False)
    store.check_target(file, overwrite=overwrite)
    spec = {"filters": chain.spec, "run": run, "arguments": own, "file": str(file)}
    return await asyncio.to_thread(_export, store, chain, run, Path(file), str(identity(format)), factory(**own), spec)


def _export(
    store: Store, chain: Chain, run: str | None, file: Path, name: str, row: Format, spec: Mapping[str, Any]
) -> Filtered:
    rows: list[DatasetRow] = []
    reasons: Counter[str] = Counter()
    with _replacing(file) as output:
        for candidate in sift(store, chain, run, rows, reasons):
            output.write(json.dumps(row(candidate), ensure_ascii=False) + "\n")
        output.flush()
        dataset = store.add_dataset(name, spec, rows, run or "")
    kept = sum(one.row is not None for one in rows)
    return Filtered(dataset, store.path, kept, dict(reasons.most_common()), str(file))


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
