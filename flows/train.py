"""Tuning the embedded model on exported rows. A plain async function, without Prefect."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from redraft.llm.embedded.lessons import Lesson, LessonError, Settings, Tuned, lesson
from redraft.llm.embedded.model import HERE, named
from redraft.llm.model import ModelError
from redraft.llm.said import hidden
from redraft.store.errors import SourceError
from redraft.store.files import rows
from redraft.store.records import digest


async def train(
    files: Sequence[str | Path],
    out: str | Path,
    *,
    model: str = "embedded",
    settings: Settings = Settings(),  # noqa: B008 - frozen
    overwrite: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Tuned:
    """Writes the weights to the folder `out`, from where `embedded:FOLDER` loads them, and `tuned.json` beside them:
    what they were made of.

    `model` is where training begins: `embedded`, or `embedded:FOLDER` for another round. Rows are those of the formats
    rise, sft and messages; a `weight` counts. `say` is told of the progress. Raises LessonError, SourceError, and
    ModelError without PyTorch, for another model and for a folder that holds weights already.
    """
    source, folder = named(model), Path(out).expanduser()
    if source is None:
        raise ModelError(
            f"{hidden(model)} cannot be trained by redraft, which tunes its embedded model alone.",
            cure="Export rows and train them with TRL, as docs/train.md shows.",
        )
    if folder.resolve() == HERE.resolve() or ((folder / "weights.npz").exists() and not overwrite):
        raise ModelError(f"{folder} holds weights already.", cure="Name another folder, or replace it by --overwrite.")
    try:
        from redraft.llm.embedded.tune import tune
    except ImportError as error:
        raise ModelError(
            f"Training needs PyTorch, which cannot be imported ({error}).", cure="Install redraft[train]."
        ) from error
    lessons = [one for file in files for one in _read(Path(file))]
    try:
        tuned = await asyncio.to_thread(tune, lessons, folder, source=source, settings=settings, say=say)
        made = {**asdict(tuned), "settings": asdict(settings), "model": model, "files": list(map(_known, files))}
        (folder / "tuned.json").write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ModelError(f"{error.filename or folder}: {error.strerror}.", cure="Name another folder.") from error
    return tuned


def _read(file: Path) -> list[Lesson]:
    found = []
    for place, row in rows(file):
        if isinstance(row, SourceError):
            raise LessonError(f"{file}, {place}: {row}")
        found.append(lesson(row, f"{file}, {place}"))
    return found


def _known(file: str | Path) -> dict[str, str]:
    return {"file": str(file), "digest": digest(Path(file).read_text(encoding="utf-8"))}
