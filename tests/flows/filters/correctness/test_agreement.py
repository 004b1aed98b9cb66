"""agreement: drafts with the answer that most samples of their problem give."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from redraft.graders.answers.canonical import canonical
from redraft.store import Problem, Store
from redraft.store.errors import PartError
from redraft.store.problems import Kind

ByHand = Callable[..., Store]
Filtered = Callable[..., Awaitable[dict[str, str | None]]]


async def test_the_answer_of_half_the_samples_is_kept(by_hand: ByHand, outcome: Filtered) -> None:
    drafts: dict[str, list[dict[str, Any]]] = {
        "a": [{"answer": "0.5"}, {"answer": "1/2"}, {"answer": "3"}, {"answer": None}],
        "b": [{"answer": "7"}, {"answer": "7", "stop": "failed", "reason": "down"}],
        "c": [{"answer": "7"}, {"answer": "8"}, {"answer": "9"}, {"answer": "7", "role": "search"}],
    }
    assert await outcome(by_hand(drafts), ["agreement"]) == {
        "a.0": None, "a.1": None, "a.2": "too few samples agree: 1 of 4", "a.3": "no answer that a sample gives",
        "b.0": "too few samples: 1 of at least 2", "b.1": "failed: down",
        "c.0": "too few samples agree: 1 of 3", "c.1": "too few samples agree: 1 of 3",
        "c.2": "too few samples agree: 1 of 3", "c.3": "too few samples agree: 1 of 3",
    }  # fmt: skip


async def test_texts_and_choices_agree_as_in_a_vote(by_hand: ByHand, outcome: Filtered) -> None:
    problems = [
        Problem("Which?", "B", problem_id="c", kind=Kind.CHOICE),
        Problem("Who?", "Ann", problem_id="t", kind=Kind.TEXT),
    ]
    drafts = {"c": [{"answer": "(b)"}, {"answer": "B."}, {"answer": "7"}], "t": [{"answer": "Ann"}, {"answer": "ann."}]}
    assert await outcome(by_hand(drafts, problems), ["agreement least=0.6"]) == {
        "c.0": None, "c.1": None, "c.2": "no answer that a sample gives", "t.0": None, "t.1": None,
    }  # fmt: skip


@pytest.mark.parametrize("least", [0.25, 0.5, 1.0])
async def test_shares_are_those_of_plain_counting(by_hand: ByHand, outcome: Filtered, least: float) -> None:
    chance = random.Random(7)
    answers = ["4", "04", "4.0", "5", "1/2", "0.5", "x+1", "1+x", "", None, "1,000", "1000"]
    drafts = {f"p{n}": [{"answer": chance.choice(answers)} for _ in range(chance.randint(1, 8))] for n in range(30)}
    wanted: dict[str, str | None] = {}
    for name, samples in drafts.items():
        keys = [canonical(sample["answer"]) for sample in samples]
        counts = Counter(keys)
        for number, key in enumerate(keys):
            few, enough = len(keys) < 2, key is not None and counts[key] >= least * len(keys)
            said = f"too few samples agree: {counts[key]} of {len(keys)}" if key else "no answer that a sample gives"
            wanted[f"{name}.{number}"] = (
                f"too few samples: {len(keys)} of at least 2" if few else None if enough else said
            )
    store = by_hand(drafts)
    assert await outcome(store, [f"agreement least={least}"]) == wanted
    assert await outcome(store, [keeps_all, f"agreement least={least}"]) == wanted


def keeps_all() -> Callable[[Any], None]:
    """A filter in Python, after which DuckDB decides the others."""
    return lambda candidate: None


async def test_a_share_above_one_is_a_mistake(by_hand: ByHand, outcome: Filtered) -> None:
    with pytest.raises(PartError, match=r"agreement.least=2.0: give a number from 0 to 1"):
        await outcome(by_hand({"a": [{"answer": "1"}]}), ["agreement least=2"])
