"""Logs of Inspect as files: packed by Zstandard or by zip itself, with a record twice, and broken."""

from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest

from redraft.store.errors import SourceError
from redraft.store.sources.files import rows

REAL = Path(__file__).parents[3] / "flows" / "readers" / "small.eval"


def test_samples_of_a_real_log_are_read_in_its_order() -> None:
    found = list(rows(REAL))
    assert [(place, row["id"], row["epoch"]) for place, row in found if not isinstance(row, SourceError)] == [
        (f"{name}_epoch_{epoch}", name if name != "4" else 4, epoch)
        for epoch in (1, 2)
        for name in ("hens", "sum", "colour", "4")
    ]


@pytest.mark.parametrize("method", [ZIP_DEFLATED, ZIP_STORED])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_later_of_two_records_counts(tmp_path: Path, method: int) -> None:
    with ZipFile(tmp_path / "a.eval", "w", method) as archive:
        for text in ('{"id": 1}', '{"id": 2}'):
            archive.writestr("samples/x_epoch_1.json", text)
        archive.writestr("samples/y_epoch_1.json", '{"value": NaN')
        archive.writestr("header.json", "{}")
    (place, row), (_, broken) = rows(tmp_path / "a.eval")
    assert (place, row) == ("x_epoch_1", {"id": 2})
    assert isinstance(broken, SourceError)
    assert str(broken).startswith("broken JSON")


@pytest.mark.parametrize("at", [0.1, 0.3, 0.6])
def test_a_damaged_sample_is_told_and_the_others_are_read(tmp_path: Path, at: float) -> None:
    with ZipFile(REAL) as archive:
        entry = archive.getinfo("samples/sum_epoch_2.json")
    data = bytearray(REAL.read_bytes())
    place = entry.header_offset + 60 + int(entry.compress_size * at)
    data[place : place + 20] = b"x" * 20
    (tmp_path / "b.eval").write_bytes(data)
    found = dict(rows(tmp_path / "b.eval"))
    bad = [name for name, row in found.items() if isinstance(row, SourceError)]
    assert (len(found), bad) == (8, ["sum_epoch_2"])
    assert "copy the file anew" in str(found["sum_epoch_2"])


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"PK no zip", "b.eval is no log of Inspect"), (REAL.read_bytes()[:-30], "b.eval is no log of Inspect")],
)
def test_a_file_that_is_no_log_is_one_line(tmp_path: Path, content: bytes, line: str) -> None:
    (tmp_path / "b.eval").write_bytes(content)
    with pytest.raises(SourceError, match=line):
        list(rows(tmp_path / "b.eval"))


def test_a_log_without_samples_is_told(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "c.eval", "w") as archive:
        archive.writestr("header.json", "{}")
    with pytest.raises(SourceError, match="has no samples"):
        list(rows(tmp_path / "c.eval"))
