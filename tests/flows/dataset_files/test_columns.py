"""The types of columns, as DuckDB and a data set card name them."""

from pathlib import Path
from typing import Any

import pytest

from redraft.flows.dataset_files.columns import Columns
from redraft.flows.dataset_files.target import ExportError, Target


@pytest.mark.parametrize(
    ("values", "duckdb", "feature"),
    [
        ([1, 2], "BIGINT", {"dtype": "int64"}),
        ([1, 0.5], "DOUBLE", {"dtype": "float64"}),
        ([0.5, 1], "DOUBLE", {"dtype": "float64"}),
        ([True, None], "BOOLEAN", {"dtype": "bool"}),
        ([True, 1], "VARCHAR", {"dtype": "string"}),
        (["7", 7], "VARCHAR", {"dtype": "string"}),
        ([2**64], "VARCHAR", {"dtype": "string"}),
        ([None, None], "VARCHAR", {"dtype": "string"}),
        ([{}], "VARCHAR", {"dtype": "string"}),
        ([[], [1]], "BIGINT[]", {"list": "int64"}),
        ([[1], "x"], "VARCHAR", {"dtype": "string"}),
        ([1, {"a": 1}], "VARCHAR", {"dtype": "string"}),
        ([[[True]]], "BOOLEAN[][]", {"list": {"list": "bool"}}),
        ([{"a": 1}, {"b": "x"}], 'STRUCT("a" BIGINT, "b" VARCHAR)', {
            "struct": [{"name": "a", "dtype": "int64"}, {"name": "b", "dtype": "string"}],
        }),
        ([[{"role": "user"}]], 'STRUCT("role" VARCHAR)[]', {"list": [{"name": "role", "dtype": "string"}]}),
    ],
)  # fmt: skip
def test_a_type_holds_all_values(values: list[Any], duckdb: str, feature: Any) -> None:
    columns = Columns()
    for value in values:
        columns.see({"x": value})
    assert columns.duckdb() == {"x": duckdb}
    assert columns.features() == [{"name": "x", **feature}]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("-", "stdout"), ("a.jsonl", "jsonl"), ("a.json", "jsonl"), ("a.JSONL", "jsonl"), ("a.JSONL.ZST", "jsonl.zst"),
        ("a.b.parquet", "parquet"), ("a/", "folder"), ("a.jsonl/", "folder"),
    ],
)  # fmt: skip
def test_the_name_decides_what_is_written(name: str, kind: str) -> None:
    assert Target.of(name).kind == kind


@pytest.mark.parametrize("name", ["a.csv", "a.parquet.zst", "a.jsonl.gz", "a.arrow", "a.zst", "a.txt", "a", ""])
def test_other_kinds_are_refused(name: str) -> None:
    with pytest.raises(ExportError, match="an export is"):
        Target.of(name)


def test_a_path_without_an_ending_is_a_folder_since_it_cannot_end_in_a_slash() -> None:
    assert Target.of(Path("a/"), shards=2) == Target(Path("a"), "folder", 2)
    assert Target.of(Path("a.jsonl")).kind == "jsonl"


def test_a_folder_that_exists_needs_no_slash(tmp_path: Path) -> None:
    target = Target.of(tmp_path, shards=2, validation=0.1)
    assert target.kind == "folder"
    assert target.name == tmp_path.name
    assert target.files("validation") == ["data/validation-00000-of-00001.parquet"]
    assert [Target.of(f"x/{file}").name for file in ("a.jsonl", "a.b.parquet", "a.JSONL.zst", ".jsonl")] == [
        "a", "a.b", "a", ".jsonl",
    ]  # fmt: skip
