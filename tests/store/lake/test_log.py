"""The log takes one entry for each number, whoever sleeps meanwhile, and tells of damage."""

from pathlib import Path

import pytest

from redraft.store.errors import StoreError
from redraft.store.lake.folder import Folder, open_folder
from redraft.store.lake.log import CHECKPOINT, KEPT, Entry, Log, Segment, State


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return open_folder(f"{tmp_path}/lake", create=True)[0]


def segment(name: str) -> Segment:
    return Segment(name, 1, {"turns": 1}, 10)


def test_of_two_that_put_the_next_entry_one_succeeds(folder: Folder) -> None:
    one, other = Log(folder), Log(folder)
    before = other.read()
    assert one.put(Entry(add=(segment("a"),)), one.read())
    assert not other.put(Entry(add=(segment("b"),)), before)
    assert other.put(Entry(add=(segment("b"),)), other.read())
    assert list(one.read().live) == ["a", "b"]


def test_what_replaces_segments_takes_the_place_of_the_first(folder: Folder) -> None:
    log = Log(folder)
    for name in "abcd":
        log.put(Entry(add=(segment(name),)), log.read())
    log.put(Entry(add=(segment("e"),), drop=("b", "c")), log.read())
    log.put(Entry(drop=("x",)), log.read())
    state = Log(folder).read()
    assert list(state.live) == ["a", "e", "d"]
    assert state.gone == {"b": 5, "c": 5, "x": 6}
    assert state.epoch == 6


def test_a_log_that_slept_finds_its_way_and_puts_nothing_old(folder: Folder) -> None:
    busy, slow = Log(folder), Log(folder)
    busy.put(Entry(add=(segment("first"),)), busy.read())
    old = slow.read()
    for n in range(KEPT + 2 * CHECKPOINT):
        assert busy.put(Entry(add=(segment(str(n)),)), busy.read())
    assert not (folder.log / f"{2:016d}.json").exists()
    assert not slow.put(Entry(add=(segment("late"),)), old)
    assert not (folder.log / f"{2:016d}.json").exists()
    assert slow.read() == busy.read() == Log(folder).read()
    assert "first" in slow.read().live


def test_an_entry_that_follows_a_removed_one_is_taken_back(folder: Folder) -> None:
    """Even if the process slept between its look at the folder and its entry."""
    busy, slow = Log(folder), Log(folder)
    busy.put(Entry(add=(segment("first"),)), busy.read())
    old = slow.read()
    for n in range(KEPT + 2 * CHECKPOINT):
        busy.put(Entry(add=(segment(str(n)),)), busy.read())
    slow._read = lambda: old  # type: ignore[method-assign]
    assert not slow.put(Entry(add=(segment("late"),)), old)
    assert not (folder.log / f"{2:016d}.json").exists()
    assert Log(folder).read() == busy.read()


@pytest.mark.parametrize("name", ["0000000000000002.json", f"{CHECKPOINT:016d}.checkpoint.json"])
def test_damage_is_told_with_the_file(folder: Folder, name: str) -> None:
    log = Log(folder)
    for n in range(2 if name.startswith("0000000000000002") else KEPT + 2 * CHECKPOINT):
        log.put(Entry(add=(segment(str(n)),)), log.read())
    damaged = max(folder.log.glob(f"*{name.partition('.')[2]}"))
    damaged.write_bytes(damaged.read_bytes()[:5])
    if "checkpoint" in name:
        for path in folder.log.glob("*0.json"):
            path.unlink()
    with pytest.raises(StoreError, match=rf"{damaged.name} is damaged .*restore the folder") as raised:
        Log(folder).read()
    assert "\n" not in str(raised.value)


def test_a_new_log_is_empty(folder: Folder) -> None:
    assert Log(folder).read() == State()
