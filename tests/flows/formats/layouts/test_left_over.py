"""Configurations beside rows that are replaced: those of another trainer go, and nothing else does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.export import export
from redraft.flows.generate import generate
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store

TEXTS = ("It is \\boxed{2}", "It is \\boxed{3}")


@pytest.fixture
async def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "r.duckdb")
    model = Scripted(lambda request, index: TEXTS[index])
    await generate([Problem("1 + 1?", "2", "a")], db=store, model=model, strategy="best_of_n", samples=2)
    return store


@pytest.fixture
def beside(store: Store, tmp_path: Path) -> Callable[..., Any]:
    """Exports pairs for a trainer. Returns the names of the files beside them, and the last note."""

    async def write(trainer: str | None, file: str = "rows.jsonl") -> tuple[list[str], str | None]:
        made = await export(tmp_path / file, db=store, format="dpo", trainer=trainer, overwrite=True)
        files = sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(("r.duckdb", ".")))
        return files, next((note for note in made.notes if note.startswith("removed")), None)

    return write


async def test_the_configuration_of_another_trainer_goes(beside: Callable[..., Any], tmp_path: Path) -> None:
    assert await beside("trl") == (["rows.jsonl", "rows.trl.yaml"], None)
    old = "removed what described the rows before"
    assert await beside("openrlhf") == (["rows.jsonl", "rows.openrlhf.sh"], f"{old}: rows.trl.yaml")
    files = ["dataset_info.json", "rows.jsonl", "rows.llama-factory.yaml"]
    assert await beside("llama-factory") == (files, f"{old}: rows.openrlhf.sh")
    assert await beside("llama-factory") == (files, None)
    assert await beside(None) == (["rows.jsonl"], f"{old}: dataset_info.json, rows.llama-factory.yaml")


async def test_what_describes_other_rows_stays(beside: Callable[..., Any], tmp_path: Path) -> None:
    await beside("trl", "rows.parquet")
    await beside("llama-factory", "other.jsonl")
    await beside("llama-factory")
    (tmp_path / "rows.verl.yaml").write_text("of another file")
    files, note = await beside("axolotl")
    assert note == "removed what described the rows before: dataset_info.json, rows.llama-factory.yaml"
    assert files == [
        "dataset_info.json", "other.jsonl", "other.llama-factory.yaml", "rows.axolotl.yaml", "rows.jsonl",
        "rows.parquet", "rows.trl.yaml", "rows.verl.yaml",
    ]  # fmt: skip
    assert list(json.loads((tmp_path / "dataset_info.json").read_text())) == ["other"]


async def test_two_versions_of_rows_have_a_configuration_each(beside: Callable[..., Any], tmp_path: Path) -> None:
    await beside("trl", "rows.v1.jsonl")
    files, note = await beside("openrlhf", "rows.v2.jsonl")
    assert (files, note) == (
        ["rows.v1.jsonl", "rows.v1.trl.yaml", "rows.v2.jsonl", "rows.v2.openrlhf.sh"],
        None,
    )
    assert '"data_files": "rows.v1.jsonl"' in (tmp_path / "rows.v1.trl.yaml").read_text()
