"""A folder store does what a file does: the same rows in every view, and the same answers to every operation."""

from collections.abc import Callable
from pathlib import Path

import pytest

from redraft.store import Problem, Store
from redraft.store.calls import Call
from redraft.store.errors import StoreError
from redraft.store.lake.template import template
from redraft.store.tables.collapse import Alarm, Indicator, ReferenceLoss, Watched
from redraft.store.tables.embeddings import MeasuredKind, MeasuredQuestion
from redraft.store.tables.labels import Label
from redraft.store.tables.rounds import Round, TrainedModel
from redraft.store.tables.runs import DatasetRow
from redraft.store.unit import Unit, key_hash

NUMBERS = ("commit_id", "rowid", "run_id", "dataset_id")
"""Columns that differ between two stores of the same content; all times differ, too."""

Maker = Callable[..., Unit]


def fill(store: Store, make_unit: Maker) -> None:
    """Does everything that a store can be told."""
    problems = [Problem(f"{n} + {n}?", str(2 * n), problem_id=f"p{n}") for n in range(3)]
    store.add(problems)
    run = store.start_run("generate", "r", "best_of_n", "m", {"feedback": "oracle"})
    scores = {"prm": [[0.25, 0.75], [0.5, 0.5]]}
    call = Call("c", "u", "p0", "propose", "u", 0, 2, "m", "h", {"temperature": 0.5}, latency_ms=1.0)
    units = [
        make_unit([[("1", False), (problem.answer, True)], [("2", None), ("3", False)]], problem_id=problem.problem_id,
                  scores=scores, calls=[(call, [{"text": "a"}])])
        for problem in problems
    ]  # fmt: skip
    assert store.publish(units) == 3
    assert store.publish([*units, *units]) == 0
    again = make_unit([[("4", True)]], problem_id="p0", attempt=2, calls=[(call, [{"text": "a"}])])
    assert store.publish([again, units[1]]) == 1
    store.end_run(run, "finished", {"calls": 3})
    unit = units[1]
    first = unit.trajectories[0]
    store.label(Label(first.trajectory_id, turn, "Ann", verdict, None, None, first.draft(turn)[-1].prefix_key)
                for turn, verdict in ((1, "wrong"), (1, "right"), (2, "right")))  # fmt: skip
    rows = [DatasetRow(0, first.trajectory_id), DatasetRow(None, "t", None, "wrong: it is")]
    store.add_dataset("sft", {"filter": ["correct"]}, rows, run)
    store.add_dataset_of("trajectories", {}, "SELECT 0, trajectory_id, NULL, NULL FROM trajectories ORDER BY ALL", run)
    for state in ("generated", "exported"):
        store.note_round(Round(loop_id="l", round=1, state=state, method="star", config={}, run_id=run))
    store.note_model(TrainedModel(loop_id="l", round=1, role="policy", model_id="m", name="model"))
    losses = [ReferenceLoss("p0", 3, 0.5)]
    store.note_watched(
        "l", 1, Watched([Indicator("entropy_bits", value=1.5)], [Alarm("narrowing", 0.5, False, "", 0)], losses)
    )
    store.add_embeddings("e", {"h": [0.5, 0.25]})
    store.add_measurement(
        run, "e", [MeasuredKind("rephrase", 1, 1, 1, None)], [MeasuredQuestion("rephrase", "p1", "p0", 0.5)]
    )


def views(store: Store) -> list[str]:
    return [f'{schema}."{name}"' for schema, name in store.query(ALL_VIEWS).rows]


def content(store: Store, view: str) -> list[tuple[object, ...]]:
    """The rows of a view without the columns that differ, in an order of their own."""
    found = store.query(f"FROM {view}")
    columns = enumerate(zip(found.columns, found.types, strict=True))
    kept = [number for number, (name, kind) in columns if name not in NUMBERS and kind != "TIMESTAMP"]
    return sorted((tuple(row[number] for number in kept) for row in found.rows), key=repr)


ALL_VIEWS = """
SELECT table_schema, table_name FROM information_schema.tables
WHERE table_schema IN ('main', 'raw') AND table_name <> 'migrations' ORDER BY ALL"""


COMMENTS = """
SELECT table_name, column_name, comment FROM duckdb_columns()
WHERE NOT internal AND column_name <> 'rowid' AND table_name <> 'migrations' ORDER BY ALL"""


def test_every_view_has_the_same_rows_and_columns_as_in_a_file(tmp_path: Path, make_unit: Maker) -> None:
    file, folder = Store(tmp_path / "file.duckdb"), Store(f"{tmp_path}/folder/")
    for store in (file, folder):
        fill(store, make_unit)
    with file.held(read_only=True), folder.held(read_only=True):
        compare(file, folder)


