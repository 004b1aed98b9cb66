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
ZSTD = 93  # Inspect's compression method; zipfile supports it since Python 3.14


def inspect_log(path: Path) -> Iterator[Place]:
    """Yields the samples of a log in the order of the log. If a sample was logged twice, the later record is used.
    Raises SourceError if the file is not a log; yields a SourceError in place of a row for a broken sample."""
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
    """Returns the decompressed bytes of an entry that has one or more Zstandard frames. Raises BadZipFile."""
    from zstandard import ZstdDecompressor, ZstdError

    file.seek(entry.header_offset)
    head = file.read(30)  # its last two numbers are the lengths of the two fields that follow: name and extra field
    file.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), 1)
    try:
        with ZstdDecompressor().stream_reader(file, read_across_frames=True, closefd=False) as stream:
            text = stream.read(min(entry.file_size, LARGEST + 1))
    except ZstdError as error:
        raise BadZipFile(str(error)) from error
    if len(text) <= LARGEST and zlib.crc32(text) != entry.CRC:
        raise BadZipFile("its check sum differs")
    return text
