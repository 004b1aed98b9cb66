"""Writes the rows of an export to its target. A file or a folder appears only when it is complete."""

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from redraft.flows.dataset_files.columns import Columns
from redraft.flows.dataset_files.inspect_log import inspect_log
from redraft.flows.dataset_files.target import ExportError, Split, Target
from redraft.store.exports.export_file import cure, placed, replacing, working_file, working_folder
from redraft.store.exports.json_parquet import write_json_as_parquet


class Output(Protocol):
    """Receives the rows of an export. `texts` maps file names to the text of files that describe the rows, such as a
    trainer's configuration. They are written next to the rows when the rows are complete."""

    texts: dict[str, str | None]

    def write(self, line: bytes, row: Mapping[str, Any], problem_id: str) -> None:
        """Writes a row of a problem. `row` is the object, and `line` is the same row as JSON."""
        ...

    def complete(self) -> None:
        """Writes everything except `texts`. Raises ExportError and OSError."""
        ...


Record = Callable[[AbstractContextManager[None]], None]
"""A function that records a dataset in the store inside the given context. The context makes the file or folder of the
dataset appear, and removes it again if it is left by an exception."""


def unrecorded(place: AbstractContextManager[None]) -> None:
    """Makes the file or folder of a dataset appear, and records nothing."""
    with place:
        pass


@contextmanager
def opened_output(target: Target, record: Record = unrecorded) -> Iterator[Output]:
    """Yields the Output for a target. If the body raises nothing, the files of `texts` and then the target appear, and
    `record` is called. Raises ExportError if they cannot be written."""
    if target.kind == "stdout":
        yield Lines(_standard_output())
        record(nullcontext())
        return
    with _refused(target), FILES[target.kind](target, lambda new: record(_placed(new, target))) as output:
        yield output


@contextmanager
def _placed(new: Path, target: Target) -> Iterator[None]:
    with _refused(target), placed(new, target.path.resolve() if target.kind == "folder" else target.path):
        yield


@contextmanager
def _refused(target: Target) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ExportError(f"{target.path} can't be written: {error.strerror}: {cure(error)}") from error


class Lines:
    """An Output that writes each row as a line of JSON to a stream at once."""

    def __init__(self, stream: Any) -> None:
        self.texts: dict[str, str | None] = {}
        self._stream = stream

    def write(self, line: bytes, row: Mapping[str, Any], problem_id: str) -> None:
        self._stream.write(line)

    def complete(self) -> None:
        self._stream.flush()  # the disk may be full when the last bytes are written


class Spool:
    """An Output that buffers JSON lines in files of a folder until the types of all columns are known, and then writes
    Parquet."""

    def __init__(self, target: Target, folder: Path, files: ExitStack) -> None:
        self.texts: dict[str, str | None] = {}
        self.columns = Columns()
        self.rows = Counter[Split]()
        self.problems = Counter[Split]()
        self._problem_id = ""
        self._target, self._folder = target, folder
        self._lines: dict[Split, BinaryIO] = {}
        for split in ("train", "validation"):
            self._lines[split] = files.enter_context((folder / f"{split}.jsonl").open("w+b"))
        self._longest = 0

    def write(self, line: bytes, row: Mapping[str, Any], problem_id: str) -> None:
        split = split_of(problem_id, self._target.validation)
        self.columns.see(row)
        self.rows[split] += 1
        if problem_id != self._problem_id:  # rows are grouped by problem
            self._problem_id = problem_id
            self.problems[split] += 1
        self._longest = max(self._longest, len(line))
        self._lines[split].write(line)

    def complete(self) -> None:
        train, validation = self.rows["train"], self.rows["validation"]
        if self._target.validation and not (train and validation):
            missing = "validation" if train else "training"
            raise ExportError(
                f"no row is in the {missing} split, since no problem fell into it: change --validation"
                f" {self._target.validation:g}"
            )
        if self._target.shards > train:
            raise ExportError(f"--shards {self._target.shards} are more than the {train:,} rows: take fewer")
        for split in self.rows:
            self._write_split(split, [self._folder / "made" / file for file in self._target.files(split)])

    def _write_split(self, split: Split, files: list[Path]) -> None:
        """Writes the lines of a split to Parquet files. The numbers of rows of two files differ by at most one."""
        lines, left = self._lines[split], self.rows[split]
        lines.flush()
        lines.seek(0)
        for number, file in enumerate(files):
            file.parent.mkdir(parents=True, exist_ok=True)
            part = left // (len(files) - number)
            left -= part
            source = Path(lines.name)
            if len(files) > 1:
                source = self._folder / "part.jsonl"
                with source.open("wb") as some:
                    some.writelines(islice(lines, part))
            write_json_as_parquet(source, self.columns.duckdb(), file, self._longest)


