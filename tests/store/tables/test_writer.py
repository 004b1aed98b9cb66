import asyncio
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from redraft.store import Store
from redraft.store.errors import StoreError
from redraft.store.journal import Journal
from redraft.store.tables.writer import Writer
from redraft.store.unit import Unit, unit_id

MakeUnit = Callable[..., Unit]


def published(store: Store) -> int:
    return store.query("SELECT count(*) FROM raw.commits").rows[0][0]


def reaches(store: Store, units: int) -> bool:
    end = time.monotonic() + 10
    while published(store) < units and time.monotonic() < end:
        time.sleep(0.02)
    return published(store) == units


async def test_units_are_published_in_a_while_and_leave_the_journal(
    store: Store, make_unit: MakeUnit, make_call: Callable[..., Any]
) -> None:
    journal = Journal(None)
    journal.record(make_call(unit_id("r", "a", "")), [{"text": "x"}])
    writer = Writer(store, journal, seconds=0.05)
    await writer.put(make_unit([[("1", True)]], problem_id="a"))
    await writer.put(make_unit([[("1", True)]], problem_id="b"))
    assert published(store) == 0
    assert await asyncio.to_thread(reaches, store, 2)
    await writer.put(make_unit([[("1", True)]], problem_id="c"))
    await writer.close()
    assert published(store) == 3
    assert journal.units() == []


async def test_a_full_batch_does_not_wait(store: Store, make_unit: MakeUnit) -> None:
    writer = Writer(store, Journal(None), seconds=60, batch=3)
    for name in "abcd":
        await writer.put(make_unit([[("1", True)]], problem_id=name))
    assert await asyncio.to_thread(reaches, store, 3)
    await writer.close()
    assert published(store) == 4


async def test_closing_publishes_at_once(store: Store, make_unit: MakeUnit) -> None:
    writer = Writer(store, Journal(None), seconds=60)
    await writer.put(make_unit([[("1", True)]]))
    start = time.monotonic()
    await writer.close()
    assert time.monotonic() - start < 5
    assert published(store) == 1
    await Writer(store, Journal(None)).close()


async def test_what_was_published_before_a_kill_is_not_published_again(
    store: Store, make_unit: MakeUnit, make_call: Callable[..., Any]
) -> None:
    """Killed between publishing and forgetting, a topped-up unit's journal holds an old call and a new one."""
    unit = unit_id("r", "p", "")
    old, new = make_call(unit, 0), make_call(unit, 1)
    store.publish([make_unit([[("1", True)]], calls=[(old, [{"text": "a"}])])])
    journal = Journal(None)
    journal.record(old, [{"text": "a"}])
    journal.record(new, [{"text": "b"}])
    writer = Writer(store, journal)
    await writer.put(make_unit([[("1", True)], [("1", True)]], attempt=2, calls=journal.calls(unit)))
    await writer.close()
    assert store.query("SELECT call_id FROM calls ORDER BY call_id").rows == [(f"{unit}-0",), (f"{unit}-1",)]
    assert journal.units() == []


async def test_stale_calls_of_a_done_unit_leave_the_journal(
    store: Store, make_unit: MakeUnit, make_call: Callable[..., Any], tmp_path: Path
) -> None:
    unit = unit_id("r", "p", "")
    store.publish([make_unit([[("1", True)]], calls=[(make_call(unit), [{"text": "a"}])])])
    journal = Journal(tmp_path / "j" / "r.jsonl")
    journal.record(make_call(unit), [{"text": "a"}])
    await Writer(store, journal).close()
    journal.close()
    assert not (tmp_path / "j" / "r.jsonl").exists()


async def test_a_held_store_delays_the_batch_and_not_the_run(store: Store, make_unit: MakeUnit) -> None:
    told: list[str] = []
    waiting = Store(store.path, waiting=told.append)
    writer = Writer(waiting, Journal(None), seconds=0.01)
    with duckdb.connect(store.path, read_only=True, config={"threads": 1}):
        for name in "abc":
            await writer.put(make_unit([[("1", True)]], problem_id=name))
            start = time.monotonic()
            await asyncio.sleep(0.2)
            assert time.monotonic() - start < 5
    await writer.close()
    assert published(store) == 3
    assert len(told) <= 1


async def test_who_is_faster_than_the_store_waits_for_it(
    store: Store, make_unit: MakeUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One batch is on its way to a held store, one is full: the next unit waits, but not for ever."""
    monkeypatch.setattr("redraft.store.tables.writer.PATIENCE", 60.0)
    writer = Writer(store, Journal(None), seconds=0, batch=2)
    with duckdb.connect(store.path, read_only=True, config={"threads": 1}):
        for name in "abc":
            await writer.put(make_unit([[("1", True)]], problem_id=name))
            await asyncio.sleep(0.05)
        late = asyncio.create_task(writer.put(make_unit([[("1", True)]], problem_id="d")))
        assert await asyncio.wait([late], timeout=0.3) == (set(), {late})
        monkeypatch.setattr("redraft.store.tables.writer.PATIENCE", 0.01)
        await writer.put(make_unit([[("1", True)]], problem_id="e"))
    await late
    await writer.close()
    assert published(store) == 5


def test_a_full_disk_is_raised_by_close_and_by_the_next_put(tmp_path: Path, make_unit: MakeUnit) -> None:
    path = str(tmp_path / "redraft.duckdb")
    child = os.fork()
    if child == 0:
        os._exit(_fill(path, make_unit))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    store = Store(path)
    assert store.query("SELECT problem_id FROM trajectories").rows == [("before",)]
    store.publish([make_unit([[("1", True)]], problem_id="later")])
    assert published(store) == 2


def _fill(path: str, make_unit: MakeUnit) -> int:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = Store(path)
    store.publish([make_unit([[("1", True)]], problem_id="before")])
    limit = os.path.getsize(path) + 100_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    async def fill() -> int:
        writer = Writer(store, Journal(None), seconds=0)
        await writer.put(make_unit([[("1", True)]], problem_id="big", texts=[os.urandom(4_000_000).hex()]))
        with pytest.raises(StoreError, match="free some space and run the same command again"):
            await writer.close()
        with pytest.raises(StoreError, match="free some space and run the same command again"):
            await writer.put(make_unit([[("1", True)]], problem_id="next"))
        return 0

    return asyncio.run(fill())
