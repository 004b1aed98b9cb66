"""Methods compared: through whole runs, with numbers that can be counted by hand."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.evaluate import evaluate
from redraft.flows.evaluation.evaluation import Evaluation
from redraft.flows.evaluation.report import markdown
from redraft.flows.evaluation.result import MethodResult, Row
from redraft.flows.generate import generate
from redraft.flows.plots.accuracy import PlotError, check, plot
from redraft.flows.settings import Settings
from redraft.llm.limits import Budget
from redraft.llm.model import ModelError
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.errors import PartError

Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]
Redraft = Callable[..., Any]


def rows(method: MethodResult) -> list[Row]:
    return list(method.rows)


def right(found: Evaluation) -> Mapping[str, list[float]]:
    return {method.label: [row.accuracy.estimate for row in method.rows] for method in found.methods}


async def test_methods_stand_beside_the_vote_and_the_guesses(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    """Of four sums the model adds 1 and 2 rightly at once, 3 on being told, and 4 never; 1 it spoils when it looks
    again. Every draft has 6 words, and the vote is always of equal drafts."""

    def add(number: int, sample: int, turn: int) -> bool:
        return number in ((1, 2), (2, 3))[turn > 1]

    found = await evaluate(
        sums(4),
        strategies=["correct feedback=none turns=2", "correct feedback=oracle turns=2", "self_consistency samples=2"],
        models=[adder(add)],
        db=tmp_path / "r.duckdb",
        settings=Settings(samples=2),
    )
    assert (found.asked, found.problems, found.tasks) == (4, 4, ("sums",))
    assert right(found) == {
        "correct feedback=none turns=2": [0.5, 0.5],
        "correct feedback=oracle turns=2": [0.5, 0.75],
        "self_consistency samples=2": [0.5],
    }
    none, oracle, best = found.methods
    moved = rows(none)[1].moves
    assert moved is not None
    assert (moved.wrong_to_right, moved.right_to_wrong, moved.unchanged, moved.trajectories) == (2, 2, 4, 8)
    assert (moved.revised_right, moved.revised_wrong) == (4, 4)
    assert [row.cost.tokens for row in none.rows] == [6.0, 12.0]
    assert [row.cost.calls for row in none.rows] == [1.0, 2.0]
    assert [row.cost.tokens for row in oracle.rows] == [6.0, 9.0]
    assert [row.oracle_used for method in found.methods for row in method.rows] == [False, False, True, True, False]
    assert [row.equal_cost and row.equal_cost.k for row in none.rows] == [1.0, 2.0]
    assert [row.equal_cost and row.equal_cost.k for row in oracle.rows] == [1.0, 1.5]
    held = rows(oracle)[1]
    assert held.equal_cost is not None
    assert held.control is not None
    assert (held.equal_cost.accuracy.estimate, held.equal_cost.difference.estimate) == (0.5, 0.25)
    assert (held.control.guesses, held.control.accuracy.estimate, held.control.difference.estimate) == (2, 0.5, 0.25)
    assert [row.control for method in (none, best) for row in method.rows] == [None] * 3
    assert [row.turn for row in best.rows] == [None]
    assert [method.last and method.last.equal_cost and method.last.equal_cost.p_holm for method in found.methods] == [
        1.0, 1.0, 1.0,
    ]  # fmt: skip
    assert json.loads(found.to_json())["methods"][0]["rows"][1]["moves"]["right_to_wrong"] == 2


async def test_what_a_critic_says_is_paid_by_the_turn_that_follows(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    """Each draft has 6 words, and so has the critic's reply, which holds no verdict."""
    found = await evaluate(
        sums(2), strategies=["correct feedback=none critic=model turns=2"], models=[adder(lambda *_: True)],
        db=tmp_path / "r.duckdb", settings=Settings(samples=1),
    )  # fmt: skip
    assert [(row.cost.tokens, row.cost.calls) for row in found.methods[0].rows] == [(6.0, 1.0), (18.0, 3.0)]


