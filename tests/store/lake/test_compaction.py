"""Segments are merged while others read and write, and files go when no reader can need them."""

import os
from collections.abc import Callable
from pathlib import Path

from redraft.store import Problem, Store
from redraft.store.lake.folder import Folder
from redraft.store.lake.log import CHECKPOINT, Log
from redraft.store.unit import Unit

Maker = Callable[..., Unit]


def segments(folder: Path) -> set[str]:
    return {name for name in os.listdir(folder / "segments") if not name.startswith(".")}


def test_merging_changes_no_view(tmp_path: Path, fill: Callable[[Store], None], compare: Callable[..., None]) -> None:
    store = Store(f"{tmp_path}/lake/")
    fill(store)
    store.copy(f"{tmp_path}/before/")
    before, after = store.compact()
    assert (before > 10, after) == (True, 1)
    compare(store, Store(tmp_path / "before"), ("commit_id", "run_id", "dataset_id", "published_at"))
    assert store.compact() == (1, 1)
    assert len(segments(tmp_path / "lake")) == 1


def test_a_reader_keeps_its_files(tmp_path: Path, make_unit: Maker) -> None:
    reader, writer = Store(f"{tmp_path}/lake/"), Store(f"{tmp_path}/lake/")
    for n in range(3):
        writer.publish([make_unit([[("1", True)]], problem_id=f"p{n}")])
    with reader.held(read_only=True):
        assert writer.compact() == (3, 1)
        writer.publish([make_unit([[("1", True)]], problem_id="p3")])
        assert len(segments(tmp_path / "lake")) == 5
        assert reader.query("SELECT count(*) FROM turns").rows == [(3,)]
        later = Store(tmp_path / "lake")
        assert later.query("SELECT count(*) FROM turns").rows == [(4,)]
    assert writer.compact() == (2, 1)
    assert len(segments(tmp_path / "lake")) == 1
    assert reader.query("SELECT count(*) FROM turns").rows == [(4,)]


def test_a_writer_that_holds_the_store_goes_on_after_a_merge(tmp_path: Path, make_unit: Maker) -> None:
    held, other = Store(f"{tmp_path}/lake/"), Store(f"{tmp_path}/lake/")
    other.publish([make_unit([[("1", True)]], problem_id="p0")])
    with held.held():
        held.publish([make_unit([[("1", True)]], problem_id="p1")])
        assert other.compact() == (2, 1)
        other.add([Problem("1?", "1")])
        held.publish([make_unit([[("1", True)]], problem_id="p2")])
        assert held.query("SELECT count(*) FROM turns").rows == [(3,)]


def test_small_segments_are_merged_while_a_run_goes_on(tmp_path: Path) -> None:
    store = Store(f"{tmp_path}/lake/")
    slow = Log(Folder(tmp_path / "lake"))
    slow.read()
    for n in range(2 * CHECKPOINT + 10):
        store.end_run(str(n), "finished")
    assert len(segments(tmp_path / "lake")) < CHECKPOINT
    assert store.query("SELECT run_id FROM raw.run_events ORDER BY rowid").rows == [
        (str(n),) for n in range(2 * CHECKPOINT + 10)
    ]
    assert slow.read() == Log(Folder(tmp_path / "lake")).read()
