"""The files and folders that an export writes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
import zstandard

from redraft.flows.dataset_files.columns import Columns
from redraft.flows.dataset_files.target import ExportError, Target
from redraft.flows.dataset_files.writer import split_of
from redraft.flows.export import EmptyExport, export
from redraft.flows.generate import generate
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.errors import StoreError
from redraft.store.exports.json_parquet import write_json_as_parquet

Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]


@pytest.fixture
async def store(tmp_path: Path, sums: Sums, adder: Adder) -> Store:
    """Eight sums, each with a wrong draft and a right one."""
    store = Store(tmp_path / "redraft.duckdb")
    model = adder(lambda number, sample, turn: turn == 2)
    await generate(sums(8), db=store, model=model, samples=1, arguments={"feedback": "none", "turns": 2})
    return store


def loaded(kind: str, tmp_path: Path, **given: Any) -> Any:
    return datasets.load_dataset(kind, cache_dir=str(tmp_path / "cache"), **given)


async def test_every_kind_of_file_has_the_same_rows_and_the_same_bytes_again(store: Store, tmp_path: Path) -> None:
    await export(tmp_path / "a.jsonl", db=store, format="rise")
    lines = (tmp_path / "a.jsonl").read_bytes()
    rows = [json.loads(line) for line in lines.splitlines()]
    for name, kind in (("a.jsonl.zst", "json"), ("a.parquet", "parquet")):
        file, again = tmp_path / name, tmp_path / f"again-{name}"
        assert (await export(file, db=store, format="rise")).kept == 16
        await export(again, db=store, format="rise")
        assert file.read_bytes() == again.read_bytes()
        assert loaded(kind, tmp_path, data_files=str(file), split="train").to_list() == rows
    assert zstandard.ZstdDecompressor().stream_reader((tmp_path / "a.jsonl.zst").read_bytes()).read() == lines
    assert not list(tmp_path.glob(".*.new"))


async def test_a_folder_has_shards_a_split_by_problem_and_a_card(store: Store, tmp_path: Path) -> None:
    found = await export(f"{tmp_path}/set/", db=store, format="rise", shards=3, validation=0.5)
    folder = tmp_path / "set"
    names = sorted(file.name for file in (folder / "data").iterdir())
    assert names[:3] == [f"train-0000{number}-of-00003.parquet" for number in range(3)]
    data = loaded(str(folder), tmp_path)
    train, validation = ({row["prompt"][0]["content"] for row in data[split]} for split in ("train", "validation"))
    assert len(train) + len(validation) == 8
    assert not train & validation
    assert data["train"].num_rows + data["validation"].num_rows == found.kept == 16
    card = (folder / "README.md").read_text()
    for text in ('tags: ["redraft", "rise"]', "n<1K", found.dataset_id, "--format rise --shards 3 --validation 0.5"):
        assert text in card
    await export(f"{tmp_path}/two/", db=store, format="rise", shards=3, validation=0.5)
    for name in names:
        assert (folder / "data" / name).read_bytes() == (tmp_path / "two" / "data" / name).read_bytes()


async def test_a_folder_is_replaced_only_if_an_export_wrote_it(store: Store, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("all of it")
    for overwrite in (False, True):
        with pytest.raises(StoreError, match="is no folder that an export wrote"):
            await export(mine, db=store, overwrite=overwrite)
    with pytest.raises(StoreError, match="holds the store"):
        await export(tmp_path, db=store, overwrite=True)
    folder = tmp_path / "set"
    await export(folder, db=store, trainer="trl")
    with pytest.raises(StoreError, match="exists: name another, or replace it with --overwrite"):
        await export(folder, db=store)
    await export(folder, db=store, format="kto", overwrite=True)
    assert '"kto"' in (folder / "README.md").read_text()
    assert sorted(file.name for file in folder.iterdir()) == ["README.md", "data"], "the configuration went too"
    (folder / "data" / "notes.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(StoreError, match=r"has data/notes\.txt, which no export wrote: move that away"):
            await export(folder, db=store, overwrite=overwrite)
    assert (folder / "data" / "notes.txt").read_text() == "mine"


async def test_a_folder_that_is_missing_or_that_one_works_in_gets_a_cure(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in (".", "./", "/", ".."):
        with pytest.raises(StoreError, match=r"holds the folder that you work in: name another folder, such as rows/"):
            await export(name, db=store)
    for name, missing in (("y/a.jsonl", "y"), ("y/a.parquet", "y"), ("z/y/a/", "z/y")):
        with pytest.raises(StoreError, match=f"no folder {missing}: make it, or name another"):
            await export(name, db=store)
    assert not any(Path.cwd().iterdir())


async def test_the_number_of_a_row_counts_through_both_splits(store: Store, tmp_path: Path) -> None:
    found = await export(f"{tmp_path}/set/", db=store, format="rise", shards=3, validation=0.5)
    data = loaded(f"{tmp_path}/set", tmp_path)
    sql = f"""SELECT q.question, t.turn FROM dataset_rows r JOIN turns t
              ON t.trajectory_id = r.trajectory_id AND t.leaf_step_id = r.step_id JOIN trajectories p
              ON p.trajectory_id = r.trajectory_id JOIN problems q USING (problem_id)
              WHERE dataset_id = '{found.dataset_id}' AND "row" IS NOT NULL ORDER BY "row" """
    rows = datasets.concatenate_datasets([data["train"], data["validation"]])
    assert store.query(sql).rows == [(row["prompt"][0]["content"], row["turn"]) for row in rows]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.zst", "a.parquet", "a/"])
async def test_an_export_without_rows_says_what_dropped_them_and_writes_nothing(
    store: Store, tmp_path: Path, name: str
) -> None:
    before = sorted(tmp_path.iterdir())
    with pytest.raises(EmptyExport, match=r"no row to write: 0 kept, 8 dropped \(8 longer than 1 tokens\)") as caught:
        await export(f"{tmp_path}/{name}", db=store, filters=["length"], arguments={"length.most": 1})
    assert sorted(tmp_path.iterdir()) == before
    assert caught.value.result.dropped == {"longer than 1 tokens": 8}


async def test_shards_and_shares_that_make_no_sense_are_refused(store: Store, tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"shards": 0}, "from 1 to"), ({"validation": 1.0}, "below 1"), ({"validation": 1e-9}, "validation split"),
        ({"shards": 9}, "more than the 8 rows"),
    ]  # fmt: skip
    for given, message in cases:
        with pytest.raises(ExportError, match=message):
            await export(f"{tmp_path}/set/", db=store, **given)
    assert not (tmp_path / "set").exists()
    with pytest.raises(ExportError, match="an export is"):
        Target.of("a.csv")
    with pytest.raises(ExportError, match="--shards is for a folder"):
        Target.of("a.jsonl", shards=2)


def test_columns_have_one_type_whatever_the_first_rows_have(tmp_path: Path) -> None:
    rows = [
        {"key": "007", "n": 1, "label": None, "mixed": 1, "steps": [], "facts": {"a": None}},
        {"key": "8", "n": 0.5, "label": True, "mixed": "b", "steps": ["x"], "facts": {"a": 2, "b": "2026-01-01"}},
    ]
    columns, lines, file = Columns(), tmp_path / "a.jsonl", tmp_path / "a.parquet"
    for row in rows:
        columns.see(row)
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_json_as_parquet(lines, columns.duckdb(), file, 1000)
    data = loaded("parquet", tmp_path, data_files=str(file), split="train")
    assert data.to_list() == [
        {"key": "007", "n": 1.0, "label": None, "mixed": "1", "steps": [], "facts": {"a": None, "b": None}},
        {"key": "8", "n": 0.5, "label": True, "mixed": "b", "steps": ["x"], "facts": {"a": 2, "b": "2026-01-01"}},
    ]
    assert datasets.Features._from_yaml_list(columns.features()) == data.features


def test_a_problem_stays_in_its_split_when_the_share_grows() -> None:
    ids = [f"problem-{number}" for number in range(2000)]
    few, more = ({name for name in ids if split_of(name, share) == "validation"} for share in (0.1, 0.2))
    assert few < more
    assert 150 < len(few) < 250
    assert 320 < len(more) < 480
