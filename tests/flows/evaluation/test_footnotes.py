"""What a comparison counts and says of its methods: samples, picks, prompts, tasks, oracles and names."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from redraft.flows.display.numbers import points
from redraft.flows.evaluate import evaluate
from redraft.flows.evaluation.evaluation import Evaluation
from redraft.flows.evaluation.report import markdown, render
from redraft.flows.evaluation.result import MethodResult
from redraft.flows.generate import generate
from redraft.flows.plots.accuracy import plot
from redraft.flows.settings import Settings
from redraft.graders.statistics import Interval
from redraft.llm.scripted import Scripted
from redraft.store import Problem

Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]


def shown(found: Evaluation, width: int) -> list[str]:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(render(found, width))
    return console.export_text().splitlines()


def guesses(method: MethodResult) -> list[int | None]:
    return [row.control and row.control.guesses for row in method.rows]


async def test_guesses_are_the_drafts_that_the_oracle_looked_at(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    found = await evaluate(
        sums(2),
        strategies=[
            "correct feedback=none grader=oracle branches=2 turns=3",
            "correct feedback=none draft=best_of_n draft.samples=4 draft.grader=oracle turns=2",
            "best_of_n samples=3 grader=oracle",
            "beam grader=oracle width=2",
        ],
        models=[adder(lambda number, *_: number == 1)], db=tmp_path / "r.duckdb", settings=Settings(samples=1),
    )  # fmt: skip
    assert [guesses(method) for method in found.methods] == [[1, 3, 5], [4, 5], [3], [None]]
    assert sum("the known answer chose among the drafts" in remark for remark in found.remarks) == 4
    assert "beam grader=oracle width=2: an oracle decided, but there is no control of random guesses." in found.remarks


async def test_a_pick_is_a_row_with_several_samples_too(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    """The second sum is right in its second draft only, which the oracle knows best."""
    found = await evaluate(
        sums(2),
        strategies=[f"correct feedback=none grader=oracle turns=3 pick={pick}" for pick in ("majority", "best")],
        models=[adder(lambda number, sample, turn: number == 1 or turn == 2)], db=tmp_path / "r.duckdb",
        settings=Settings(samples=2), baseline=0,
    )  # fmt: skip
    majority, best = found.methods
    assert [(row.turn, row.accuracy.estimate) for row in majority.rows] == [(1, 0.5), (2, 1.0), (3, 0.5), (None, 0.5)]
    assert majority.rows[3].cost == majority.rows[2].cost
    assert [(row.turn, row.accuracy.estimate) for row in best.rows] == [(1, 0.5), (2, 1.0), (3, 0.5), (None, 1.0)]
    assert (majority.unpicked, best.unpicked) == (False, False)


async def test_only_the_first_samples_are_measured(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    """The third and fourth sample are wrong, which a method of two samples does not know."""
    model, db = adder(lambda number, sample, turn: sample < 2), tmp_path / "r.duckdb"
    arguments = {"feedback": "none", "turns": "2"}
    await generate(sums(2), db=db, model=model, strategy="correct", samples=4, arguments=arguments)
    for samples, right in ((2, 1.0), (4, 0.5)):
        found = await evaluate(
            sums(2), strategies=["correct feedback=none turns=2"], models=[model], db=db,
            settings=Settings(samples=samples), baseline=0,
        )  # fmt: skip
        [method] = found.methods
        assert (method.trajectories, method.rows[0].accuracy.estimate) == (2 * samples, right)
        assert f"Trajectories per problem: {samples}." in found.footnotes()


async def test_a_prompt_counts_for_each_trajectory(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    read = []
    for samples in (1, 4):
        found = await evaluate(
            sums(1), strategies=["correct feedback=none turns=2"], models=[adder(lambda *_: True)],
            db=tmp_path / f"{samples}.duckdb", settings=Settings(samples=samples), baseline=0,
        )  # fmt: skip
        read.append([row.cost.prompt_tokens for row in found.methods[0].rows])
    assert read[0] == read[1]
    assert 0 < read[0][0] < read[0][1]


async def test_several_sources_are_several_tasks(tmp_path: Path) -> None:
    found = await evaluate(
        ["builtin:levels=1", "builtin:levels=4"], strategies=["correct feedback=none turns=2"], limit=2,
        db=tmp_path / "r.duckdb", settings=Settings(samples=1), baseline=0,
    )  # fmt: skip
    assert found.tasks == ("builtin:levels=1", "builtin:levels=4")
    assert not any("Only one task" in remark for remark in found.remarks)
    [method] = found.methods
    assert [(task.name, task.problems) for task in method.tasks] == [(name, 2) for name in found.tasks]
    assert sum(task.last.estimate for task in method.tasks) / 2 == method.rows[-1].accuracy.estimate
    assert "builtin:levels=4" in json.loads(found.to_json())["methods"][0]["tasks"][1]["name"]
    assert any("right by task: builtin:levels=1 " in note for note in found.footnotes())


async def test_the_writer_is_no_other_model(tmp_path: Path) -> None:
    found = await evaluate(
        "builtin", strategies=["correct teacher.model=embedded turns=2"], limit=1, db=tmp_path / "r.duckdb",
        settings=Settings(samples=1), baseline=0,
    )  # fmt: skip
    assert found.methods[0].other_models == ()


async def test_names_break_at_spaces_and_stand_where_there_is_room(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    address = "http://localhost:8000/v1/chat/completions-of-models"
    found = await evaluate(
        sums(1), strategies=["correct feedback=none turns=2"], models=[adder(lambda *_: True)],
        db=tmp_path / "r.duckdb", settings=Settings(samples=1),
    )  # fmt: skip
    [method] = found.methods
    named = replace(found, methods=[replace(method, label=f"correct feedback=none teacher.api_base={address}")])
    wide = shown(named, 180)
    assert any(f"correct feedback=none teacher.api_base={address}" in line for line in wide[:8])
    narrow = [line.split("  ")[0].rstrip() for line in shown(named, 100)[5:8]]
    assert narrow[0] == "correct feedback=none"
    assert f"teacher.api_base={address}".startswith(narrow[1])
    assert max(map(len, shown(named, 100))) <= 100
    assert f"| correct feedback=none teacher.api_base={address} | 1 |" in markdown(named)


async def test_a_picture_says_what_an_oracle_did(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    strategies = ["correct feedback=random turns=2", "correct feedback=oracle grader=oracle branches=2 turns=2"]
    found = await evaluate(
        sums(1), strategies=strategies, models=[adder(lambda *_: True)], db=tmp_path / "r.duckdb",
        settings=Settings(samples=1),
    )  # fmt: skip
    plot(found, tmp_path / "a.svg")
    drawn = (tmp_path / "a.svg").read_text()
    for text in (f"{strategies[0]}, stopped by an oracle", f"{strategies[1]}, told and chosen by an oracle"):
        assert text in drawn
    assert "seconds of calls a problem, under load" in drawn
    assert any("do not compare methods" in note for note in found.footnotes())
    assert not any("do not compare methods" in note for note in replace(found, concurrency=1).footnotes())


def test_no_difference_has_a_sign() -> None:
    assert points(Interval(-0.0, -0.0, 0.0)) == "0.0 [0.0, 0.0]"
    assert points(Interval(-0.0001, -0.125, 0.0)) == "0.0 [-12.5, 0.0]"
    assert points(Interval(0.025, -0.0001, 0.05)) == "+2.5 [0.0, 5.0]"
