"""Filters, and exports that training tools can read."""

import json
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest

from redraft.flows.export import ExportError, export
from redraft.flows.filter import filter
from redraft.flows.filters.sifting.candidates import Candidate
from redraft.flows.filters.sifting.chain import Chain
from redraft.flows.filters.sifting.ledger import Ledger
from redraft.flows.generate import generate
from redraft.llm.model import ModelError
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.errors import PartError, StoreError
from redraft.store.tables.rows.turn_rows import draft_facts

Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]


@pytest.fixture
async def store(tmp_path: Path, sums: Sums, adder: Adder) -> Store:
    """Three sums with four samples each: of the first all are right, of the second two, one of them after a redraft;
    of the third every sample failed."""

    def right(number: int, sample: int, turn: int) -> bool:
        if number == 3:
            raise ModelError("The provider is down.")
        return number == 1 or (sample == 0 and turn == 1) or turn == 2

    store = Store(tmp_path / "redraft.duckdb")
    arguments = {"feedback": "oracle", "turns": 2}
    await generate(sums(3), db=store, model=adder(right), samples=4, arguments=arguments)
    return store


def candidate(**facts: object) -> Candidate:
    usual = {
        "trajectory_id": "u:0", "problem_id": "p", "question": "1+1?", "turn": 1, "text": "It is 2.", "answer": "2",
        "correct": True, "tokens": 4, "stop": "answered", "chosen": False, "oracle_used": False, "reason": None,
    }  # fmt: skip
    given = {**usual, **facts}
    names = ("signature", "by_equations", "wrong_equation")
    told = dict(zip(names, draft_facts(str(given["text"]), given["answer"]), strict=True))  # type: ignore[arg-type]
    return Candidate(**{**given, **told})  # type: ignore[arg-type]


async def test_every_trajectory_is_kept_or_dropped_with_its_reason(store: Store) -> None:
    found = await filter(db=store, arguments={"cap.most": "1"})
    assert (found.kept, dict(found.dropped)) == (2, {"failed": 4, "duplicate": 6})
    rows = 'SELECT "row", dropped_because FROM dataset_rows JOIN trajectories USING (trajectory_id) ORDER BY ALL'
    why = [reason for row, reason in store.query(rows).rows if row is None]
    assert [row for row, _ in store.query(rows).rows if row is not None] == [0, 1]
    assert sum(reason == "failed: The provider is down." for reason in why) == 4
    assert sum(reason.startswith("duplicate: same text as ") for reason in why) == 6
    [[spec]] = store.query("SELECT filter FROM datasets").rows
    assert json.loads(spec)["filters"] == [
        {"name": "correct"}, {"name": "length"}, {"name": "equations"}, {"name": "duplicates"},
        {"name": "cap", "most": 1},
    ]  # fmt: skip
    assert found.one_line().startswith("2 kept, 10 dropped (6 duplicate, 4 failed): dataset ")


def test_a_ledger_gives_its_rows_back_in_order() -> None:
    ledger = Ledger()
    for number in range(10_000):
        if number % 2:
            ledger.drop(f"odd: {number}", f"u:{number}", f"u/{number}")
        else:
            ledger.keep(f"u:{number}")
    rows = list(ledger.rows())
    assert rows[:2] == [(0, "u:0", None, None), (None, "u:1", "u/1", "odd: 1")]
    assert [row.trajectory_id for row in rows] == [f"u:{number}" for number in range(10_000)]
    assert (ledger.kept, ledger.reasons) == (5_000, {"odd": 5_000})


async def test_filters_act_in_the_order_given(store: Store) -> None:
    found = await filter(db=store, filters=["cap", "correct"], arguments={"cap.most": 3})
    assert (found.kept, dict(found.dropped)) == (6, {"failed": 4, "more than 3 of this question": 2})


