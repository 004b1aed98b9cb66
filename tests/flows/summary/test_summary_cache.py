"""A finished run that is started again tells the summary that was kept, and a changed store another one."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from redraft.flows.annotate import annotate
from redraft.flows.generate import generate
from redraft.flows.summary import summary_cache, summary_reader
from redraft.flows.summary.summary import Summary
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store, replace

Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs whose data was read whole, while the smallest summary is worth keeping."""
    read, found = summary_reader._read, list[str]()

    def counted(store: Store, run_id: str, *rest: object) -> object:
        found.append(run_id)
        return read(store, run_id, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(summary_reader, "_read", counted)
    monkeypatch.setattr(summary_reader, "FEWEST", 1)
    return found


def data(summary: Summary) -> Summary:
    """The summary without what belongs to one run."""
    return dataclasses.replace(
        summary, run_id="", seconds=0.0, new=0, tokens=0, calls=0, prompt_tokens=0, cost_usd=None
    )


async def test_a_finished_run_is_read_once(tmp_path: Path, sums: Sums, adder: Adder, reads: list[str]) -> None:
    store, model = Store(tmp_path / "r.duckdb"), adder(lambda number, sample, turn: number + sample != 3)
    first = await generate(sums(4), db=store, model=model, samples=3)
    again = await generate(sums(4), db=store, model=model, samples=3)
    assert reads == [first.run_id]
    assert data(again) == data(first)
    assert (again.new, again.calls, again.first) == (0, 0, first.first)
    assert store.query("SELECT DISTINCT status FROM runs").rows == [("finished",)]


async def test_what_has_changed_since_is_read(tmp_path: Path, sums: Sums, adder: Adder, reads: list[str]) -> None:
    store, model = Store(tmp_path / "r.duckdb"), adder(lambda number, sample, turn: number > 1)
    first = await generate(sums(2), db=store, model=model, samples=2)

    async def again(problems: list[Problem]) -> Summary:
        return await generate(problems, db=store, model=model, samples=3)

    more = await again(sums(2))  # more samples
    other = await again(sums(3))  # other problems
    assert len(reads) == 3
    assert (first.trajectories, more.trajectories, other.trajectories) == (4, 6, 9)
    judged_by = [replace(problem, answer="3") if problem.answer == "2" else problem for problem in sums(3)]
    changed = await again(judged_by)  # another known answer
    assert len(reads) == 4
    assert (other.right, changed.right) == (6, 9)
    assert (await again(judged_by)).right == 9
    assert len(reads) == 4
    await annotate(db=store, grader="oracle")  # judged again
    await again(judged_by)
    assert len(reads) == 5


async def test_what_others_wrote_since_is_no_change(tmp_path: Path, sums: Sums, adder: Adder, reads: list[str]) -> None:
    store = Store(tmp_path / "r.duckdb")
    right = adder(lambda number, sample, turn: True)
    first = await generate(sums(2), db=store, model=right, samples=2)
    await generate(sums(3)[2:], db=store, model=right, samples=2, strategy="correct")
    assert data(await generate(sums(2), db=store, model=right, samples=2)) == data(first)
    assert len(reads) == 2


async def test_a_summary_of_another_build_is_read_anew(
    tmp_path: Path, sums: Sums, adder: Adder, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, model = Store(tmp_path / "r.duckdb"), adder(lambda number, sample, turn: True)
    await generate(sums(2), db=store, model=model, samples=2)
    monkeypatch.setattr(summary_cache, "fields", lambda kind: dataclasses.fields(kind)[1:])
    assert (await generate(sums(2), db=store, model=model, samples=2)).right == 4
    assert len(reads) == 2
