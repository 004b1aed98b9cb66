"""Chains of filters: arguments in their texts, several of one name, SQL after Python, and previews."""

import json
import random
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.export import EmptyExport, export
from redraft.flows.filter import filter, preview
from redraft.flows.filters.sifting.chain import Chain
from redraft.flows.filters.sifting.preview import Dropped, Example, Preview
from redraft.store import Store
from redraft.store.errors import PartError

ByHand = Callable[..., Store]
Filtered = Callable[..., Awaitable[dict[str, str | None]]]
Redraft = Callable[..., subprocess.CompletedProcess[str]]


def keeps_all() -> Callable[[Any], None]:
    """A filter in Python: DuckDB reads candidates for it, and decides those after it in the same statement."""
    return lambda candidate: None


def mixed(seed: int) -> dict[str, list[dict[str, Any]]]:
    chance = random.Random(seed)
    texts = ["#### 1", "\\boxed{1} and so on\nYes.", "<think>2", "1 + 1 = 2, so 2.", "3 * 3 = 10. #### 2"]
    return {
        f"p{n}": [
            {"text": chance.choice(texts), "answer": chance.choice(["1", "2", "1.0", None]),
             "right": chance.choice([True, False, None]),
             "value": chance.random(), "oracle": chance.random() < 0.2, "tokens": chance.randint(1, 9),
             "stop": chance.choice(["answered", "answered", "length", "failed"]), "reason": "down",
             "role": chance.choice(["sample", "sample", "search"])}
            for _ in range(chance.randint(1, 7))
        ]
        for n in range(12)
    }  # fmt: skip


CHAINS = (
    ("agreement least=0.4",), ("score grader=prm least=0.5",), ("difficulty least=0.2 most=0.8 samples=2",),
    ("difficulty balance=true",), ("answered alone=true",),
    ("unaided", "score grader=prm least=0.3", "agreement least=0.4", "duplicates", "answered", "cap most=2"),
)  # fmt: skip


@pytest.mark.parametrize("names", CHAINS, ids=lambda names: names[-1].split()[0])
async def test_a_chain_decides_the_same_before_and_after_a_filter_in_python(
    by_hand: ByHand, outcome: Filtered, names: tuple[str, ...]
) -> None:
    store = by_hand(mixed(len(names)))
    found = await outcome(store, names)
    assert await outcome(store, [keeps_all, *names]) == found
    assert await outcome(store, [names[0], keeps_all, *names[1:]]) == found
    assert {reason is None for reason in found.values()} == {True, False}


async def test_arguments_in_the_text_override_those_of_all(by_hand: ByHand) -> None:
    chain = Chain(["cap most=1", "length least=2", "cap", "cap most=3"], {"cap.most": "2"})
    assert chain.spec == [
        {"name": "cap", "most": 1}, {"name": "length", "least": 2}, {"name": "cap", "most": 2},
        {"name": "cap", "most": 3},
    ]  # fmt: skip
    store = by_hand({"a": [{"text": "one two"}, {"text": "#### 3"}, {"text": "four"}]})
    found = await filter(db=store, filters=["cap most=2", "cap most=1"])
    assert (found.kept, dict(found.dropped)) == (
        1,
        {"more than 2 of this question": 1, "more than 1 of this question": 1},
    )


