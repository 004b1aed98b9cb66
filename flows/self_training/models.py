"""The models of a loop, with hashes of their files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from redraft.llm.model import Model, ModelError
from redraft.llm.providers.embedded.model import weights_folder
from redraft.store.digest import digest
from redraft.store.tables.rounds import TrainedModel

FILES = ("weights.npz", "tokenizer.json")
"""The files of the embedded model. Its folder may contain other files."""


@dataclass(frozen=True, slots=True)
class LoopModel:
    """A model that writes drafts: in the form that `generate` takes, its name, its `model_id`, and the folder of its
    weights if it is known."""

    model: str | Model
    name: str
    model_id: str
    weights: Path | None = None
    files: Mapping[str, str] = field(default_factory=dict)


def first_model(model: str | Model) -> LoopModel:
    """Returns the model with which a loop begins. Raises ModelError if the weights of an embedded model are missing."""
    name = model if isinstance(model, str) else model.name
    folder = weights_folder(name) if isinstance(model, str) else None
    if folder is None:
        return LoopModel(model, name, digest("model", name)[:16])
    if missing := [file for file in FILES if not (folder / file).is_file()]:
        raise ModelError(
            f"{folder} has no {missing[0]}.", cure="Name a folder that `redraft train` wrote, as in embedded:FOLDER."
        )
    files = {file: file_digest(folder / file) for file in FILES}
    return LoopModel(model, name, model_id(files), folder, files)


def trained_model(made: TrainedModel, folder: Path) -> LoopModel:
    """Returns the policy that a round trained."""
    return LoopModel(made.name, made.name, made.model_id, folder, made.files)


def model_files(folder: Path) -> dict[str, str]:
    """Returns a dict of the SHA-256 of every file in a folder, by its relative path."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file_digest(file) for file in files}


def is_whole(made: TrainedModel, folder: Path) -> bool:
    """Returns True if the files of a model have not changed since it was trained."""
    return bool(made.files) and all(
        (folder / name).is_file() and file_digest(folder / name) == known for name, known in made.files.items()
    )


def model_id(files: Mapping[str, str]) -> str:
    """Returns the id of a model with these files."""
    return digest("files", dict(sorted(files.items())))[:16]


def file_digest(file: Path) -> str:
    """Returns the SHA-256 of a file."""
    with file.open("rb") as content:
        found = sha256()
        while part := content.read(1 << 20):
            found.update(part)
    return found.hexdigest()