async def test_a_run_that_is_not_there_is_a_mistake(store: Store, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    with pytest.raises(StoreError, match=r"no run 'nosuch' in .*redraft.duckdb: list them with `redraft"):
        await filter(db=store, run="nosuch")
    with pytest.raises(StoreError, match="no run 'nosuch' in "):
        await export(tmp_path / "rows.jsonl", db=store, run="nosuch")
    assert store.query("FROM datasets").rows == []
    assert sorted(tmp_path.iterdir()) == before
    [[run]] = store.query("SELECT run_id FROM runs").rows
    assert (await filter(db=store, run=run, arguments={"cap.most": "1"})).kept == 2


@pytest.mark.parametrize(
    ("name", "arguments", "given", "says"),
    [
        ("correct", {}, [{"correct": True}, {"correct": False}, {"correct": None}, {"correct": None, "answer": None},
                         {"correct": False, "answer": None}],
         [None, "wrong answer", "not known whether it is right", "no answer", "wrong answer"]),
        ("length", {"length.most": 4, "length.least": 2}, [{"tokens": n} for n in (1, 2, 4, 5)],
         ["shorter than 2 tokens", None, None, "longer than 4 tokens"]),
        ("length", {}, [{"stop": "length"}, {"text": " "}, {"tokens": 0}], ["cut at the token limit", "empty", None]),
        ("duplicates", {}, [{}, {"trajectory_id": "u:1"}, {"trajectory_id": "u:2", "question": "2?"}],
         [None, "duplicate: same text as u:0", None]),
        ("duplicates", {}, [{"text": "Ann has 5*9=45 hats. #### 45"}, {"text": "Bo, 5 × 9 = 45 caps!\n#### 45"},
                            {"text": "9*5=45"}, {"text": "5*9=45", "answer": "54"}, {"text": "IT  IS 45"},
                            {"text": "It is 45"}],
         [None, "duplicate: same equations as u:0", None, None, None, "duplicate: same text as u:4"]),
        ("cap", {"cap.most": 1}, [{}, {"question": "2?"}, {}], [None, None, "more than 1 of this question"]),
        ("cap", {"cap.most": 1}, [{"question": q, "shares_question": False} for q in ("1?", "1?", "2?", "1?")],
         [None, "more than 1 of this question", None, None]),
        ("equations", {}, [{"text": "2+2=4"}, {"text": "2+2=4, 4*3=11"}, {"text": "2"}],
         [None, "an equation does not hold: 4*3=11", None]),
        ("equations", {}, [{"text": "Going back, 6=2. #### 16"}, {"text": "1 1/2 = 1.5, 10/3=3.33, 60/120=50%"}],
         ["an equation does not hold: 6=2", None]),
        ("unaided", {}, [{}, {"oracle_used": True}], [None, "an oracle touched it"]),
    ],
)  # fmt: skip
def test_what_each_filter_drops(
    name: str, arguments: dict[str, object], given: list[dict[str, object]], says: list[str | None]
) -> None:
    chain = Chain([name], arguments)
    numbered = ({"trajectory_id": f"u:{number}"} | facts for number, facts in enumerate(given))
    assert [chain(candidate(**facts)) for facts in numbered] == says


def test_a_filter_of_ones_own_and_mistakes_in_naming_one(tmp_path: Path) -> None:
    own = tmp_path / "even.py"
    own.write_text("def even(*, by: int = 2):\n    return lambda c: None if int(c.answer) % by == 0 else 'odd'\n")
    chain = Chain([f"{own}:even"], {"even.by": "3"})
    assert [chain(candidate(answer=answer)) for answer in ("3", "4")] == [None, "odd"]
    with pytest.raises(PartError, match=r"no argument 'cap.most' of these filters; there are correct.<argument>"):
        Chain(["correct"], {"cap.most": 1})
    with pytest.raises(PartError, match=r"filter 'cap' has no argument 'least'; there are most"):
        Chain(["cap"], {"cap.least": 1})
    needy = tmp_path / "has.py"
    needy.write_text("def has(*, word: str):\n    return lambda c: None if word in c.text else 'without'\n")
    with pytest.raises(PartError, match=r"filter 'has' needs its argument 'word': give it with --set has.word=..."):
        Chain([f"{needy}:has"], {})
    assert Chain([f"{needy}:has"], {"has.word": "is"})(candidate()) is None


async def test_a_redraft_is_exported_as_an_answer_to_the_question_alone(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    found = await export(file, db=store, arguments={"style": "text"})
    rows = {json.loads(line)["prompt"]: json.loads(line)["completion"] for line in file.read_text().splitlines()}
    assert rows == {
        "What is 1 + 1?\n\n": "I add.\n\nThe answer is \\boxed{2}",
        "What is 2 + 2?\n\n": "I add.\n\nThe answer is \\boxed{4}",
    }
    assert (found.kept, found.file) == (2, str(file))
    assert store.query("SELECT format, filter->>'file' FROM datasets").rows == [("sft", str(file))]


async def test_the_last_right_draft_speaks_for_a_trajectory(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    store = Store(tmp_path / "r.duckdb")
    model = adder(lambda number, sample, turn: turn == 1)
    await generate(sums(1), db=store, model=model, samples=1, arguments={"feedback": "none", "turns": 2})
    assert store.query("SELECT turns, correct FROM trajectories").rows == [(2, False)]
    found = await export(tmp_path / "rows.jsonl", db=store, arguments={"style": "text"})
    assert found.kept == 1
    assert "\\boxed{2}" in (tmp_path / "rows.jsonl").read_text()


@pytest.mark.parametrize(
    ("style", "columns"),
    [("prompt", ["completion", "prompt"]), ("messages", ["messages"]), ("text", ["completion", "prompt"])],
)
async def test_datasets_loads_what_is_exported(store: Store, tmp_path: Path, style: str, columns: list[str]) -> None:
    file = tmp_path / "rows.jsonl"
    await export(file, db=store, arguments={"style": style})
    cache = str(tmp_path / "cache")
    loaded = datasets.load_dataset("json", data_files=str(file), split="train", cache_dir=cache)
    assert isinstance(loaded, datasets.Dataset)
    assert (sorted(loaded.column_names), loaded.num_rows) == (columns, 2)
    if style == "messages":
        assert [message["role"] for message in loaded[0]["messages"]] == ["user", "assistant"]


async def test_a_file_that_cannot_be_written_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match=r"rows.jsonl can't be written: Not a directory: name another file"):
        await export(tmp_path / "file" / "rows.jsonl", db=store)
    (tmp_path / "old.jsonl").write_text("old")
    there = (
        "atif, best_worst, dpo, inspect_ai, kto, mended, messages, orm, prm, prompts, question_pairs, questions, rise,"
        " score, sft, step_weights, value"
    )
    with pytest.raises(PartError, match=f"no format 'ppo'; there are {there}"):
        await export(tmp_path / "old.jsonl", db=store, format="ppo")
    refused = {"old.jsonl": "exists: name another", "redraft.duckdb.journal/a.jsonl": "belongs to the store"}
    for name, says in refused.items():
        with pytest.raises(StoreError, match=f"{name} {says}"):
            await export(tmp_path / name, db=store)
    with pytest.raises(ExportError, match=r"rows.csv: an export is .jsonl, .jsonl.zst, .parquet, .eval, or a folder"):
        await export(tmp_path / "rows.csv", db=store)
    assert (tmp_path / "old.jsonl").read_text() == "old"
    assert store.query("FROM datasets").rows == []
    (tmp_path / "needy.py").write_text("def needy(*, word: str):\n    return lambda candidate: {}\n")
    with pytest.raises(PartError, match=r"format 'needy' needs its argument 'word': give it with --set word=..."):
        await export(tmp_path / "new.jsonl", db=store, format=f"{tmp_path}/needy.py:needy")
    assert [file.name for file in tmp_path.glob(".*")] == []
    await export(tmp_path / "old.jsonl", db=store, overwrite=True)
    assert len((tmp_path / "old.jsonl").read_text().splitlines()) == 2