def split_of(problem_id: str, validation: float) -> Split:
    """Returns the split of a problem. The split depends only on the problem's id. No problem is in both splits, and
    with a larger `validation` all problems of a smaller one remain in the validation split."""
    if not validation:
        return "train"
    place = int.from_bytes(hashlib.sha256(problem_id.encode()).digest()[:8], "big") / 2**64
    return "validation" if place < validation else "train"


Finish = Callable[[Path], None]
"""A function that receives the complete new file or folder of a target."""


@contextmanager
def _lines(target: Target, finish: Finish) -> Iterator[Output]:
    with working_file(target.path) as new:
        with new.open("wb") as stream:
            output = Lines(stream)
            yield output
        _write_texts(target.path.parent, output.texts)
        finish(new)


@contextmanager
def _compressed(target: Target, finish: Finish) -> Iterator[Output]:
    from zstandard import ZstdCompressor

    with working_file(target.path) as new:
        with ZstdCompressor(LEVEL, write_checksum=True).stream_writer(new.open("wb")) as stream:
            output = Lines(stream)
            yield output
        _write_texts(target.path.parent, output.texts)
        finish(new)


@contextmanager
def _parquet(target: Target, finish: Finish) -> Iterator[Output]:
    with working_folder(target.path) as folder, ExitStack() as files:
        output = Spool(target, folder, files)
        yield output
        _write_texts(target.path.parent, output.texts)
        finish(folder / "made" / target.path.name)


@contextmanager
def _log(target: Target, finish: Finish) -> Iterator[Output]:
    with working_file(target.path) as new:
        with inspect_log(new) as output:
            yield output
        finish(new)


@contextmanager
def _folder(target: Target, finish: Finish) -> Iterator[Output]:
    with working_folder(target.path.resolve()) as folder, ExitStack() as files:
        output = Spool(target, folder, files)
        yield output
        _write_texts(folder / "made", output.texts)
        finish(folder / "made")


def _write_texts(folder: Path, texts: Mapping[str, str | None]) -> None:
    """Writes texts to files of a folder. None as a text deletes the file. If a JSON file exists, its object is updated:
    other keys are kept, and keys that are null in the text are removed."""
    for name, text in texts.items():
        file, written = folder / name, text
        if text is None:
            file.unlink(missing_ok=True)
            continue
        if file.suffix == ".json" and file.exists():
            known = {**known_json(file), **json.loads(text)}
            written = json.dumps({key: value for key, value in known.items() if value is not None}, indent=2) + "\n"
        with replacing(file) as new:
            new.write_text(written or "", "utf-8")


def known_json(file: Path) -> dict[str, Any]:
    """Returns the object in a JSON file. Raises ExportError if the file has none."""
    try:
        known = json.loads(file.read_text("utf-8"))
    except ValueError:
        known = None
    if not isinstance(known, dict):
        raise ExportError(f"{file} is no JSON object to which an entry can be added: move it away")
    return known


def _standard_output() -> BinaryIO:
    """Returns standard output as a binary stream, because rows are UTF-8 whatever the terminal's encoding is."""
    output = getattr(sys.stdout, "buffer", None)
    if output is None:
        raise ExportError("standard output takes no bytes here: name a file")
    sys.stdout.flush()
    return output


FILES = {"jsonl": _lines, "jsonl.zst": _compressed, "parquet": _parquet, "folder": _folder, "eval": _log}
LEVEL = 3  # zstandard's default compression level
