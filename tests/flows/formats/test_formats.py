"""Export formats with several rows a trajectory: what exactly each writes, and where its rows came from."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

from redraft.flows.export import export
from redraft.flows.filters.sifting.candidates import Candidate, Turn
from redraft.flows.formats.format import Row
from redraft.flows.formats.messages import messages
from redraft.flows.formats.rise import rise
from redraft.flows.formats.score import score
from redraft.flows.formats.sft import sft
from redraft.flows.generate import generate
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.errors import PartError

Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]
SAID = "There may be an error in the solution. Check it and solve the problem again."


def path(
    *turns: Turn, role: str = "sample", name: str = "u:0", question: str = "1+1?", chosen: bool = False
) -> Candidate:
    right = [turn for turn in turns if turn.correct] or list(turns)
    return Candidate(
        name, "p", question, right[-1].turn, right[-1].text, right[-1].answer, right[-1].correct, 4, "answered", chosen,
        False, None, role=role, turns=turns,
    )  # fmt: skip


def turn(number: int, text: str, correct: bool | None, said: str | None = "Again.", leaf: str = "") -> Turn:
    answer = None if correct is None else text
    return Turn(number, text, answer, correct, None if number == 1 else said, leaf or f"u/{number}")


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def model(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


UNREAD, WRONG, RIGHT = turn(1, "Hm.", None), turn(2, "3", False), turn(3, "2", True)


def written(rows: Any) -> list[Row]:
    assert not isinstance(rows, dict)
    return list(rows)


def test_rise_writes_a_row_a_turn_weighted_by_its_reward() -> None:
    rows = written(rise()(path(UNREAD, WRONG, RIGHT)))
    first, second = user("1+1?"), [user("1+1?"), model("Hm."), user("Again.")]
    assert [row.data for row in rows] == [
        {"prompt": [first], "completion": [model("Hm.")], "weight": math.exp(-2.5), "reward": -1.0, "turn": 1},
        {"prompt": second, "completion": [model("3")], "weight": 1.0, "reward": 0.0, "turn": 2},
        {
            "prompt": [*second, model("3"), user("Again.")], "completion": [model("2")],
            "weight": math.exp(2.5), "reward": 1.0, "turn": 3,
        },
    ]  # fmt: skip
    assert [row.step_id for row in rows] == ["u/1", "u/2", "u/3"]


@pytest.mark.parametrize(
    ("tau", "weights"),
    [(0.4, [0.0820849986, 1.0, 12.1824939607]), (1.0, [1 / math.e, 1.0, math.e]), (1e9, [1.0, 1.0, 1.0])],
)
def test_weights_are_the_exponential_of_reward_over_tau(tau: float, weights: list[float]) -> None:
    rows = written(rise(tau=tau)(path(UNREAD, WRONG, RIGHT)))
    assert [row.data["weight"] for row in rows if row.data] == pytest.approx(weights, rel=1e-8)


@pytest.mark.parametrize(
    ("criteria", "kept"), [("all", [1, 2, 3, 4]), ("better", [2, 3]), ("best", [3]), ("success", [3, 4])]
)
def test_what_each_criterion_keeps(criteria: Any, kept: list[int]) -> None:
    made = rise(criteria=criteria)(path(UNREAD, WRONG, RIGHT, turn(4, "2", True)))
    assert [row.data["turn"] for row in written(made) if row.data] == kept


def test_rows_since_a_turn_still_show_what_came_before() -> None:
    rows = written(rise(since=3)(path(UNREAD, WRONG, RIGHT)))
    assert [row.dropped for row in rows] == ["before turn 3", "before turn 3", None]
    assert rows[2].data
    assert len(rows[2].data["prompt"]) == 5


def test_a_first_draft_is_better_where_it_is_right() -> None:
    make = rise(criteria="better")
    assert [row.dropped for row in written(make(path(turn(1, "2", True), turn(2, "2", True))))] == [
        None, "no better than the draft before",
    ]  # fmt: skip
    assert [row.dropped for row in written(make(path(turn(1, "3", False, leaf="v/1"))))] == [
        "no better than the draft before"
    ]


def test_a_window_shows_the_last_drafts_only() -> None:
    rows = written(rise(window=1)(path(UNREAD, WRONG, RIGHT)))
    assert rows[2].data
    assert rows[2].data["prompt"] == [user("1+1?"), model("3"), user("Again.")]
    alone = written(rise(window=0)(path(UNREAD, WRONG, RIGHT)))
    assert [row.data["prompt"] for row in alone if row.data] == [[user("1+1?")]] * 3


def test_an_independent_draft_answers_the_question_alone() -> None:
    guess = path(turn(1, "3", False), turn(2, "4", False, said=""), turn(3, "2", True))
    rows = written(rise()(guess))
    assert [row.data["prompt"] for row in rows if row.data] == [
        [user("1+1?")], [user("1+1?")], [user("1+1?"), model("4"), user("Again.")],
    ]  # fmt: skip
    assert messages()(guess) == {"messages": [user("1+1?"), model("4"), user("Again."), model("2")]}
    assert [row.dropped for row in written(score()(guess))] == ["an independent draft", None]


def test_what_teaches_nothing_is_dropped_with_its_reason() -> None:
    unknown = Turn(1, "2", "2", None, None, "u/1")
    mad = turn(2, "so " * 151, False)
    rows = written(rise()(path(unknown, mad, turn(3, " ", None))))
    assert [row.dropped for row in rows] == [
        "not known whether it is right", "degenerate: a word more than 150 times", "empty",
    ]  # fmt: skip


def test_a_shared_draft_makes_one_row_and_what_was_explored_is_taken_when_asked_for() -> None:
    main, other = path(turn(1, "3", False), turn(2, "2", True)), turn(2, "4", False, leaf="u/2b")
    branch = path(turn(1, "3", False), other, role="search", name="u/2b")
    make = rise()
    assert [row.dropped for row in [*written(make(main)), *written(make(branch))]] == [
        None, None, *["explored by a search, and not chosen"] * 2,
    ]  # fmt: skip
    make = rise(explored=True)
    assert [row.dropped for row in [*written(make(main)), *written(make(branch))]] == [
        None, None, "in a row already: trajectories share it", None,
    ]  # fmt: skip
    unfinished = path(turn(1, "3", False), Turn(2, "So", None, False, "Again.", "u/2c"), role="search", name="u/2c")
    assert [row.dropped for row in written(make(unfinished))][-1] == "explored by a search, and not finished"
    chosen = path(turn(1, "2", True, leaf="u/9"), role="search", name="u/9", chosen=True)
    assert [row.dropped for row in written(rise()(chosen))] == [None]


def test_equal_rows_are_dropped_only_when_asked_for() -> None:
    one, two = path(turn(1, "2", True)), path(turn(1, "2", True, leaf="v/1"), name="v:0")
    for unique, second in ((False, None), (True, "the same row as one before")):
        make = rise(unique=unique)
        assert [row.dropped for row in [*written(make(one)), *written(make(two))]] == [None, second]


def test_score_writes_pairs_of_attempts_and_the_shaped_reward() -> None:
    rows = written(score(alpha=10)(path(WRONG_FIRST, turn(2, "2", True), turn(3, "4", False))))
    start = [user("1+1?"), model("3"), user("Again.")]
    assert [row.data for row in rows] == [
        {
            "prompt": start, "completion": [model("2")], "first": "3", "second": "2",
            "first_reward": 0.0, "second_reward": 1.0, "shaped": 11.0, "turn": 2,
        },
        {
            "prompt": [*start, model("2"), user("Again.")], "completion": [model("4")], "first": "2", "second": "4",
            "first_reward": 1.0, "second_reward": 0.0, "shaped": -10.0, "turn": 3,
        },
    ]  # fmt: skip
    assert [row.dropped for row in written(score()(path(turn(1, "2", True))))] == ["no second attempt"]


WRONG_FIRST = turn(1, "3", False)


def test_messages_end_with_the_last_right_draft_or_with_the_last_one() -> None:
    spoiled = path(turn(1, "2", True), turn(2, "3", False))
    assert messages()(spoiled) == {"messages": [user("1+1?"), model("2")]}
    assert messages(whole=True)(spoiled) == {
        "messages": [user("1+1?"), model("2"), user("Again."), model("3")]
    }  # fmt: skip
    assert sft()(spoiled) == {"prompt": [user("1+1?")], "completion": [model("2")]}


@pytest.mark.parametrize(
    "given", [{"tau": 0.0}, {"tau": -1.0}, {"tau": math.nan}, {"window": -1}, {"since": 0}, {"since": -1}]
)
def test_impossible_settings_are_refused(given: dict[str, Any]) -> None:
    [name] = given
    with pytest.raises(PartError, match=f"{name}=.* of format 'rise' has to be "):
        rise(**given)


def test_a_weight_that_is_no_number_is_refused() -> None:
    with pytest.raises(PartError, match=r"tau=0\.001 of format 'rise' is too small"):
        rise(tau=1e-3)
    [row] = written(rise(tau=0.002)(path(RIGHT)))
    assert row.data is not None
    assert math.isfinite(row.data["weight"])


async def test_a_row_that_is_no_json_is_refused_and_no_file_left(store: Store, tmp_path: Path) -> None:
    with pytest.raises(PartError, match="format 'score' made a row with NaN or an infinity"):
        await export(tmp_path / "rows.jsonl", db=store, format="score", arguments={"alpha": math.inf})
    assert not (tmp_path / "rows.jsonl").exists()


@pytest.fixture
async def store(tmp_path: Path, sums: Sums, adder: Adder) -> Store:
    """A sum with two samples: the first goes from wrong to right, the second from right to wrong."""
    store = Store(tmp_path / "redraft.duckdb")
    model = adder(lambda number, sample, turn: turn == 2)
    await generate(sums(1), db=store, model=model, samples=2, arguments={"feedback": "none", "turns": 2})
    return store


async def test_each_row_of_a_dataset_names_the_draft_it_came_from(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "rise.jsonl"
    found = await export(file, db=store, format="rise", filters=[], arguments={"criteria": "better"})
    assert (found.kept, dict(found.dropped)) == (2, {"no better than the draft before": 2})
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    wrong, right = (f"I add.\n\nThe answer is \\boxed{{{total}}}" for total in (3, 2))
    assert rows == 2 * [{
        "prompt": [user("What is 1 + 1?"), model(wrong), user(SAID)], "completion": [model(right)],
        "weight": math.exp(2.5), "reward": 1.0, "turn": 2,
    }]  # fmt: skip
    noted = store.query(
        'SELECT d."row", d.trajectory_id = t.trajectory_id, t.turn, d.dropped_because FROM dataset_rows d'
        " JOIN turns t ON t.leaf_step_id = d.step_id ORDER BY ALL"
    ).rows
    assert noted == [
        (0, True, 2, None), (1, True, 2, None),
        (None, True, 1, "no better than the draft before"), (None, True, 1, "no better than the draft before"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("format", "columns"),
    [
        ("rise", ["completion", "prompt", "reward", "turn", "weight"]),
        ("score", ["completion", "first", "first_reward", "prompt", "second", "second_reward", "shaped", "turn"]),
        ("messages", ["messages"]),
    ],
)
async def test_datasets_loads_every_format(store: Store, tmp_path: Path, format: str, columns: list[str]) -> None:
    file = tmp_path / "rows.jsonl"
    found = await export(file, db=store, format=format, filters=["split"])
    loaded = datasets.load_dataset("json", data_files=str(file), split="train", cache_dir=str(tmp_path / "cache"))
    assert isinstance(loaded, datasets.Dataset)
    assert (sorted(loaded.column_names), loaded.num_rows) == (columns, found.kept)
    assert found.kept == (4 if format == "rise" else 2)
