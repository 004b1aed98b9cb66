"""answered: drafts that end with their answer in a marked form."""

from collections.abc import Awaitable, Callable

import pytest

from redraft.store import Store
from redraft.store.errors import PartError

ByHand = Callable[..., Store]
Filtered = Callable[..., Awaitable[dict[str, str | None]]]
TEXTS = [
    "So it is \\boxed{\\frac{1}{2}}.", "So.\n#### 4\n", "The answer is 4.", "\\[\n\\boxed{4}\n\\]\n",
    "\\boxed{4}\nWait, I add that this is right.", "<think>Is it \\boxed{3}?", "<think>\\boxed{3}</think>It is four.",
    "Is it \\boxed{3}?</think>\n\\boxed{x < 4}", "#### 4\n\nQuestion: 2 + 2?", "####",
]  # fmt: skip


async def reasons(by_hand: ByHand, outcome: Filtered, filter: str) -> list[str | None]:
    store = by_hand({"a": [{"text": text, "answer": "4"} for text in TEXTS]})
    return list((await outcome(store, [filter])).values())


async def test_an_answer_needs_a_mark_after_the_thinking(by_hand: ByHand, outcome: Filtered) -> None:
    assert await reasons(by_hand, outcome, "answered") == [
        None, None, "answer is not marked", None, None, "thinking is not closed", "answer is not marked", None, None,
        "answer is not marked",
    ]  # fmt: skip


async def test_a_mark_can_be_asked_for(by_hand: ByHand, outcome: Filtered) -> None:
    wrong = "answer is not marked by a box"
    assert await reasons(by_hand, outcome, "answered mark=box") == [
        None, wrong, wrong, None, None, "thinking is not closed", wrong, None, wrong, wrong,
    ]  # fmt: skip
    with pytest.raises(PartError, match="mark='bold' does not fit: it wants any or box or hashes"):
        await reasons(by_hand, outcome, "answered mark=bold")


async def test_text_after_the_answer_can_be_refused(by_hand: ByHand, outcome: Filtered) -> None:
    after = "text after the answer"
    found = await reasons(by_hand, outcome, "answered alone=true")
    assert found == [
        None, None, "answer is not marked", None, after, "thinking is not closed", "answer is not marked", None, after,
        "answer is not marked",
    ]  # fmt: skip


async def test_a_draft_without_an_answer_is_dropped(by_hand: ByHand, outcome: Filtered) -> None:
    store = by_hand({"a": [{"text": "\\boxed{", "answer": None}, {"text": "#### 1", "answer": "1"}]})
    assert await outcome(store, ["answered"]) == {"a.0": "no answer", "a.1": None}
