"""The tasks of a run by shards: what this worker has, what others did, and what it does when it has lost its leases."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.units.leases import LeasedTasks, ListedTasks
from redraft.store.calls import Call
from redraft.store.journal import Journal
from redraft.store.journal_files import worker_of
from redraft.store.leases.leases import Alone, Leases
from redraft.store.problems import Problem
from redraft.store.unit import Unit

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROBLEM = Problem("What is 1 + 1?", "2")
UNITS = {f"{shard}{number}": "4 samples" for shard in ("aa", "bb", "cc") for number in "01"}


@dataclass(frozen=True)
class Task:
    unit: str
    attempt: int = 1
    problem: Problem = PROBLEM


@dataclass
class Site:
    """A store's folder, and what is done there."""

    folder: Path
    done: set[str]

    def worker(self, window: int = 100, units: dict[str, str] = UNITS) -> tuple[LeasedTasks[Task], Journal]:
        journal, leases = Journal(self.folder / "journal" / "r.jsonl", claim=False), Leases(self.folder / "leases", "")
        leases.join()
        again = [Task(unit) for unit in units if unit not in self.done]
        given: Any = {"again": self._again, "leases": leases, "journal": journal, "window": lambda: window}
        return LeasedTasks(again, lambda: units, **given), journal

    def _again(self) -> Sequence[Task]:
        return [Task(unit, attempt=2) for unit in UNITS if unit not in self.done]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, set())


def stored(*units: str, status: str = "done") -> list[Unit]:
    return [Unit(unit, "r", "recipe", "p", "", 1, 4, status, (), (), (), NOW, NOW) for unit in units]


async def first(tasks: LeasedTasks[Task]) -> list[str]:
    """The units of the next tasks that the worker gets; none if there are none."""
    async for batch in tasks.batches(lambda: False):
        return [task.unit for task in batch]
    return []


async def test_a_worker_alone_gets_everything_and_is_done_when_all_is_stored(site: Site) -> None:
    tasks, _ = site.worker()
    assert sorted(await first(tasks)) == sorted(UNITS)
    assert await first(tasks) == []
    assert not tasks.are_done
    await tasks.stored(stored(*UNITS))
    assert tasks.are_done
    assert tasks.settled == 0


async def test_a_worker_takes_half_of_what_it_can_do_at_once(site: Site) -> None:
    tasks, _ = site.worker(window=4)
    assert [await first(tasks) for _ in range(4)] == [["aa0", "aa1"], ["bb0", "bb1"], ["cc0", "cc1"], []]


async def test_two_workers_share_and_each_knows_what_the_other_did(site: Site) -> None:
    (one, _), (two, _) = site.worker(window=4), site.worker()
    assert await first(one) == ["aa0", "aa1"]
    assert await first(two) == ["bb0", "bb1", "cc0", "cc1"]
    waiting = asyncio.create_task(first(two))
    await one.stored(stored("aa0", "aa1"))
    assert await waiting == []
    assert (two.settled, one.settled) == (2, 0)
    await two.stored(stored("bb0", "bb1", "cc0", "cc1"))
    assert two.are_done
    assert await first(one) == []
    assert one.are_done
    assert one.settled == 4


async def test_what_a_budget_cut_short_is_free_for_others(site: Site) -> None:
    (one, _), (two, _) = site.worker(), site.worker()
    await first(one)
    await one.stored([*stored("aa0"), *stored("aa1", status="cut")])
    site.done |= {"aa0"}
    assert await first(two) == ["aa1"]


async def test_a_worker_that_dies_leaves_its_shards_and_its_answers(site: Site) -> None:
    (one, journal), (two, taker) = site.worker(), site.worker()
    await first(one)
    facts: Any = {"model": "m", "prompt_hash": "h", "params": {}}
    journal.record(Call("c", "aa0", "p", "propose", "aa0/", 0, 1, **facts), [{"text": "a"}])
    site.done |= {"bb0", "bb1"}
    one.leases.resign()
    journal.abandon()  # as the end of its process does
    assert sorted(await first(two)) == ["aa0", "aa1", "cc0", "cc1"]
    assert two.settled == 2
    assert taker.answer("aa0", "propose", "aa0/", 0, "h") == {"text": "a"}
    assert two.take_moved() == ["aa0"]
    assert two.take_moved() == []
    [file] = [path for path in (site.folder / "journal").iterdir() if path.suffix == ".jsonl"]
    assert worker_of(file) == two.leases.worker


async def test_a_worker_that_lost_its_leases_drops_its_tasks_and_joins_anew(site: Site) -> None:
    tasks, _ = site.worker()
    await first(tasks)
    before, task = tasks.leases.worker, Task("aa0")
    assert tasks.has(task)
    (site.folder / "leases" / f"worker-{before}").unlink()
    assert tasks.lose(before)
    assert not tasks.lose(before)
    assert not tasks.has(task)
    site.done |= {"aa0", "aa1", "bb0"}
    assert sorted(await first(tasks)) == ["bb1", "cc0", "cc1"]
    assert tasks.leases.worker != before
    assert tasks.settled == 3
    assert tasks.has(Task("cc0"))


async def test_a_run_that_shares_with_nobody_has_the_same_tasks(site: Site) -> None:
    listed = ListedTasks([Task(unit) for unit in UNITS])
    got = [task.unit async for batch in listed.batches(lambda: False) for task in batch]
    assert got == list(UNITS)
    assert [batch async for batch in listed.batches(lambda: True)] == []
    assert listed.are_done
    assert listed.has(Task("aa0"))
    assert listed.take_moved() == listed.leftovers() == []
    given: Any = {"again": list, "leases": Alone(), "journal": Journal(None), "window": lambda: 100}
    alone = LeasedTasks([Task(unit) for unit in UNITS], lambda: UNITS, **given)
    assert await first(alone) == list(UNITS)
    assert alone.leftovers() == []
