"""near_duplicates, against plain comparison of all pairs."""

import random
from collections.abc import Awaitable, Callable

import pytest

from redraft.flows.filters.similarity.near_index import NearTexts, shingles
from redraft.store import Problem, Store
from redraft.store.errors import PartError

ByHand = Callable[..., Store]
Filtered = Callable[..., Awaitable[dict[str, str | None]]]
LONG = " ".join(f"w{number}" for number in range(40))


def changed(text: str, chance: random.Random, share: float) -> str:
    return " ".join(f"x{chance.randint(0, 10**6)}" if chance.random() < share else word for word in text.split())


def jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)


async def test_the_first_draft_of_a_question_is_kept_and_named(by_hand: ByHand, outcome: Filtered) -> None:
    texts = [LONG, f"{LONG} more", LONG.upper() + "!", f"other {LONG.replace('w20', 'v')}", "two words", "Two, words."]
    store = by_hand({"a": [{"text": text} for text in texts], "b": [{"text": LONG}]})
    ids = {
        f"{problem}.{sample}": name
        for problem, sample, name in store.query("SELECT problem_id, sample, trajectory_id FROM trajectories").rows
    }
    assert await outcome(store, ["near_duplicates"]) == {
        "a.0": None,
        "a.1": f"near duplicate: Jaccard 0.97 with {ids['a.0']}",
        "a.2": f"near duplicate: Jaccard 1.00 with {ids['a.0']}",
        "a.3": f"near duplicate: Jaccard 0.83 with {ids['a.0']}",
        "a.4": None,
        "a.5": f"near duplicate: Jaccard 1.00 with {ids['a.4']}",
        "b.0": None,
    }


async def test_questions_of_the_whole_store_are_compared(by_hand: ByHand, outcome: Filtered) -> None:
    problems = [
        Problem(text, "1", problem_id=name) for name, text in zip("abc", [LONG, f"{LONG} more", "no"], strict=True)
    ]
    store = by_hand({name: [{"text": "x"}, {"text": "y"}] for name in "abc"}, problems)
    said = "near duplicate: Jaccard 0.97 with a"
    assert await outcome(store, ["near_duplicates of=question"]) == {
        "a.0": None, "a.1": None, "b.0": said, "b.1": said, "c.0": None, "c.1": None,
    }  # fmt: skip


@pytest.mark.parametrize(("least", "count"), [(0.8, 400), (0.5, 150)])
def test_planted_pairs_are_found_and_nothing_else(least: float, count: int) -> None:
    chance = random.Random(5)
    bases = [" ".join(f"w{chance.randint(0, 5000)}" for _ in range(60)) for _ in range(count)]
    index, texts = NearTexts(least, 3), {}
    for number, text in enumerate(bases):
        index.add(str(number), index.read(text))
        texts[str(number)] = shingles(text, 3)
    planted = found = 0
    for number, text in enumerate(bases):
        copy = shingles(changed(text, chance, 0.03 if number % 2 else 0.3), 3)
        near = jaccard(copy, texts[str(number)]) >= least
        match = index.find(copy)
        planted += near
        found += match is not None
        assert match is None or (near and match.name == str(number)), "precision is 1: matches are verified"
        assert match is None or match.how == f"Jaccard {jaccard(copy, texts[match.name]):.2f}"
    assert planted > count / 4
    assert found >= 0.97 * planted


def test_a_text_at_the_threshold_is_found_nearly_always() -> None:
    """18 of 20 shingles and 2 of another text each: Jaccard 18/22 = 0.82."""
    index = NearTexts(0.8, 1)
    for number in range(300):
        index.add(str(number), {f"{number}-{word}" for word in range(20)})
    copies = [{f"{number}-{word}" for word in range(18)} | {"y", "z"} for number in range(300)]
    assert sum(index.find(copy) is not None for copy in copies) >= 285


@pytest.mark.parametrize(
    ("filter", "says"),
    [("near_duplicates least=0", "near_duplicates.least=0.0 is no similarity: give a number above 0 and up to 1"),
     ("near_duplicates words=0", "near_duplicates.words=0: give a whole number from 1"),
     ("near_duplicates of=text", "of='text' does not fit: it wants draft or question")],
)  # fmt: skip
async def test_a_wrong_argument_is_a_line(by_hand: ByHand, outcome: Filtered, filter: str, says: str) -> None:
    with pytest.raises(PartError, match=says):
        await outcome(by_hand({"a": [{}]}), [filter])
