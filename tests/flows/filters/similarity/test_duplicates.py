"""duplicates, and which of several drafts with the same equations stays."""

import json
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from redraft.flows.export import export
from redraft.flows.filter import filter, preview
from redraft.flows.filters.filter import ProblemFilter
from redraft.flows.presets.preset import read_preset
from redraft.store import Problem, Store
from redraft.store.errors import PartError
from redraft.store.tables.rows.equations import signature

ByHand = Callable[..., Store]
Filtered = Callable[..., Awaitable[dict[str, str | None]]]
FURTHEST = "duplicates keep=furthest"
FIRST, FAR, OTHER, EQUAL = (
    "1+1=2 in all",
    "We are told of two that come one by one: 1+1=2",
    "2*1=2 in all",
    "1+1=2 in sum",
)
"""The second has the equations of the first, and other words than the third. The fourth is nearer to the third."""


def distance(one: str, other: str) -> int:
    """The Levenshtein distance, by its recursion."""
    above = list(range(len(other) + 1))
    for row, a in enumerate(one, 1):
        now = [row]
        for column, b in enumerate(other, 1):
            now.append(min(above[column] + 1, now[-1] + 1, above[column - 1] + (a != b)))
        above = now
    return above[-1]


def furthest(texts: list[str]) -> set[str]:
    """What the loop of RFT's program keeps of the drafts of a problem, with the equations as redraft reads them."""
    kept: list[str] = []
    known: list[tuple[str, ...]] = []
    for text in texts:
        found = signature(text)
        if found not in known:
            kept.append(text)
            known.append(found)
            continue
        place = known.index(found)
        others = [text for number, text in enumerate(kept) if number != place]
        if sum(distance(text, other) for other in others) > sum(distance(kept[place], other) for other in others):
            kept[place] = text
    return set(kept)


def worded(chance: random.Random) -> str:
    words = ("so", "there", "are", "boxes", "of", "pens", "we", "count", "them")
    equation = chance.choice(("2+3=5", "2*3=6", "6-1=5", "9/3=3"))
    text = [chance.choice(words) for _ in range(chance.randint(1, 9))]
    return f"{' '.join(text)} {equation} {' '.join(chance.sample(words, chance.randint(0, 5)))}".strip() + "."


async def test_a_draft_that_is_further_from_the_others_takes_the_place_of_the_first(
    by_hand: ByHand, outcome: Filtered
) -> None:
    store = by_hand({"a": [{"text": text} for text in (FIRST, OTHER, FAR, EQUAL)], "b": [{"text": FIRST}]})
    rows = "SELECT problem_id || '.' || sample, trajectory_id FROM trajectories"
    ids = dict(store.query(rows).rows)
    same = "duplicate: same equations as"
    assert await outcome(store, [FURTHEST]) == {
        "a.0": f"{same} {ids['a.2']}", "a.1": None, "a.2": None, "a.3": f"{same} {ids['a.2']}", "b.0": None,
    }  # fmt: skip
    first = {"a.0": None, "a.1": None, "a.2": f"{same} {ids['a.0']}", "a.3": f"{same} {ids['a.0']}", "b.0": None}
    assert await outcome(store, ["duplicates"]) == first


@pytest.mark.parametrize("seed", range(4))
async def test_what_stays_is_what_the_program_of_rft_keeps(by_hand: ByHand, seed: int) -> None:
    chance = random.Random(seed)
    texts = {f"p{number}": [worded(chance) for _ in range(chance.randint(1, 14))] for number in range(8)}
    store = by_hand({name: [{"text": text} for text in given] for name, given in texts.items()})
    found = await filter(db=store, filters=[FURTHEST])
    kept = f"FROM dataset_rows WHERE dataset_id = '{found.dataset_id}' AND \"row\" IS NOT NULL"
    rows = store.query(f"SELECT problem_id, text FROM ({kept}) JOIN trajectories USING (trajectory_id)").rows
    assert {name: {text for problem, text in rows if problem == name} for name in texts} == {
        name: furthest(given) for name, given in texts.items()
    }
    first = await filter(db=store, filters=["duplicates"])
    assert first.kept == found.kept
    assert any(furthest(given) != furthest(given[::-1]) for given in texts.values()), "the order matters"