@pytest.mark.parametrize(
    ("filters", "given", "says"),
    [(["cap most=x"], {}, "most='x' does not fit: it wants a whole number"),
     (["cap least=2"], {}, "filter 'cap' has no argument 'least'; there are most"),
     (["cap most=2 more"], {}, "filter 'cap most=2 more' cannot be read: write it as \"cap most=2\""),
     (["cap most='2"], {}, "cannot be read"),
     (["cap most=1 most=2"], {}, "filter 'cap most=1 most=2' sets 'most' 2 times: keep one of them"),
     (["difficulty bins=8"], {}, "difficulty.bins=8 is for balance=true: set it too"),
     (["contaminated against=x least=0.5"], {}, "contaminated.least=0.5 is for by=near and by=meaning: name one"),
     (["contaminated against=x by=near words=5"], {}, "contaminated.words=5 is for by=ngrams: leave it out"),
     (["cap"], {"cap": {"least": 1}}, "filter 'cap' has no argument 'least'; there are most"),
     (["cap most=0"], {}, "cap.most=0: give a whole number from 1, such as 4"),
     (["cap"], {"cap.most": -1}, "cap.most=-1: give a whole number from 1, such as 4"),
     (["length most=0"], {}, "length.most=0: give a whole number from 1, such as 1024"),
     (["length least=-5"], {}, "length.least=-5: give a whole number from 0, such as 10"),
     (["length least=50 most=10"], {}, "length.least=50 is above length.most=10, so that nothing is kept"),
     (["difficulty least=0.9 most=0.1"], {}, "difficulty.least=0.9 is above difficulty.most=0.1"),
     (["difficulty samples=0"], {}, "difficulty.samples=0: give a whole number from 1, such as 4"),
     (["agreement samples=0"], {}, "agreement.samples=0: give a whole number from 1, such as 2"),
     (["language words=0"], {}, "language.words=0: give a whole number from 1, such as 12"),
     (["contaminated against=builtin limit=0"], {}, "contaminated.limit=0: give a whole number from 1, such as 1000"),
     (["contaminated against=builtin limit=-1"], {}, "contaminated.limit=-1: give a whole number from 1"),
     (["nosuch most=2"], {}, "no filter 'nosuch'; there are agreement, answered"),
     (["cap"], {"capp.most": 2}, "no argument 'capp.most' of these filters; there are cap.<argument>")],
)  # fmt: skip
def test_a_mistake_in_a_text_is_a_line(filters: list[str], given: dict[str, Any], says: str) -> None:
    with pytest.raises(PartError) as raised:
        Chain(filters, given)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_a_preview_says_what_each_filter_drops_and_stores_nothing(by_hand: ByHand) -> None:
    drafts = [{"text": f"{n} It is.", "right": n > 1, "answer": "1"} for n in range(6)]
    store = by_hand({"a": [*drafts, {"stop": "failed", "reason": "down", "text": ""}]})
    ids = [name for (name,) in store.query("SELECT trajectory_id FROM trajectories ORDER BY sample").rows]
    wanted = Preview(
        1, 0,
        [
            Dropped("failed", "failed", 1, [Example(ids[6], "failed: down", "")]),
            Dropped("correct", "wrong answer", 2, [Example(ids[n], "wrong answer", f"{n} It is.") for n in (0, 1)]),
            Dropped("cap", "more than 1 of this question", 3,
                    [Example(ids[n], "more than 1 of this question", f"{n} It is.") for n in (3, 4, 5)]),
        ],
        [Example(ids[2], None, "2 It is.")],
    )  # fmt: skip
    before = Path(store.path).read_bytes()
    for chain in (["correct", "cap most=1"], ["correct", keeps_all, "cap most=1"]):
        assert await preview(db=store, filters=chain) == wanted
    assert Path(store.path).read_bytes() == before
    assert store.query("FROM datasets").rows == []
    lines = wanted.text().splitlines()
    assert lines[:3] == [
        "1 would stay, 0 are held out; nothing was written", f"  {ids[2]}  2 It is.", "failed would drop 1: failed",
    ]  # fmt: skip
    assert f"  {ids[0]}  [wrong answer] 0 It is." in lines
    assert json.loads(wanted.to_json())["dropped"][1]["filter"] == "correct"


async def test_a_preview_of_an_empty_store_has_no_examples(by_hand: ByHand) -> None:
    assert await preview(db=by_hand({})) == Preview(0, 0, [], [])


async def test_an_empty_result_is_a_dataset_without_rows(by_hand: ByHand, tmp_path: Path) -> None:
    store = by_hand({"a": [{"text": "two words"}]})
    with pytest.raises(EmptyExport) as empty:
        await export(tmp_path / "rows.jsonl", db=store, filters=["answered", "loops"])
    assert (empty.value.result.kept, dict(empty.value.result.dropped)) == (0, {"no answer": 1})
    assert not (tmp_path / "rows.jsonl").exists()


