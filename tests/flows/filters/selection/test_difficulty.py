"""difficulty: problems by the share of right samples."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from redraft.store import Problem, Store
from redraft.store.errors import PartError

ByHand = Callable[..., Store]
Filtered = Callable[..., Awaitable[dict[str, str | None]]]


def drawn(right: int, wrong: int, **facts: Any) -> list[dict[str, Any]]:
    return [{"answer": str(n), "right": n < right, **facts} for n in range(right + wrong)]


async def test_problems_are_dropped_by_their_pass_rate(by_hand: ByHand, outcome: Filtered) -> None:
    drafts = {
        "easy": drawn(2, 0),
        "hard": drawn(0, 2),
        "mixed": [*drawn(1, 1), {"right": True, "answer": "9", "oracle": True}],
        "silent": [{"answer": None}, {"answer": "1", "right": True}],
        "undecided": [{"answer": "1", "right": None}],
    }
    assert await outcome(by_hand(drafts), ["difficulty least=0.01 most=0.99"]) == {
        "easy.0": "pass rate above 0.99: 1.00 of 2 samples", "easy.1": "pass rate above 0.99: 1.00 of 2 samples",
        "hard.0": "pass rate below 0.01: 0.00 of 2 samples", "hard.1": "pass rate below 0.01: 0.00 of 2 samples",
        "mixed.0": None, "mixed.1": None, "mixed.2": None, "silent.0": None, "silent.1": None,
        "undecided.0": "pass rate not known: 0 judged samples",
    }  # fmt: skip


async def test_too_few_samples_and_unknown_answers_give_no_rate(by_hand: ByHand, outcome: Filtered) -> None:
    problems = [Problem("a?", "1", problem_id="a"), Problem("b?", None, problem_id="b")]
    store = by_hand({"a": drawn(1, 1), "b": [{"answer": None}, {"answer": "2"}]}, problems)
    assert await outcome(store, ["difficulty samples=3"]) == {
        "a.0": "pass rate not known: 2 judged samples", "a.1": "pass rate not known: 2 judged samples",
        "b.0": "pass rate not known: 0 judged samples", "b.1": "pass rate not known: 0 judged samples",
    }  # fmt: skip


async def test_balance_keeps_as_many_problems_of_each_bin_and_the_same_ones_again(
    by_hand: ByHand, outcome: Filtered
) -> None:
    rates = {"e": (4, 0, 9), "m": (2, 2, 5), "h": (0, 4, 3)}
    drafts = {f"{kind}{n}": drawn(right, wrong) for kind, (right, wrong, many) in rates.items() for n in range(many)}
    store = by_hand(drafts)
    found = await outcome(store, ["difficulty balance=true"])
    kept = sorted({name.partition(".")[0] for name, reason in found.items() if reason is None})
    assert [sum(name[0] == kind for name in kept) for kind in "emh"] == [3, 3, 3]
    assert {reason for reason in found.values() if reason} == {
        "more problems than in other bins: pass rate 1.00 of 4 samples",
        "more problems than in other bins: pass rate 0.50 of 4 samples",
    }
    assert await outcome(store, ["difficulty balance=true"]) == found
    found = await outcome(store, ["difficulty balance=true least=0.1"])
    assert sum(reason is None for reason in found.values()) == 40, "five problems of each of two bins"


@pytest.mark.parametrize(
    ("filter", "says"),
    [
        ("difficulty least=-1", "difficulty.least=-1.0: give a number from 0 to 1, such as 0.1"),
        ("difficulty most=1.5", "difficulty.most=1.5: give a number from 0 to 1, such as 0.9"),
        ("difficulty bins=0 balance=true", "difficulty.bins=0: give a whole number from 1"),
    ],
)
async def test_a_rate_that_is_none_is_a_mistake(by_hand: ByHand, outcome: Filtered, filter: str, says: str) -> None:
    with pytest.raises(PartError, match=says):
        await outcome(by_hand({"a": [{}]}), [filter])


@pytest.mark.parametrize("seed", range(2))
async def test_rates_are_those_of_plain_counting(by_hand: ByHand, outcome: Filtered, seed: int) -> None:
    chance = random.Random(seed)
    drafts: dict[str, list[dict[str, Any]]] = {
        f"p{n}": [
            {
                "answer": chance.choice(["1", None]),
                "right": chance.choice([True, False, None]),
                "oracle": chance.random() < 0.2,
                "role": chance.choice(["sample", "sample", "search"]),
                "stop": chance.choice(["answered", "answered", "failed"]),
                "reason": "down",
            }
            for _ in range(chance.randint(1, 9))
        ]
        for n in range(20)
    }
    wanted: dict[str, str | None] = {}
    for name, samples in drafts.items():
        drawn = [s for s in samples if s["role"] == "sample" and s["stop"] != "failed" and not s["oracle"]]
        judged = [
            s["right"] is True and s["answer"] is not None for s in drawn if s["right"] is not None or not s["answer"]
        ]
        rate, reason = sum(judged) / max(len(judged), 1), None
        if len(judged) < 2:
            reason = f"pass rate not known: {len(judged)} judged samples"
        elif rate > 0.6:
            reason = f"pass rate above 0.6: {rate:.2f} of {len(judged)} samples"
        for number, sample in enumerate(samples):
            wanted[f"{name}.{number}"] = "failed: down" if sample["stop"] == "failed" else reason
    found = await outcome(by_hand(drafts), ["difficulty most=0.6 samples=2"])
    roles = {f"{name}.{n}" for name, samples in drafts.items() for n, s in enumerate(samples) if s["role"] == "sample"}
    assert {name: found[name] for name in roles} == {name: wanted[name] for name in roles}
