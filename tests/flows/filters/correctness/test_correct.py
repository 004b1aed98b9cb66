"""correct: drafts that are known to be right."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.export import export
from redraft.store import Store

ByHand = Callable[..., Store]
Filtered = Callable[..., Awaitable[dict[str, str | None]]]


@pytest.fixture
def store(by_hand: ByHand) -> Store:
    """A right and a wrong draft, a draft that the oracle can't judge, and an unfinished path of a search."""
    drafts = [
        {"answer": "1", "right": True},
        {"answer": "2", "right": False},
        {"answer": "one or two", "right": None},
        {"text": "First we", "role": "search", "stop": "dead_end"},
    ]
    return by_hand({"a": drafts})


def keeps_all() -> Callable[[Any], None]:
    return lambda candidate: None


@pytest.mark.parametrize("filters", [["correct"], [keeps_all, "correct"]], ids=["sql", "python"])
async def test_a_draft_without_an_answer_has_a_reason_of_its_own(
    store: Store, outcome: Filtered, filters: list[Any]
) -> None:
    assert await outcome(store, filters) == {
        "a.0": None,
        "a.1": "wrong answer",
        "a.2": "not known whether it is right",
        "a.3": "no answer",
    }


@pytest.mark.parametrize("format", ["kto", "dpo", "orm"])
async def test_formats_give_the_same_reasons(store: Store, tmp_path: Path, format: str) -> None:
    found = await export(tmp_path / "rows.jsonl", db=store, format=format, filters=[])
    assert dict(found.dropped) == {"not known whether it is right": 1, "no answer": 1}
    assert found.kept == len([json.loads(line) for line in (tmp_path / "rows.jsonl").open()])
