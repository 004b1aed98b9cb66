"""Every stage works on a DuckLake as it does on a file, and a run outlives a PostgreSQL that is away for a while."""

import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.display.progress import Silent
from redraft.flows.export import export
from redraft.flows.filter import filter as filter_stage
from redraft.flows.generate import generate
from redraft.flows.setup.doctor import examine
from redraft.flows.viewer.address import Address
from redraft.flows.viewer.app import ServerLinks
from redraft.flows.viewer.site import Site
from redraft.flows.viewer.store_reader import Reader
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.ducklake import catalog
from redraft.store.errors import StoreError

Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]
Redraft = Callable[..., subprocess.CompletedProcess[str]]

JOB: dict[str, Any] = {"strategy": "best_of_n", "samples": 3}
VIEWS = ("trajectories", "steps", "turns", "grades", "calls", "pass_at_k", "best_of_n", "costs", "dataset_rows")


async def test_every_stage_gives_what_it_gives_on_a_file(
    tmp_path: Path, ducklake: str, sums: Sums, adder: Adder
) -> None:
    told = {}
    for name, db in (("file", str(tmp_path / "file.duckdb")), ("lake", ducklake)):
        model = adder(lambda number, sample, turn: (number + sample) % 2 == 0)
        summary = await generate(sums(6), db=db, model=model, **JOB)
        filtered = await filter_stage(db=db, filters=["correct"])
        exported = await export(tmp_path / f"{name}.jsonl", db=db, format="dpo")
        store = Store(db, create=False)
        counts = store.query(" UNION ALL ".join(f"SELECT '{view}', count(*) FROM {view}" for view in VIEWS)).rows
        rows = (tmp_path / f"{name}.jsonl").read_bytes()
        told[name] = (summary.trajectories, filtered.kept, exported.kept, sorted(counts), rows)
    assert told["file"] == told["lake"]
    assert told["lake"][0] == 18


async def test_pages_show_it(ducklake: str, sums: Sums, adder: Adder) -> None:
    await generate(sums(2), db=ducklake, model=adder(lambda number, *_: number == 1), **JOB)
    store = Store(ducklake, create=False)
    site = Site(Reader(store), ServerLinks())
    stamp = site.reader.stamp()
    [(run,)] = store.query("SELECT run_id FROM runs").rows
    [(unit,)] = store.query("SELECT any_value(unit_id) FROM raw.commits WHERE problem_id LIKE '%' LIMIT 1").rows
    for page, query in (("runs", {}), ("run", {"id": run}), ("problems", {}), ("tree", {"unit": unit})):
        shown = site.render(Address.of(page, **query))
        assert "<title>" in shown
        assert "lake" in shown
    assert site.reader.stamp() == stamp
    await generate(sums(3), db=ducklake, model=adder(lambda *_: True), **JOB)
    assert site.reader.stamp() != stamp


def test_the_commands_take_it(redraft: Redraft, mistake: Callable[..., str], ducklake: str, tmp_path: Path) -> None:
    made = redraft("generate", "--limit", "2", "--samples", "2", "--workers", "2", "--db", ducklake, timeout=400)
    assert made.returncode == 0, made.stderr
    asked = redraft("query", "SELECT count(*) AS n FROM samples", "--csv", "--db", ducklake)
    assert asked.stdout == "n\n4\n"
    assert "a query can only read" in mistake("query", "DELETE FROM raw.turns", "--db", ducklake)
    assert "PGPASSWORD" in mistake("generate", "--db", "ducklake:postgres:dbname=a password=hush")
    other = ducklake.replace("metadata_schema=", "metadata_schema=other")
    assert "no store in ducklake:" in mistake("query", "FROM runs", "--db", other)
    compacted = redraft("store", "compact", ducklake)
    assert compacted.returncode == 0, compacted.stderr
    again = redraft("generate", "--limit", "2", "--samples", "2", "--db", ducklake, "--json", timeout=400)
    assert again.returncode == 0, again.stderr
    assert not list((tmp_path / "lake" / "leases").glob("*"))


async def test_doctor_looks_at_it(ducklake: str, sums: Sums, adder: Adder, postgres: Any) -> None:
    await generate(sums(2), db=ducklake, model=adder(lambda *_: True), **JOB)
    found = {finding.about: finding for finding in await examine(db=ducklake)}
    assert found["store"].says.startswith(ducklake)
    assert "2 problems, 6 trajectories" in found["store"].says
    assert found["catalog"].says.startswith("DuckLake, its catalog in PostgreSQL ")
    assert found["disk"].ok
    postgres.stop()
    found = {finding.about: finding for finding in await examine(db=ducklake)}
    assert found["store"].ok is False
    assert "PostgreSQL can't be reached" in found["store"].says


class Heard(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def stopping(postgres: Any, adder: Adder, at: int, back_s: float | None) -> tuple[Scripted, list[int]]:
    """A model that stops PostgreSQL when it is asked for the `at`-th time, and starts it again `back_s` seconds later.
    Beside it the calls that it has answered."""
    asked: list[int] = []

    def right(number: int, *_: int) -> bool:
        asked.append(number)
        if len(asked) == at:
            postgres.stop("immediate")
            if back_s is not None:
                threading.Timer(back_s, postgres.start).start()
        return True

    return adder(right), asked


async def test_a_run_waits_for_postgresql_and_goes_on(
    ducklake: str, sums: Sums, adder: Adder, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    model, asked = stopping(postgres, adder, at=20, back_s=3)
    summary = await generate(sums(40), db=ducklake, model=model, progress=heard, concurrency=4, **JOB)
    assert summary.trajectories == 120
    assert len(asked) == 120
    assert sum(said.startswith("waits for PostgreSQL: ") for said in heard.said) >= 1
    counted = "SELECT count(*), count(DISTINCT unit_id) FROM raw.commits"
    assert Store(ducklake).query(counted).rows == [(40, 40)]


async def test_a_run_without_postgresql_ends_in_one_line_and_the_same_command_goes_on(
    tmp_path: Path, ducklake: str, sums: Sums, adder: Adder, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "GONE_S", 0.5)
    model, asked = stopping(postgres, adder, at=20, back_s=None)
    with pytest.raises(StoreError, match=r"can't be reached for 0.5 s.*give the same command again") as raised:
        await generate(sums(40), db=ducklake, model=model, progress=Heard(), concurrency=4, **JOB)
    assert "\n" not in str(raised.value)
    [journal] = (tmp_path / "lake" / "journal").glob("*.jsonl")
    kept = [json.loads(line) for line in journal.read_text().splitlines()]
    assert sum("call" in line for line in kept) > 0
    postgres.start()
    model, again = stopping(postgres, adder, at=0, back_s=None)
    summary = await generate(sums(40), db=ducklake, model=model, progress=Heard(), concurrency=4, **JOB)
    assert summary.trajectories == 120
    assert len(asked) + len(again) == 120
    assert Store(ducklake).query("SELECT count(*), count(DISTINCT unit_id) FROM raw.commits").rows == [(40, 40)]
