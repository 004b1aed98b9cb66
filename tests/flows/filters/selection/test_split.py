"""split: problems of splits that are not for training."""

from collections.abc import Awaitable, Callable

import pytest

from redraft.store import Problem, Store
from redraft.store.errors import PartError

ByHand = Callable[..., Store]
Filtered = Callable[..., Awaitable[dict[str, str | None]]]
SPLITS = {"a": None, "b": "train", "c": "Hard", "d": "held-out", "e": "Held Out"}


def keeps_all() -> Callable[[object], None]:
    return lambda candidate: None


@pytest.fixture
def store(by_hand: ByHand) -> Store:
    problems = [Problem(f"{name}?", "1", problem_id=name, split=split) for name, split in SPLITS.items()]
    return by_hand({name: [{}] for name in SPLITS}, problems)


@pytest.mark.parametrize(
    ("filter", "dropped"),
    [("split", "de"), ("split drop=heldout", "de"), ("split drop=HELD-OUT", "de"), ("split 'drop=train, hard'", "bc")],
)
async def test_a_split_is_dropped_in_any_spelling(store: Store, outcome: Filtered, filter: str, dropped: str) -> None:
    wanted = {f"{name}.0": f"of split {split}" if name in dropped else None for name, split in SPLITS.items()}
    assert await outcome(store, [filter], include_heldout=True) == wanted
    assert await outcome(store, [keeps_all, filter], include_heldout=True) == wanted


@pytest.mark.parametrize(
    ("filter", "says"),
    [
        ("split drop=", "split.drop is empty: name the splits to leave out, such as test"),
        ("split drop=,", "split.drop is empty"),
        ("split drop=trian", r"split.drop='trian': no problem of .*r.duckdb has this split; .*Did you mean 'train'\?"),
    ],
)
async def test_a_split_that_drops_nothing_is_a_mistake(store: Store, outcome: Filtered, filter: str, says: str) -> None:
    with pytest.raises(PartError, match=says):
        await outcome(store, [filter])
