"""What is written down of batches survives a process killed at any instant."""

import time
from pathlib import Path

import pytest

from redraft.llm.model import ModelError
from redraft.llm.providers.batch.state_file import LIFETIME_S, BatchEntry, BatchStateFile


def test_each_change_is_there_for_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "new" / "batches.jsonl"
    kept = BatchStateFile(path)
    first, second = kept.begin("m1", ["a", "b"]), kept.begin("m2", ["c"])
    kept.record_name(first, "batch_1")
    kept.record_used(first, ["a"])

    assert BatchStateFile(path).entries == {"m1": BatchEntry("m1", {"b"}, "batch_1"), "m2": BatchEntry("m2", {"c"})}

    kept.record_used(second, ["c"])
    assert BatchStateFile(path).entries == {"m1": BatchEntry("m1", {"b"}, "batch_1")}


def test_the_file_goes_with_its_last_call(tmp_path: Path) -> None:
    path = tmp_path / "batches.jsonl"
    kept = BatchStateFile(path)
    kept.record_used(kept.begin("m", ["a", "b"]), ["a", "b"])
    assert not path.exists()


def test_a_run_leaves_the_file_to_another_that_has_a_batch_in_it(tmp_path: Path) -> None:
    path = tmp_path / "recipe.batches" / "batches.jsonl"
    one, other = BatchStateFile(path), BatchStateFile(path)
    mine, theirs = one.begin("m1", ["a"]), other.begin("m2", ["b"])
    one.record_used(mine, ["a"])
    assert BatchStateFile(path).entries == {"m2": BatchEntry("m2", {"b"})}
    late = BatchStateFile(path)
    other.record_used(theirs, ["b"])
    assert not path.parent.exists()
    again = late.begin("m3", ["c"])
    assert BatchStateFile(path).entries == {"m3": BatchEntry("m3", {"c"})}
    late.record_used(again, ["c"])
    assert not path.parent.exists()


def test_any_cut_of_the_file_is_a_state_that_was(tmp_path: Path) -> None:
    path = tmp_path / "batches.jsonl"
    kept = BatchStateFile(path)
    entry = kept.begin("m", ["a", "b"])
    kept.record_name(entry, "batch_1")
    kept.record_used(entry, ["a"])
    written = path.read_bytes()
    states = [{}, {"m": BatchEntry("m", {"a", "b"})}, {"m": BatchEntry("m", {"a", "b"}, "batch_1")}]
    states.append({"m": BatchEntry("m", {"b"}, "batch_1")})

    seen = []
    for end in range(len(written) + 1):
        path.write_bytes(written[:end])
        seen.append(states.index(BatchStateFile(path).entries))

    assert seen == sorted(seen)
    assert set(seen) == {0, 1, 2, 3}


def test_what_follows_a_line_that_was_cut_is_read(tmp_path: Path) -> None:
    path = tmp_path / "batches.jsonl"
    path.write_bytes(b'\n{"mark": "m1", "keys": ["a"')
    BatchStateFile(path).begin("m2", ["b"])
    assert BatchStateFile(path).entries == {"m2": BatchEntry("m2", {"b"})}


def test_batches_that_providers_have_dropped_are_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "batches.jsonl"
    BatchStateFile(path, now=lambda: time.time() - LIFETIME_S - 60).begin("old", ["a"])
    BatchStateFile(path).begin("new", ["b"])
    assert list(BatchStateFile(path).entries) == ["new"]


def test_a_place_that_cannot_be_used_is_fatal_and_named(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "batches.jsonl"
    kept = BatchStateFile(path)
    (tmp_path / "folder").write_text("no folder")

    with pytest.raises(ModelError, match=r"batches\.jsonl .*Make room, or choose another folder") as written:
        kept.begin("m", ["a"])
    with pytest.raises(ModelError, match=r"batches\.jsonl .*Make it readable, or choose another folder") as read:
        BatchStateFile(path)

    assert (written.value.fatal, read.value.fatal) == (True, True)