async def test_a_pick_among_turns_is_a_row_of_its_own(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    """The first sum is added wrongly at first and rightly twice."""
    found = await evaluate(
        sums(1), strategies=["correct feedback=random turns=3", "correct feedback=oracle turns=3 pick=majority"],
        models=[adder(lambda number, sample, turn: turn > 2)], db=tmp_path / "r.duckdb", settings=Settings(samples=1),
    )  # fmt: skip
    control, oracle = found.methods
    assert [(row.turn, row.accuracy.estimate) for row in oracle.rows] == [(1, 0.0), (2, 0.0), (3, 1.0), (None, 0.0)]
    assert [row.control and row.control.guesses for row in oracle.rows] == [1, 2, 3, 3]
    assert [row.control for row in control.rows] == [None] * len(control.rows)


async def test_what_is_in_the_store_is_not_asked_again(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    model = adder(lambda number, sample, turn: number % 2 == 0)
    ways: dict[str, Any] = {"models": [model], "db": tmp_path / "r.duckdb", "settings": Settings(samples=2)}
    first = await evaluate(sums(3), strategies=["correct feedback=none turns=3"], **ways)
    asked = len(model.requests)
    assert await evaluate(sums(3), strategies=["correct feedback=none turns=3"], **ways) == first
    assert len(model.requests) == asked
    both = await evaluate(sums(3), strategies=["correct feedback=none turns=3", "greedy"], **ways)
    assert len(model.requests) == asked + 3
    assert both.methods[0].rows[:-1] == first.methods[0].rows[:-1]
    assert len(Store(tmp_path / "r.duckdb").query("FROM problems").rows) == 3


async def test_what_generate_drew_is_not_drawn_again(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    """A pick among two drafts is one of its own: those of another number are drawn apart, and stay."""
    model, db = adder(lambda *_: True), tmp_path / "r.duckdb"
    await generate(sums(2), db=db, model=model, strategy="self_consistency", samples=2)
    ways: dict[str, Any] = {"models": [model], "db": db}
    for samples, asked in ((2, 4), (2, 4), (3, 6), (2, 6), (3, 6)):
        found = await evaluate(sums(2), strategies=[f"self_consistency samples={samples}"], **ways)
        assert len(model.requests) == asked
        assert found.methods[0].rows[0].cost.calls == samples


async def test_as_many_drafts_are_sampled_as_the_dearest_method_pays_for(
    tmp_path: Path, sums: Sums, adder: Adder
) -> None:
    ways: dict[str, Any] = {"models": [adder(lambda *_: True)], "settings": Settings(samples=1)}
    ways["strategies"] = ["best_of_n samples=12", "greedy"]
    found = await evaluate(sums(2), db=tmp_path / "a.duckdb", **ways)
    [drawn] = found.baselines
    best = rows(found.methods[0])[0].equal_cost
    assert (drawn.samples, drawn.cost.tokens, list(drawn.votes)) == (14, 6.0, [1, 2, 4, 8, 14])
    assert best is not None
    assert (best.k, best.short) == (12.0, False)
    few = await evaluate(sums(2), db=tmp_path / "b.duckdb", baseline=5, **ways)
    short = rows(few.methods[0])[0].equal_cost
    assert short is not None
    assert (short.k, short.short) == (5.0, True)
    assert "self-consistency had fewer tokens: at most 5 drafts per problem were sampled." in few.remarks[1]
    without = await evaluate(sums(2), db=tmp_path / "c.duckdb", baseline=0, **ways)
    assert without.baselines == ()
    assert rows(without.methods[0])[0].equal_cost is None


async def test_only_problems_that_every_method_has_are_compared(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    def add(number: int, sample: int, turn: int) -> bool:
        if number == 2 and turn > 1:
            raise ModelError("The provider is down.")
        return True

    found = await evaluate(
        sums(3), strategies=["correct feedback=none turns=2", "greedy"], models=[adder(add)],
        db=tmp_path / "r.duckdb", settings=Settings(samples=1),
    )  # fmt: skip
    assert (found.problems, found.failed) == (2, 1)
    assert found.caveats()[:2] == [
        "correct feedback=none turns=2: 1 failed: The provider is down.",
        "The tables leave out failed trajectories. The same command tries them again.",
    ]
    assert "1 of 3 problems are left out: not every method has a judged draft of them." in found.remarks


@pytest.mark.parametrize("calls", [3, 4])
async def test_one_budget_is_for_all_methods(calls: int, tmp_path: Path, sums: Sums, adder: Adder) -> None:
    ways: dict[str, Any] = {"strategies": ["greedy", "correct feedback=none turns=2"], "db": tmp_path / "r.duckdb"}
    ways |= {"models": [adder(lambda *_: True)]}
    found = await evaluate(sums(3), settings=Settings(samples=1, budget=Budget(calls=calls)), **ways)
    left = "; not started: correct feedback=none turns=2" if calls == 3 else ""
    assert found.caveats()[0] == (
        f"The budget of {calls} calls is used up. The same command continues from here{left}."
    )
    whole = await evaluate(sums(3), settings=Settings(samples=1), **ways)
    assert (whole.spent, whole.problems, whole.not_reached) == (None, 3, ())


@pytest.mark.parametrize(
    ("strategies", "said"),
    [
        (["greedy", "greedy"], "strategy 'greedy' is named twice"),
        (["correct turn=2"], "no argument 'turn' of strategy 'correct turn=2'; there are "),
        (["greedy", "nobody"], "no strategy 'nobody'"),
    ],
)
async def test_a_mistake_is_told_before_anything_is_asked(
    strategies: Sequence[str], said: str, tmp_path: Path, sums: Sums, adder: Adder
) -> None:
    model = adder(lambda *_: True)
    with pytest.raises(PartError, match=said):
        await evaluate(sums(1), strategies=strategies, models=[model], db=tmp_path / "r.duckdb")
    assert model.requests == []


async def test_a_picture_is_the_same_for_the_same_numbers(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    found = await evaluate(
        sums(3), strategies=["correct feedback=oracle", "greedy"],
        models=[adder(lambda number, sample, turn: number < turn)], db=tmp_path / "r.duckdb",
        settings=Settings(samples=1),
    )  # fmt: skip
    for name in ("a.svg", "b.svg", "a.png"):
        plot(found, tmp_path / name)
    drawn = (tmp_path / "a.svg").read_text()
    assert drawn == (tmp_path / "b.svg").read_text()
    for text in (
        "correct feedback=oracle, told by an oracle",
        "greedy",
        "self-consistency",
        "tokens written a problem",
    ):
        assert text in drawn
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(PlotError, match=r"a\.svg exists"):
        check(tmp_path / "a.svg")
    check(tmp_path / "a.svg", overwrite=True)
    for name, said in (("a.jpeg", "no picture that can be drawn"), ("no/a.svg", "is no folder")):
        with pytest.raises(PlotError, match=said):
            check(tmp_path / name)


async def test_two_models_and_two_tasks(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    other = adder(lambda *_: False)
    other.name = "liar"
    for name, count in (("easy", 1), ("hard", 2)):
        lines = [json.dumps({"question": p.question + f" ({name})", "answer": p.answer}) for p in sums(count)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    found = await evaluate(
        [tmp_path / "easy.jsonl", tmp_path / "hard.jsonl"], strategies=["greedy"],
        models=[adder(lambda *_: True), other], db=tmp_path / "r.duckdb", settings=Settings(samples=1),
    )  # fmt: skip
    assert found.tasks == ("easy", "hard")
    assert [(m.model, m.rows[0].accuracy.estimate) for m in found.methods] == [("adder", 1.0), ("liar", 0.0)]
    assert [one.model for one in found.baselines] == ["adder", "liar"]
    assert found.remarks == ()
    assert "| greedy (liar) | pick | 0.0% [0.0, 56.1] |" in markdown(found)


def test_the_command_compares_and_draws(redraft: Redraft, tmp_path: Path) -> None:
    strategies = ("--strategy", "correct feedback=none turns=2", "--strategy", "greedy")
    asked = ("evaluate", "--limit", "2", "--samples", "1", "--db", "r.duckdb")
    done = redraft(*asked, *strategies, "--plot", "a.svg")
    assert done.returncode == 0, done.stderr
    assert "Changes by turn" in done.stdout
    assert "Only one task (builtin)" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")
    (tmp_path / "redraft.toml").write_text('model = "embedded"\nbaseline = 0')
    again = redraft(*asked, "--json", env={"REDRAFT_STRATEGY": "correct feedback=none turns=2; greedy"})
    found = json.loads(again.stdout)
    assert [method["label"] for method in found["methods"]] == ["correct feedback=none turns=2", "greedy"]
    assert [method["rows"][0]["oracle_used"] for method in found["methods"]] == [False, False]
    assert found["baselines"] == []


async def test_one_strategy_and_one_model_stand_without_a_list(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    model, common = adder(lambda *_: True), {"settings": Settings(samples=1), "baseline": 0}
    alone = await evaluate(sums(1), strategies="greedy", models=model, db=tmp_path / "a.duckdb", **common)
    listed = await evaluate(sums(1), strategies=["greedy"], models=[model], db=tmp_path / "b.duckdb", **common)
    assert [(one.label, one.model, one.recipe) for one in alone.methods] == [
        (one.label, one.model, one.recipe) for one in listed.methods
    ]
    assert [one.label for one in alone.methods] == ["greedy"]
