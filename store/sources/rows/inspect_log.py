"""Reads the samples of an evaluation log of Inspect: a zip file with a JSON file for each sample."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile, ZipInfo

from redraft.store.errors import SourceError
from redraft.store.sources.fields import Place, Row
from redraft.store.sources.rows.json_rows import json_row

LARGEST = 2**28  # bytes of one sample
ZSTD = 93  # the method by which Inspect packs; zipfile knows it from Python 3.14 on


def inspect_log(path: Path) -> Iterator[Place]:
    """Yields the samples of a log one by one, in its order. Of a sample that was logged twice, the later record counts.
    Raises SourceError if the file is no log, and SourceError as the row for a broken sample."""
    try:
        with path.open("rb") as file, ZipFile(file) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            samples = [name for name in entries if name.startswith("samples/") and name.endswith(".json")]
            if not samples:
                raise SourceError(f"{path} has no samples: name a log (.eval) of an evaluation that has run")
            for name in samples:
                yield name.removeprefix("samples/").removesuffix(".json"), _sample(archive, file, entries[name])
    except BadZipFile as error:
        raise SourceError(f"{path} is no log of Inspect ({error}): check the name, or copy the file anew") from error


def _sample(archive: ZipFile, file: BinaryIO, entry: ZipInfo) -> Row | SourceError:
    try:
        text = _unzstd(file, entry) if entry.compress_type == ZSTD else _unpacked(archive, entry)
    except (BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        return SourceError(f"it can't be unpacked ({error}): copy the file anew")
    if len(text) > LARGEST:
        return SourceError(f"more than {LARGEST // 2**20} MB long, at most that is read")
    return json_row(text)


def _unpacked(archive: ZipFile, entry: ZipInfo) -> bytes:
    with archive.open(entry) as packed:
        return packed.read(LARGEST + 1)


def _unzstd(file: BinaryIO, entry: ZipInfo) -> bytes:
    """Returns what Zstandard packed, in one frame or several. Raises BadZipFile."""
    from zstandard import ZstdDecompressor, ZstdError

    file.seek(entry.header_offset)
    head = file.read(30)  # its last two numbers are the lengths of the name and of the extra field that follow
    file.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), 1)
    try:
        with ZstdDecompressor().stream_reader(file, read_across_frames=True, closefd=False) as stream:
            text = stream.read(min(entry.file_size, LARGEST + 1))
    except ZstdError as error:
        raise BadZipFile(str(error)) from error
    if len(text) <= LARGEST and zlib.crc32(text) != entry.CRC:
        raise BadZipFile("its check sum differs")
    return text
