"""The target of an export: standard output, a file of a known kind, or a folder. The name decides which."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from redraft.store.errors import RedraftError

Kind = Literal["stdout", "jsonl", "jsonl.zst", "parquet", "folder", "eval"]
Split = Literal["train", "validation"]


class ExportError(RedraftError):
    """Raised if the rows cannot be written."""


@dataclass(frozen=True, slots=True)
class Target:
    """The target of the rows. `shards` is the number of files of a folder's training split. `validation` is the share
    of problems in its validation split, in [0, 1)."""

    path: Path
    kind: Kind
    shards: int = 1
    validation: float = 0.0

    @classmethod
    def of(cls, file: str | Path, shards: int | None = None, validation: float | None = None) -> "Target":
        """Returns the target with this name. A Path, which cannot end in a slash, is a folder if its name has no
        extension. Raises ExportError if the name or the numbers fit no kind of target."""
        kind = _kind(file)
        if kind == "other":
            shown = str(file) or "an empty name"
            raise ExportError(f"{shown}: an export is {', '.join(FILES)}, or a folder, whose name ends in /")
        if kind != "folder" and (shards is not None or validation is not None):
            option = "--shards" if shards is not None else "--validation"
            raise ExportError(f"{option} is for a folder: write its name with / at the end, as in {Path(file).stem}/")
        if shards is not None and not 1 <= shards <= MOST_SHARDS:
            raise ExportError(f"--shards {shards} has to be from 1 to {MOST_SHARDS:,}")
        if validation is not None and not 0 <= validation < 1:
            raise ExportError(f"--validation {validation} has to be a share of the problems: at least 0 and below 1")
        return cls(Path(file), kind, shards or 1, validation or 0.0)

    def check_kind(self, format: str, only: str | None) -> None:
        """Raises ExportError if the target cannot hold the rows of a format. `only` is the only kind of file that holds
        them (`written_as`). If it is None, every kind except a log holds them."""
        if only == "eval" != self.kind:
            raise ExportError(f"{self.path}: --format {format} writes a log of Inspect: name it .eval")
        if self.kind == "eval" != only:
            raise ExportError(
                f"{self.path}: a .eval file is a log of Inspect: add --format inspect_ai, or name a .jsonl"
            )

    @property
    def name(self) -> str:
        """Returns the name of the dataset: `sft` for `sft.jsonl` and for `sft/`, `sft.v2` for `sft.v2.jsonl`."""
        name = self.path.resolve().name
        ending = next((one for one in ENDINGS if name.lower().endswith(one)), "") if self.kind != "folder" else ""
        return name[: len(name) - len(ending)] or name

    def files(self, split: Split) -> list[str]:
        """Returns the files of a split, as paths relative to the folder that has the dataset card."""
        if self.kind != "folder":
            return [self.path.name] if split == "train" else []
        shards = self.shards if split == "train" else int(self.validation > 0)
        return [f"data/{split}-{number:05}-of-{shards:05}.parquet" for number in range(shards)]


def _kind(file: str | Path) -> Kind | Literal["other"]:
    name, path = str(file), Path(file)
    if name == STDOUT:
        return "stdout"
    if not name:
        return "other"
    if name.endswith(("/", os.sep)) or path.is_dir() or (isinstance(file, Path) and not path.suffix):
        return "folder"
    found: Kind | None = next((kind for ending, kind in ENDINGS.items() if name.lower().endswith(ending)), None)
    return found or "other"


STDOUT = "-"
"""The file name that stands for standard output."""
MOST_SHARDS = 10_000
ENDINGS: Mapping[str, Kind] = {
    ".jsonl": "jsonl", ".json": "jsonl", ".ndjson": "jsonl", ".jsonl.zst": "jsonl.zst", ".json.zst": "jsonl.zst",
    ".parquet": "parquet", ".eval": "eval",
}  # fmt: skip
FILES = (".jsonl", ".jsonl.zst", ".parquet", ".eval")
"""The extensions that an error message lists."""
