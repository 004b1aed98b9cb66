"""loops: drafts that repeat themselves."""

import random
from collections.abc import Awaitable, Callable

import pytest

from redraft.flows.filters.text.loops import _period, _repeated
from redraft.store import Store
from redraft.store.errors import PartError

ByHand = Callable[..., Store]
Filtered = Callable[..., Awaitable[dict[str, str | None]]]
START = "Ann has three pens and buys two more at the shop on the corner of her street."
WAIT = "Wait, let me check this again."


async def test_a_loop_at_the_end_and_much_repetition_are_dropped(by_hand: ByHand, outcome: Filtered) -> None:
    texts = [
        f"{START} {' '.join([WAIT] * 4)}", f"{START} {' '.join([WAIT] * 3)}", f"{START} {' '.join([WAIT] * 4)} So 5.",
        f"{START} {' '.join([WAIT] * 5)} Wait, let", f"{START} So 5. {START} So 6. {START} So 7.",
        "No " * 11, "No " * 12, "", START,
    ]  # fmt: skip
    found = await outcome(by_hand({"a": [{"text": text} for text in texts]}), ["loops"])
    assert list(found.values()) == [
        "ends in a loop: Wait, let me check this again.", "repeats itself: 0.29 of it", "repeats itself: 0.24 of it",
        "ends in a loop: me check this again. Wait, let", "repeats itself: 0.35 of it", "repeats itself: 0.91 of it",
        "ends in a loop: No", None, None,
    ]  # fmt: skip


def test_the_period_is_that_of_plain_comparison() -> None:
    chance = random.Random(3)
    for _ in range(400):
        words = [chance.choice("ab") for _ in range(chance.randint(0, 40))]
        if chance.random() < 0.5:
            words = words[: chance.randint(1, 5)] * 9
        times = chance.randint(2, 5)
        plain = next(
            (
                period
                for end in range(1, len(words) + 1)
                for period in range(1, end + 1)
                if end >= max(times * period, 12) and all(words[i] == words[i - period] for i in range(period, end))
            ),
            0,
        )
        assert _period(words, times) == plain


def test_repeated_runs_are_counted_without_overlaps() -> None:
    assert _repeated(list("abcabcx"), 3) == 3 / 7
    assert _repeated(list("aaaaaaa"), 3) == 6 / 7
    assert _repeated(list("ab"), 3) == 0
    assert _repeated([], 3) == 0


@pytest.mark.parametrize(
    ("filter", "says"),
    [
        ("loops times=1", "at least 2 times"),
        ("loops words=0", "number from 1"),
        ("loops share=nan", "loops.share=nan: give a number from 0 to 1, such as 0.2"),
    ],
)
async def test_a_loop_needs_repetitions(by_hand: ByHand, outcome: Filtered, filter: str, says: str) -> None:
    with pytest.raises(PartError, match=says):
        await outcome(by_hand({"a": [{}]}), [filter])