async def test_of_problems_that_ask_the_same_the_first_one_counts(by_hand: ByHand, outcome: Filtered) -> None:
    problems = [Problem("How many?", "2", problem_id=name) for name in "ab"]
    store = by_hand({"a": [{"text": FIRST}], "b": [{"text": FAR}, {"text": OTHER}]}, problems)
    [[first]] = store.query("SELECT trajectory_id FROM trajectories WHERE problem_id = 'a'").rows
    wanted = {"a.0": None, "b.0": f"duplicate: same equations as {first}", "b.1": None}
    assert await outcome(store, [FURTHEST]) == wanted


async def test_it_acts_between_other_filters_and_in_a_preview(by_hand: ByHand, outcome: Filtered) -> None:
    drafts = [{"text": text, "right": right} for text, right in ((FAR, False), (FIRST, True), (OTHER, True))]
    drafts += [{"text": FAR, "right": True}, {"text": f"{FAR} {'so ' * 40}", "right": True}, {"stop": "failed"}]
    store = by_hand({"a": drafts, "b": [{"text": "1+1=2", "right": True}]})
    chain = ["correct", "loops", FURTHEST, "cap most=1"]
    [name] = [name for (name,) in store.query("SELECT trajectory_id FROM trajectories WHERE sample = 3").rows]
    wanted = {
        "a.0": "wrong answer", "a.1": f"duplicate: same equations as {name}", "a.2": None,
        "a.3": "more than 1 of this question", "a.5": "failed: no reason was given", "b.0": None,
    }  # fmt: skip
    found = await outcome(store, chain)
    loops = found.pop("a.4") or ""
    assert loops.startswith("ends in a loop"), loops
    assert found == wanted
    seen = {each.filter: (each.reason, each.count) for each in (await preview(db=store, filters=chain)).dropped}
    assert seen["duplicates"] == ("duplicate", 1)
    assert list(seen) == ["failed", "correct", "loops", "duplicates", "cap"]


async def test_the_preset_of_rft_keeps_the_furthest(by_hand: ByHand, tmp_path: Path) -> None:
    assert read_preset("rft").flat_arguments == {"duplicates.keep": "furthest"}
    texts = (FIRST, OTHER, FAR, EQUAL, "1+1=3 by far the longest of all that are here")
    store = by_hand({"a": [{"text": text, "right": True, "answer": "2"} for text in texts]})
    await export(tmp_path / "rft.jsonl", db=store, preset="rft", arguments={"style": "text"})
    rows = [json.loads(line)["completion"] for line in (tmp_path / "rft.jsonl").read_text().splitlines()]
    assert rows == [OTHER, FAR]


async def test_a_filter_of_ones_own_decides_about_a_problem_at_once(by_hand: ByHand, outcome: Filtered) -> None:
    def longest() -> ProblemFilter:
        def judge(candidates):  # type: ignore[no-untyped-def]
            most = max(len(one.text) for one in candidates)
            return [None if len(one.text) == most else "shorter than another" for one in candidates]

        return ProblemFilter(judge)

    store = by_hand({"a": [{"text": "x"}, {"text": "xxx"}], "b": [{"text": "x"}]})
    assert await outcome(store, [longest]) == {"a.0": "shorter than another", "a.1": None, "b.0": None}


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        ([None], r"filter '.*broken' returned a list of 1, \[None\]: it must return a list of 2 reasons"),
        ([None, 3], "each None or a text"),
        (None, "returned None: it must return a list of 2 reasons"),
    ],
)
async def test_a_wrong_list_of_reasons_is_a_line(by_hand: ByHand, returned: object, says: str) -> None:
    def broken() -> ProblemFilter:
        return ProblemFilter(lambda candidates: returned)  # type: ignore[arg-type, return-value]

    with pytest.raises(PartError, match=says):
        await filter(db=by_hand({"a": [{}, {}]}), filters=[broken])
