"""Rows with their places, out of each kind of file."""

import gzip
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from zstandard import ZstdCompressor

from redraft.store.errors import SourceError
from redraft.store.sources.files import rows
from redraft.store.sources.rows.json_rows import LONGEST

Write = Callable[[str, bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return to


def read(path: Path) -> list[tuple[str, Any]]:
    """The places with their rows; of a bad row its error's text."""
    return [(place, str(row) if isinstance(row, SourceError) else row) for place, row in rows(path)]


def line(size: int) -> bytes:
    """A JSON line of so many bytes, without its end."""
    return b'{"q": "' + b"x" * (size - 9) + b'"}'


def test_an_array_with_escapes_takes_the_time_of_its_lines(write: Write) -> None:
    """Each row of an array is searched for half a character, and not the whole file for each row."""
    row, count = '{"q": "\\ud83d\\ude00 %s"}' % ("x" * 200), 10_000
    spent = []
    for file in (
        write("a.jsonl", f"{row}\n".encode() * count),
        write("a.json", f"[{','.join([row] * count)}]".encode()),
    ):
        start = time.process_time()
        assert len(read(file)) == count
        spent.append(time.process_time() - start)
    assert spent[1] < 5 * spent[0]


def test_blank_lines_have_a_number_and_are_no_rows(write: Write) -> None:
    content = b'\n{"q": 1}\r\n  \n[2]\n{"q": 3'
    assert read(write("a.JSONL", content)) == [
        ("line 2", {"q": 1}),
        ("line 4", 'not a JSON object: it has to be {"column": value, ...}'),
        ("line 5", "broken JSON (Expecting ',' delimiter, column 8)"),
    ]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("beyond", [-3, -2, -1, 0, 1, 2, LONGEST, 2 * LONGEST, 2 * LONGEST + 1])
def test_a_line_of_any_length_leaves_the_next_one_whole(write: Write, end: bytes, beyond: int) -> None:
    found = read(write("a.jsonl", line(LONGEST + beyond) + end + b'{"q": "next"}\n{"q": "last"}'))
    assert found[1:] == [("line 2", {"q": "next"}), ("line 3", {"q": "last"})]
    if beyond + len(end) > 0:
        assert found[0] == ("line 1", f"{(LONGEST + beyond + len(end)) / 2**20:.1f} MB long, at most 1 MB are read")
    else:
        assert len(found[0][1]["q"]) == LONGEST + beyond - 9


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"[]", []),
        (b' \n [{"q": 1}, 2, {}]', [("item 1", {"q": 1}), ("item 2", 'not a JSON object: it has to be'
                                    ' {"column": value, ...}'), ("item 3", {})]),
        (b'\xef\xbb\xbf{"q": 1}\n', [("line 1", {"q": 1})]),
        (b'\xef\xbb\xbf[{"q": "\xc3\xa9"}]', [("item 1", {"q": "é"})]),
    ],
)  # fmt: skip
def test_a_json_file_is_an_array_or_lines(write: Write, content: bytes, found: list) -> None:
    assert read(write("a.json", content)) == found


@pytest.mark.parametrize(
    "content",
    [b"[" + b"9" * 5000 + b"]", b"[" * 100_000, b"[{]", b'["\xff"]'],
    ids=["number", "depth", "syntax", "encoding"],
)
def test_an_array_that_cannot_be_read_is_one_line(write: Write, content: bytes) -> None:
    with pytest.raises(SourceError, match=r"a\.json[:,].*") as caught:
        read(write("a.json", content))
    assert "\n" not in str(caught.value)
    [(place, said)] = read(write("a.jsonl", b'{"q": ' + content + b"}"))
    assert (place, "\n" in said) == ("line 1", False)


