"""score: drafts that a grader valued highly."""

from collections.abc import Awaitable, Callable

import pytest

from redraft.store import Store
from redraft.store.errors import PartError

ByHand = Callable[..., Store]
Filtered = Callable[..., Awaitable[dict[str, str | None]]]


async def test_a_draft_below_the_value_or_without_one_is_dropped(by_hand: ByHand, outcome: Filtered) -> None:
    store = by_hand({"a": [{"value": 0.9}, {"value": 0.5}, {"value": 0.25, "model": "n"}, {}]})
    assert await outcome(store, ["score grader=prm least=0.5"]) == {
        "a.0": None, "a.1": None, "a.2": "prm below 0.5: 0.25", "a.3": "not graded by prm",
    }  # fmt: skip
    assert await outcome(store, ["cap most=2", "score grader=prm least=0 model=n"]) == {
        "a.0": "not graded by prm", "a.1": "not graded by prm", "a.2": "more than 2 of this question",
        "a.3": "more than 2 of this question",
    }  # fmt: skip


async def test_a_grader_that_gave_no_value_is_a_mistake(by_hand: ByHand, outcome: Filtered) -> None:
    store = by_hand({"a": [{"value": 0.9, "right": True}]})
    with pytest.raises(PartError, match=r"score.grader='pm': it gave no draft of .* there are prm with values"):
        await outcome(store, ["score grader=pm least=0.5"])
    with pytest.raises(PartError, match=r"score.grader='oracle': it gave no draft of"):
        await outcome(store, ["score grader=oracle least=0.5"])
    with pytest.raises(PartError, match=r"filter 'score' needs its argument 'least': give it with --set score.least="):
        await outcome(store, ["score grader=prm"])
    with pytest.raises(PartError, match=r"score.least=nan: give a number"):
        await outcome(store, ["score grader=prm least=nan"])
    with pytest.raises(PartError, match=r"score.least=2.0: no value by 'prm' is above 0.9: give a lower number"):
        await outcome(store, ["score grader=prm least=2"])
    both = r"needs its arguments 'grader' and 'least': give them with --set score.grader=... and --set score.least=..."
    with pytest.raises(PartError, match=both):
        await outcome(store, ["score"])
    assert store.query("FROM datasets").rows == []


async def test_a_store_without_values_says_how_to_get_some(by_hand: ByHand, outcome: Filtered) -> None:
    with pytest.raises(PartError, match=r"`redraft annotate` grades stored drafts"):
        await outcome(by_hand({"a": [{}]}), ["score grader=prm least=0.5"])