def test_filters_compose_from_the_file_of_settings(by_hand: ByHand, redraft: Redraft, tmp_path: Path) -> None:
    drafts = [{"text": f"{n} It is.", "right": True, "answer": "1", "tokens": n} for n in range(1, 5)]
    store = by_hand({"a": drafts})
    toml = f'db = "{store.path}"\nfilter = ["length least=2", "cap most=2", "loops"]\n[set.cap]\nmost = 1\n'
    (tmp_path / "redraft.toml").write_text(toml)
    previewed = redraft("filter", "--preview")
    assert (previewed.returncode, previewed.stdout.splitlines()[0]) == (
        0,
        "2 would stay, 0 are held out; nothing was written",
    )
    found = json.loads(redraft("filter", "--json").stdout)
    assert (found["kept"], found["dropped"]) == (2, {"shorter than 2 tokens": 1, "more than 2 of this question": 1})
    spec = json.loads(redraft("query", "--json", "SELECT filter FROM datasets").stdout)[0]["filter"]
    filters = (json.loads(spec) if isinstance(spec, str) else spec)["filters"]
    assert filters == [{"name": "length", "least": 2}, {"name": "cap", "most": 2}, {"name": "loops"}]
    (tmp_path / "redraft.toml").write_text(toml.replace("most=2", "more=2"))
    wrong = redraft("filter")
    assert wrong.returncode != 0
    assert wrong.stderr.startswith("redraft: filter 'cap' has no argument 'more'; there are most")
    assert len(wrong.stderr.splitlines()) == 1


def test_a_preview_at_the_command_line_is_lines_or_json(by_hand: ByHand, redraft: Redraft) -> None:
    store = by_hand({"a": [{"text": "#### 1", "answer": "1"}, {"text": "One.", "answer": "1"}]})
    chain = ("filter", "--db", store.path, "--filter", "answered", "--filter", "agreement samples=3")
    found = json.loads(redraft(*chain, "--preview", "--json").stdout)
    assert (found["kept"], found["held_out"]) == (0, 0)
    assert [(each["filter"], each["reason"], each["count"]) for each in found["dropped"]] == [
        ("answered", "answer is not marked", 1),
        ("agreement", "too few samples", 1),
    ]
    lines = redraft(*chain, "--preview").stdout.splitlines()
    assert [line for line in lines if not line.startswith("  ")] == [
        "0 would stay, 0 are held out; nothing was written",
        "answered would drop 1: answer is not marked",
        "agreement would drop 1: too few samples",
    ]


async def test_in_python_one_filter_needs_no_list_and_arguments_may_nest(by_hand: ByHand, tmp_path: Path) -> None:
    store = by_hand({"a": [{"text": f"{n} is it.", "answer": "1", "right": True} for n in range(3)]})
    assert (await filter(db=store, filters="cap most=2")).kept == 2
    alone: Any = keeps_all
    assert (await filter(db=store, filters=alone)).kept == 3
    nested = {"cap": {"most": 1}, "style": "text"}
    assert (await filter(db=store, filters="cap", arguments={"cap": {"most": 1}})).kept == 1
    assert (await preview(db=store, filters="cap", arguments={"cap": {"most": 1}})).kept == 1
    assert (await export(tmp_path / "rows.jsonl", db=store, filters="cap", arguments=nested)).kept == 1
    assert json.loads((tmp_path / "rows.jsonl").read_text()) == {"prompt": "a?\n\n", "completion": "0 is it."}


async def test_a_filter_of_ones_own_takes_arguments_in_its_text(by_hand: ByHand, tmp_path: Path) -> None:
    own = tmp_path / "has.py"
    own.write_text("def has(*, word: str):\n    return lambda c: None if word in c.text else f'no {word}: {c.text}'\n")
    store = by_hand({"a": [{"text": "one two"}, {"text": "three"}]})
    found = await filter(db=store, filters=[f"{own}:has word='one two'"])
    assert (found.kept, dict(found.dropped)) == (1, {"no one two": 1})
    seen = await preview(db=store, filters=[f"{own}:has word=three", f"{own}:has word=four"])
    assert [(each.filter, each.reason, each.count) for each in seen.dropped] == [
        ("has", "no three", 1),
        ("has", "no four", 1),
    ]
