"""What an earlier redraft paid for is not paid for again: its recipes, its store and its journals are read the same.

`before/recipes.json` holds the recipes that the build of 2026-11-29 gave to shipped strategies and parts; `before/
store.tar.xz` is a store of that build with a finished run of best_of_n, and the journals of three runs that were killed
half way: `correct` (9 calls answered), `rest_mcts` (14) and `annotate --grader rollout` (9).

The embedded model of that build rounded otherwise, so that its version is another one today, and runs of it begin anew.
The tests give it the version that it had: nothing else in a recipe may change.
"""

import asyncio
import json
import tarfile
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from redraft.agents.critics.none import none
from redraft.agents.feedback.oracle import oracle
from redraft.flows.annotate import annotate
from redraft.flows.annotation.annotation_job import GRADER_ALONE
from redraft.flows.generate import generate
from redraft.flows.generation.recipe import recipe
from redraft.flows.generation.strategy import Strategy, find_strategy
from redraft.graders.likelihood import likelihood
from redraft.llm.client.client import Client
from redraft.llm.providers.embedded.model import embedded
from redraft.store import Store
from redraft.store.errors import PartError
from redraft.store.plugins.discovery import load, names

BEFORE = Path(__file__).with_name("before")
CORRECTED, SEARCHED = {"feedback": "oracle", "turns": 2}, {"iterations": 6}


@pytest.fixture(autouse=True)
def version_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("redraft.llm.providers.embedded.model.ROUNDING", b"")
    client.cache_clear()
    yield
    client.cache_clear()


@cache
def client() -> Client:
    return Client(embedded())


def digest(strategy: Any, measure: str = "m", **given: Any) -> str:
    """The recipe of a strategy with these parts; the mistake's name if they don't fit."""
    grader, critic = given.pop("grader", None), given.pop("critic", None)
    settings: dict[str, Any] = {"measures": (measure,), "problem_budget": {}, "arguments": given}
    try:
        found = strategy if isinstance(strategy, Strategy) else find_strategy(strategy)
        return recipe(client(), found, grader=grader, critic=critic, **settings)
    except PartError as error:
        return f"! {type(error).__name__}"


def recipes() -> Iterator[tuple[str, str]]:
    """A recipe for each strategy, by its name and as a function, and with each of the shipped parts."""
    kinds = {
        "grader": names("grader"),
        "critic": names("critic"),
        "feedback": names("feedback"),
    }
    for name in names("strategy"):
        yield f"{name} name", digest(name)
        yield f"{name} callable", digest(load(name, "strategy"))
        for kind, shipped in kinds.items():
            for part in shipped:
                yield f"{name} {kind}={part}", digest(name, **{kind: part})
    for name in kinds["grader"]:
        yield f"annotate {name}", digest(GRADER_ALONE, "annotate", grader=name)
    yield "best_of_n grader=callable critic=callable", digest("best_of_n", grader=likelihood, critic=none)
    yield "correct feedback=callable", digest("correct", feedback=oracle)


def test_recipes_of_shipped_parts_do_not_depend_on_where_their_modules_lie() -> None:
    now, before = dict(recipes()), json.loads((BEFORE / "recipes.json").read_text())
    assert {name: now.get(name) for name in before} == before  # newer strategies and parts have no earlier recipe


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    with tarfile.open(BEFORE / "store.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return Store(tmp_path / "before.duckdb")


def test_a_finished_run_of_the_build_before_is_left_as_it_is(store: Store) -> None:
    before = store.query("FROM trajectories ORDER BY ALL").rows
    assert len(before) == 6
    found = _run(generate, store, strategy="best_of_n", limit=3, samples=2)
    assert found.new == 0
    assert store.query("FROM trajectories ORDER BY ALL").rows == before


@pytest.mark.parametrize(
    ("stage", "given", "answered"),
    [
        (generate, {"strategy": "correct", "limit": 4, "samples": 2, "arguments": CORRECTED}, 9),
        (generate, {"strategy": "rest_mcts", "limit": 2, "samples": 1, "grader": "prm", "arguments": SEARCHED}, 14),
        (annotate, {"grader": "rollout", "where": "strategy = 'best_of_n'"}, 9),
    ],
    ids=["correct", "rest_mcts", "annotate"],
)
def test_a_run_that_the_build_before_had_half_finished_goes_on(
    store: Store, stage: Callable[..., Coroutine[Any, Any, Any]], given: dict[str, Any], answered: int
) -> None:
    """Every call that its journal has is in the store afterwards as it was answered then, and none is asked again."""
    journals = {file.stem: _calls(file) for file in Path(f"{store.path}.journal").glob("*.jsonl")}
    assert len(journals) == 3
    _run(stage, store, concurrency=2, **given)
    [(run, recipe)] = store.query("SELECT run_id, recipe FROM runs ORDER BY started_at DESC LIMIT 1").rows
    assert len(journals[recipe]) == answered
    asked = store.query(
        f"SELECT call_id, answered_at, purpose, place, prompt_hash FROM calls WHERE run_id = '{run}'"
    ).rows
    assert len(asked) >= answered
    times = {call_id: at.replace(tzinfo=UTC).timestamp() for call_id, at, *_ in asked}
    assert {call_id: pytest.approx(at, abs=0.001) for call_id, at in journals[recipe].items()}.items() <= times.items()
    assert max(Counter(asked).values()) == 1
    assert not list(Path(f"{store.path}.journal").glob(f"{recipe}*"))


def _calls(journal: Path) -> dict[str, float]:
    """The calls of a journal: when each was answered, in seconds since 1970."""
    entries = map(json.loads, journal.read_text().splitlines())
    return {entry["call"]["call_id"]: entry["call"]["answered_at"] for entry in entries if "call" in entry}


def _run(stage: Callable[..., Coroutine[Any, Any, Any]], store: Store, **given: Any) -> Any:
    source = {"source": "builtin:split=train"} if stage is generate else {}
    return asyncio.run(stage(**source, db=store, **given))