def compare(file: Store, folder: Store) -> None:
    assert views(file) == views(folder)
    for view in views(file):
        of_file, of_folder = (store.query(f"DESCRIBE {view}").rows for store in (file, folder))
        assert [row[:2] for row in of_folder if row[0] != "rowid"] == [row[:2] for row in of_file], view
        assert view.startswith("raw.") or "rowid" not in {row[0] for row in of_folder}, view
        assert content(folder, view) == content(file, view), view
    assert folder.query(COMMENTS).rows == file.query(COMMENTS).rows
    empty = [view for view in views(file) if view.startswith("main.") and not content(file, view)]
    assert not {'main."turns"', 'main."pass_at_k"', 'main."labels"', 'main."rounds"'} & set(empty)


def test_records_come_back(tmp_path: Path, make_unit: Maker) -> None:
    file, folder = Store(tmp_path / "file.duckdb"), Store(f"{tmp_path}/folder/")
    for store in (file, folder):
        fill(store, make_unit)
    unit = make_unit([[("1", True)]], problem_id="p0").unit_id
    assert folder.done("r", "") == file.done("r", "")
    assert folder.done("r", "")["p0"].attempt == 2
    assert list(folder.problems()) == list(file.problems())
    assert folder.answers([unit]) == file.answers([unit])
    assert [one.state for one in folder.rounds("l")] == ["exported"]
    assert folder.models("l")[0].name == "model"
    assert folder.reference_losses("l", 1) == file.reference_losses("l", 1)
    assert folder.embeddings("e")["h"].tolist() == [0.5, 0.25]
    assert [rows for part in folder.parts("FROM turns ORDER BY ALL") for rows in part] == [
        rows for part in file.parts("FROM turns ORDER BY ALL") for rows in part
    ]
    assert folder.export_parquet("FROM runs", tmp_path / "runs.parquet") == 1


def test_while_it_is_held_what_was_written_is_read(tmp_path: Path, make_unit: Maker) -> None:
    store = Store(f"{tmp_path}/folder/")
    with store.held():
        for n in range(3):
            store.publish([make_unit([[("1", True)]], problem_id=f"p{n}")])
            assert store.query("SELECT count(*) FROM trajectories").rows == [(n + 1,)]
        [parts] = store.parts("SELECT count(*) FROM trajectories")
        assert parts == [(3,)]


def test_a_known_problem_with_another_question_is_refused(tmp_path: Path) -> None:
    store = Store(f"{tmp_path}/folder/")
    store.add([Problem("1?", "1", problem_id="p")])
    with pytest.raises(StoreError, match="is in the store with another question"):
        store.add([Problem("2?", "1", problem_id="p"), Problem("3?", "1", problem_id="q")])
    assert store.add([Problem("1?", "2", problem_id="p")]) == 0
    assert [problem.answer for problem in store.problems()] == ["2"]
    assert key_hash(next(store.problems()))


def test_a_part_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store(f"{tmp_path}/folder/")

    def rows() -> list[DatasetRow]:
        raise RuntimeError("the disk of the rows is full")

    with pytest.raises(RuntimeError, match="the disk of the rows"):
        store.add_dataset("sft", {}, (row for _ in range(1) for row in rows()))
    assert store.query("FROM datasets").rows == []
    assert list((tmp_path / "folder" / "segments").iterdir()) == []


def test_the_stores_own_folder_is_never_exported_into(tmp_path: Path) -> None:
    store = Store(f"{tmp_path}/folder/")
    for target in ("folder/rows.parquet", "folder/segments/x.parquet"):
        with pytest.raises(StoreError, match="belongs to the store"):
            store.export_parquet("FROM runs", tmp_path / target)
    with pytest.raises(StoreError, match=r"belongs to the store|holds the store"):
        store.check_folder(tmp_path / "folder" / "segments", overwrite=True)
    with pytest.raises(StoreError, match="holds the store"):
        store.check_folder(tmp_path / "folder", overwrite=True)


def test_damage_is_told_with_the_file(tmp_path: Path, make_unit: Maker) -> None:
    store = Store(f"{tmp_path}/folder/")
    store.publish([make_unit([[("1", True)]])])
    [file] = (tmp_path / "folder" / "segments").glob("*/turns.parquet")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match=r"has [0-9,]+ bytes in place of [0-9,]+: bring it back") as raised:
        store.query("FROM turns")
    assert "\n" not in str(raised.value)
    file.unlink()
    with pytest.raises(StoreError, match=r"turns.parquet is missing: bring it back"):
        store.query("FROM turns")
    file.write_bytes(whole)
    assert len(store.query("FROM turns").rows) == 1


def test_the_template_is_made_without_a_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no"))
    template.cache_clear()
    try:
        assert Store(f"{tmp_path}/folder/").query("FROM runs").rows == []
    finally:
        template.cache_clear()
