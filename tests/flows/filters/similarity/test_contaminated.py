"""contaminated: problems that are also in a test set."""

import json
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from redraft.flows.filters.similarity.passage_index import SharedPassages
from redraft.store import Problem, Store
from redraft.store.errors import PartError, SourceError
from redraft.store.sources.reader import read

ByHand = Callable[..., Store]
Filtered = Callable[..., Awaitable[dict[str, str | None]]]
TEST = "A farmer has twelve cows and sells five of them, then he buys eight more at the market on Sunday. How many?"
SHORT = "How many legs do seven cows have together?"
TINY = "What is 1 + 1?"
QUESTIONS = {
    "copied": f"Listen. {TEST.upper()} Say it.",
    "reworded": TEST.replace("five", "six").replace("market", "fair"),
    "short": f"Tell me! {SHORT}",
    "tiny": "what is 1 + 1",
    "longer": "What is 1 + 1? And what is 2 + 2?",
    "clean": "A train leaves at nine and arrives at noon. How long is the way if it goes at sixty miles an hour?",
}


@pytest.fixture
def tests(tmp_path: Path) -> Path:
    file = tmp_path / "exam_test.jsonl"
    asked = enumerate((TEST, SHORT, TINY))
    rows = [json.dumps({"id": f"e{number}", "question": text, "answer": "1"}) for number, text in asked]
    file.write_text("\n".join(rows))
    return file


async def reasons(by_hand: ByHand, outcome: Filtered, filter: str) -> dict[str, str | None]:
    problems = [Problem(text, "1", problem_id=name) for name, text in QUESTIONS.items()]
    found = await outcome(by_hand({name: [{"text": TEST}] for name in QUESTIONS}, problems), [filter])
    return {name.removesuffix(".0"): reason for name, reason in found.items()}


async def test_a_shared_run_of_words_names_the_pair(by_hand: ByHand, outcome: Filtered, tests: Path) -> None:
    ids = [problem.problem_id for problem in read(tests)]
    run = "a farmer has twelve cows and sells five of them then he buys"
    assert await reasons(by_hand, outcome, f"contaminated against={tests}") == {
        "copied": f'in the test set: shared "{run}" with {ids[0]}',
        "reworded": None,
        "short": f'in the test set: shared "how many legs do seven cows have together" with {ids[1]}',
        "tiny": f"in the test set: equal with {ids[2]}",
        "longer": None,
        "clean": None,
    }
    found = await reasons(by_hand, outcome, f"contaminated against={tests} words=8")
    assert found["reworded"] == f'in the test set: shared "of them then he buys eight more at" with {ids[0]}'


async def test_near_duplicates_of_test_questions_are_dropped(by_hand: ByHand, outcome: Filtered, tests: Path) -> None:
    ids = [problem.problem_id for problem in read(tests)]
    found = await reasons(by_hand, outcome, f"contaminated against={tests} by=near least=0.5")
    assert found == {
        "copied": f"in the test set: Jaccard 0.87 with {ids[0]}",
        "reworded": f"in the test set: Jaccard 0.54 with {ids[0]}",
        "short": f"in the test set: Jaccard 0.75 with {ids[1]}",
        "tiny": f"in the test set: Jaccard 1.00 with {ids[2]}",
        "longer": None,
        "clean": None,
    }


async def test_meaning_finds_a_paraphrase(by_hand: ByHand, outcome: Filtered, tests: Path) -> None:
    found = await reasons(by_hand, outcome, f"contaminated against={tests} by=meaning least=0.8")
    assert found["clean"] is None
    assert {name for name, reason in found.items() if reason} >= {"reworded", "short"}
    assert (found["reworded"] or "").startswith("in the test set: cosine 0.")


async def test_drafts_can_be_compared_in_place_of_questions(by_hand: ByHand, outcome: Filtered, tests: Path) -> None:
    assert all((await reasons(by_hand, outcome, f"contaminated against={tests} of=draft")).values())


async def test_the_first_problems_of_the_generator_are_a_test_set(by_hand: ByHand, outcome: Filtered) -> None:
    [problem] = read("builtin:seed=9,split=heldout", limit=1)
    store = by_hand({"p": [{}]}, [Problem(problem.question, "1", problem_id="p", split="train")])
    against = "builtin:seed=9,split=heldout"
    found = await outcome(store, ["contaminated"], arguments={"contaminated.against": against, "contaminated.limit": 5})
    assert found == {"p.0": f"in the test set: equal with {problem.problem_id}"}


async def test_a_wrong_test_set_is_a_line(by_hand: ByHand, outcome: Filtered, tests: Path) -> None:
    store = by_hand({"p": [{}]})
    with pytest.raises(PartError, match=r"contaminated.against='builtin' never ends: set how many count"):
        await outcome(store, ["contaminated against=builtin"])
    with pytest.raises(SourceError, match=r"nosuch\.jsonl"):
        await outcome(store, ["contaminated against=nosuch.jsonl"])
    with pytest.raises(PartError, match=r"filter 'contaminated' needs its argument 'against'"):
        await outcome(store, ["contaminated"])
    with pytest.raises(PartError, match=r"contaminated.words=0: give a whole number from 1"):
        await outcome(store, [f"contaminated against={tests} words=0"])


def test_a_passage_is_found_at_every_place() -> None:
    words = [f"w{number}" for number in range(40)]
    index = SharedPassages(13)
    index.add("t", words)
    for start in range(28):
        match = index.find(["a", *words[start : start + 13], "z"])
        assert match is not None
        assert match.how == f'shared "{" ".join(words[start : start + 13])}"'
        assert index.find(["a", *words[start : start + 12], "z"]) is None


def test_planted_passages_are_found_and_nothing_else() -> None:
    chance = random.Random(11)
    tests = {f"t{n}": [f"w{chance.randint(0, 400)}" for _ in range(chance.randint(3, 50))] for n in range(60)}
    index = SharedPassages(13)
    for name, words in tests.items():
        index.add(name, words)
    found = planted = 0
    for number in range(300):
        text = [f"w{chance.randint(0, 400)}" for _ in range(60)]
        if number % 2:
            words = chance.choice(list(tests.values()))
            start = chance.randint(0, max(len(words) - 14, 0))
            text[20:20] = words[start : start + chance.randint(5, 14)]
        joined = f" {' '.join(text)} "
        shared = {
            name
            for name, words in tests.items()
            for size in [min(13, len(words))]
            for start in range(len(words) - size + 1)
            if size >= 8 and f" {' '.join(words[start : start + size])} " in joined
        }
        match = index.find(text)
        assert (match is not None) == bool(shared)
        assert match is None or match.name in shared
        found += match is not None
        planted += number % 2
    assert 20 < found < planted
