"""Tunes the embedded model on exported rows. A plain async function without Prefect."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from redraft.flows.filters.sifting.held_out import ProblemNotes, held_out
from redraft.flows.settings import DB
from redraft.llm.model import ModelError
from redraft.llm.providers.embedded.model import HERE, weights_folder
from redraft.llm.providers.embedded.training.examples import (
    Example,
    ExampleError,
    FinetuneResult,
    parse_example,
)
from redraft.llm.providers.embedded.training.settings import FinetuneSettings
from redraft.llm.providers.shared.redaction import redact_addresses
from redraft.store.digest import digest
from redraft.store.errors import SourceError, plural
from redraft.store.exports.export_file import FULL
from redraft.store.sources.files import rows
from redraft.store.sources.split import is_held_out
from redraft.store.tables.store import Store
from redraft.store.waiting import off_loop


async def train(
    files: Sequence[str | Path],
    out: str | Path,
    *,
    model: str = "embedded",
    trunk: Path | None = None,
    settings: FinetuneSettings = FinetuneSettings(),  # noqa: B008 - frozen
    overwrite: bool = False,
    db: str | Path | Store | None = None,
    include_heldout: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> FinetuneResult:
    """Tunes the embedded model on exported rows, writes its weights to the folder `out`, and returns the result.
    `embedded:FOLDER` loads the weights from there. The file `tuned.json` in the folder records the rows and settings.

    Training begins with the weights of `model`: `embedded`, or `embedded:FOLDER` for a model that was tuned before.
    With `trunk`, the folder of a reward model, the layers are those of the reward model. The rows have the format rise,
    sft, messages or step_weights; if a row or a step has a weight, the weight scales its loss. `say` receives lines
    about the progress.

    Rows of held-out problems are left out and counted, unless `include_heldout` is true. A row is held out if its
    `split` is a held-out split, or if its question is a held-out problem in the store `db`. By default that store is
    redraft.duckdb, if it exists.

    Raises ExampleError, SourceError and StoreError. Raises ModelError if PyTorch is not installed, if the model is not
    the embedded model, or if the folder already has weights.
    """
    source, folder = weights_folder(model), Path(out).expanduser()
    if source is None:
        raise ModelError(
            f"{redact_addresses(model)} cannot be trained by redraft, which tunes its embedded model alone.",
            cure="Export rows and train them with TRL, as docs/train.md shows.",
        )
    if folder.resolve() == HERE.resolve() or ((folder / "weights.npz").exists() and not overwrite):
        raise ModelError(f"{folder} holds weights already.", cure="Name another folder, or replace it by --overwrite.")
    known = None if include_heldout else await off_loop(_held_out, db)
    found = [one for file in files for one in _read(Path(file), known)]
    lessons = [one for one in found if one is not None]
    left = len(found) - len(lessons)
    if left:
        say(f"left out: {plural(left, 'row')} of held-out problems; --include-heldout learns from them all the same")
    if left and not lessons:
        raise ExampleError(
            "every row is of a held-out problem: export rows of the training split, or --include-heldout"
        )
    try:
        from redraft.llm.providers.embedded.training.finetune import finetune
    except ImportError as error:
        raise ModelError(
            f"Training needs PyTorch, which cannot be imported ({error}).", cure="Install redraft[train]."
        ) from error
    try:
        tuned = await asyncio.to_thread(
            finetune, lessons, folder, source=source, trunk=trunk, settings=settings, say=say
        )
        tuned = replace(tuned, held_out=left)
        made = {**asdict(tuned), "settings": asdict(settings), "model": model, "files": list(map(_known, files))}
        (folder / "tuned.json").write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        cure = "Free some space, and give the same command again." if error.errno in FULL else "Name another folder."
        raise ModelError(f"{error.filename or folder}: {error.strerror}.", cure=cure) from error
    return tuned


def _held_out(db: str | Path | Store | None) -> ProblemNotes:
    """Returns the held-out problems of a store. The result is empty if no store is given and redraft.duckdb does not
    exist."""
    if db is None and not Path(DB).exists():
        return ProblemNotes()
    return held_out(db if isinstance(db, Store) else Store(db or DB, create=False))


def _read(file: Path, known: ProblemNotes | None) -> list[Example | None]:
    """Returns the rows of a file as training examples. If `known` is given, a held-out row is None in the list."""
    found: list[Example | None] = []
    for place, row in rows(file):
        if isinstance(row, SourceError):
            raise ExampleError(f"{file}, {place}: {row}")
        one = parse_example(row, f"{file}, {place}")
        asked, split = one.texts[0].partition("\n")[2].partition("\n---\n")[0], row.get("split")
        marked = isinstance(split, str) and is_held_out(split)
        found.append(None if known and (marked or known.note(asked)) else one)
    return found


def _known(file: str | Path) -> dict[str, str]:
    return {"file": str(file), "digest": digest(Path(file).read_text(encoding="utf-8"))}