def test_a_row_of_csv_may_stand_in_several_lines(write: Write) -> None:
    content = b'\n\nq,a\n"one\ntwo",1\n\nx\n"y,z",""\n'
    assert read(write("a.csv", content)) == [
        ("line 4", {"q": "one\ntwo", "a": "1"}),
        ("line 7", "1 cell where the header has 2: quote cells that hold a comma"),
        ("line 8", {"q": "y,z", "a": ""}),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'question;answer\n"one; two, ""three""";4\n'),
        ("a.csv", '\ufeff"question";"answer"\r\n"one; two, ""three""";4\r\n'),
        ("a.tsv", 'question\tanswer\none; two, "three"\t4\n'),
        ("a.csv", 'question\tanswer\none; two, "three"\t4\n'),
        ("a.csv", '\n\nquestion,answer\n"one; two, ""three""",4\n'),
        ("a.jsonl", '{"question": "one; two, \\"three\\"", "answer": "4"}\n'),
        ("a.json", '[{"question": "one; two, \\"three\\"", "answer": "4"}]'),
        ("a.json", '{\n"question": "one; two, \\"three\\"", "answer": "4"}'),
    ],
)
def test_cells_by_any_separator_and_packed_or_not(write: Write, name: str, content: str) -> None:
    raw = content.encode()
    frames = b"".join(ZstdCompressor().compress(part) for part in (raw[:9], raw[9:]))
    for file in (write(name, raw), write(f"{name}.gz", gzip.compress(raw)), write(f"{name}.zst", frames)):
        assert [row for _, row in read(file)] == [{"question": 'one; two, "three"', "answer": "4"}]


@pytest.mark.parametrize(
    ("ending", "pack"), [("gz", gzip.compress), ("zst", ZstdCompressor(write_checksum=True).compress)]
)
def test_a_packed_file_that_is_broken_is_one_line(write: Write, ending: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(random.Random(0).randbytes(9999) + b"\n" * 9)
    for content in (b'{"q": 1}', packed[:-20], packed[:50] + b"xxxx" + packed[54:]):
        with pytest.raises(
            SourceError, match=rf"a\.jsonl\.{ending} can't be unpacked \(.*\): check the name, or pack"
        ) as caught:
            read(write(f"a.jsonl.{ending}", content))
        assert "\n" not in str(caught.value)


def test_a_separator_of_semicolons_is_named_in_the_cure(write: Write) -> None:
    assert read(write("a.csv", b"q;a\nx;1;2\n")) == [
        ("line 2", "3 cells where the header has 2: quote cells that hold a semicolon")
    ]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"question,answer,question\na,1,b\n", "line 1: 2 columns are named 'question'"),
        (b"\nx;x;x\n1;2;3\n", "line 2: 3 columns are named 'x'"),
    ],
)
def test_two_columns_of_one_name_are_refused(write: Write, content: bytes, place: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(write("a.csv", content))
    assert str(caught.value).endswith(f"a.csv, {place}: give each a name of its own")
    assert read(write("b.csv", b"question,,\na,,\n")) == [("line 2", {"question": "a", "": ""})]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(some.lists(some.fixed_dictionaries({"q": some.text(max_size=5), "a": some.integers() | some.none()})))
def test_json_lines_and_arrays_come_back(write: Write, table: list[dict[str, Any]]) -> None:
    table = table or [{"q": "", "a": None}]
    lined = write("a.jsonl", "".join(json.dumps(row) + "\n" for row in table).encode())
    array = write("a.json", json.dumps(table, ensure_ascii=False).encode())
    assert read(lined) == [(f"line {number}", row) for number, row in enumerate(table, 1)]
    assert read(array) == [(f"item {number}", row) for number, row in enumerate(table, 1)]


def test_parquet_keeps_types_and_counts_beyond_a_part(tmp_path: Path) -> None:
    file = tmp_path / "it's a file.parquet"
    columns = "i AS n, i::VARCHAR AS t, [i, NULL] AS l, {'a': i} AS s, i / 2 AS half, NULL AS none"
    name = str(file).replace("'", "''")
    duckdb.execute(f"COPY (SELECT {columns} FROM range(2500) r(i)) TO '{name}'")
    found = read(file)
    assert [place for place, _ in found] == [f"row {number}" for number in range(1, 2501)]
    for number in random.Random(0).sample(range(2500), 20):
        n = number
        assert found[n][1] == {"n": n, "t": f"{n}", "l": [n, None], "s": {"a": n}, "half": n / 2, "none": None}
