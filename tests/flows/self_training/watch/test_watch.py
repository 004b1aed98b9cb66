"""The watch on real stores: a loop of the embedded model, and rounds of which one was narrowed on purpose."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from redraft.flows.display.progress import Silent
from redraft.flows.generate import generate
from redraft.flows.plots.accuracy import PlotError
from redraft.flows.plots.rounds import draw, plot_rounds
from redraft.flows.self_training.result import SelfTraining
from redraft.flows.self_training.watch.references import reference_losses
from redraft.flows.self_training.watch.watch import Watch
from redraft.llm.limits import Limits
from redraft.llm.model import Message
from redraft.llm.prompts.prompts import Prompts
from redraft.llm.providers.embedded.model import embedded
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store
from redraft.store.tables.rounds import Round

SETTINGS: dict[str, Any] = {"api_base": None, "limits": Limits(), "prompts": Prompts()}
NARROW = {0: (2, 2, 2, 2), 1: (4, 4, 4, 0)}
"""How many of four samples of each four problems are right, by round."""


async def test_a_loop_records_the_indicators_of_every_round(
    loop: Callable[..., Awaitable[SelfTraining]], tmp_path: Path
) -> None:
    found = await loop(method="rft", rounds=1)
    store, loop_id = Store(tmp_path / "r.duckdb"), found.loop_id
    for one in found.rounds:
        place = f"loop_id = '{loop_id}' AND round = {one.round} AND level IS NULL"
        [(value, change)] = store.query(
            f"SELECT value, change FROM collapse WHERE indicator = 'pass_at_k' AND k = 1 AND {place}"
        ).rows
        assert (value, change) == (
            pytest.approx(one.accuracy.mean),
            None if not one.round else pytest.approx(one.gain.mean),
        )
        indicators = {name for (name,) in store.query(f"SELECT DISTINCT indicator FROM collapse WHERE {place}").rows}
        assert indicators >= {"majority", "entropy_bits", "distinct_ngrams", "signatures", "lost", "tokens", "cut"}
        assert ("kept_rows" in indicators) == (one.round == 1)
    [(kept, problems)] = store.query("SELECT value, problems FROM collapse WHERE indicator = 'kept_rows'").rows
    assert kept == pytest.approx(found.rounds[1].figures["rows"] / found.rounds[1].figures["problems"])
    assert problems <= found.rounds[1].figures["problems"]
    model = embedded()
    for problem_id, tokens, loss in store.query(
        "SELECT problem_id, tokens, loss FROM raw.reference_losses WHERE round = 0 ORDER BY problem_id LIMIT 3"
    ).rows:
        [problem] = store.problems(ids=[problem_id])
        message = Message("user", f"solve\n{problem.question}")
        read = await model.answer_logprobs([message], problem.meta["solution"])
        assert (tokens, loss) == (len(read), pytest.approx(-sum(read) / len(read)))
    rows = store.query("SELECT round, alarm, sounds FROM alarms ORDER BY ALL").rows
    assert [row[:2] for row in rows] == [(1, "narrowing"), (1, "references")]
    assert bool(found.rounds[1].figures["alarms"]) == any(sounds for *_, sounds in rows)
    picture = tmp_path / "rounds.png"
    plot_rounds(store, loop_id, picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(PlotError, match="no round of loop other was measured"):
        plot_rounds(store, "other", picture)


@pytest.mark.parametrize(("second", "sounds"), [(1, True), (0, False)])
def test_a_round_that_was_narrowed_on_purpose_sounds(
    tmp_path: Path, sums: Callable[..., list[Problem]], adder: Callable[..., Scripted], second: int, sounds: bool
) -> None:
    store, watch, rounds = Store(tmp_path / "r.duckdb"), Watch(Store(tmp_path / "r.duckdb")), list[Round]()
    for number, kind in ((0, 0), (1, second)):

        def solves(problem: int, sample: int, turn: int, kind: int = kind) -> bool:
            return sample < NARROW[kind][problem % 4]

        model = adder(solves)
        model.name = f"model {number}"
        given: dict[str, Any] = {"strategy": "best_of_n", "samples": 4, "model": model, "progress": Silent()}
        made = asyncio.run(generate(sums(40), db=store, replicate="held-out", **given))
        noted = Round(
            loop_id="l", round=number, state="trained", method="m", config={}, run_id="r",
            evaluation_recipe=made.recipe, evaluation_replicate="held-out",
        )  # fmt: skip
        alarms = watch.observe(noted, (), rounds)
        rounds.append(noted)
    assert [(one.alarm, one.sounds) for one in alarms] == [("narrowing", sounds)]
    again = Watch(store).observe(rounds[1], (), rounds[:1])
    assert list(again) == list(alarms)
    lost = "SELECT value FROM collapse WHERE indicator = 'lost' AND round = 1 AND level IS NULL"
    assert store.query(lost).rows == [(0.25 if second else 0.0,)]
    assert store.query("SELECT count(*) FROM alarms").rows == [(1,)]


async def test_a_model_that_tells_no_log_probabilities_has_no_losses(sums: Callable[..., list[Problem]]) -> None:
    model = Scripted(lambda request, index: "#### 1")
    with_solution = [Problem("1 + 1?", "2", meta={"solution": "#### 2"})]
    assert await reference_losses(with_solution, {**SETTINGS, "model": model}) == []
    assert await reference_losses(sums(2), {**SETTINGS, "model": "embedded"}) == []


def test_the_picture_has_accuracy_on_the_left_and_ratios_on_the_right() -> None:
    def row(
        number: int, indicator: str, value: float, change: float | None = None, k: int | None = None
    ) -> dict[str, Any]:
        moved = dict.fromkeys(("change", "change_lo", "change_hi"), change)
        return {"round": number, "indicator": indicator, "k": k, "value": value, "value_lo": value - 0.1,
                "value_hi": value + 0.2, "problems": 50, **moved}  # fmt: skip

    found = [
        row(0, "pass_at_k", 0.5, k=1), row(1, "pass_at_k", 0.6, 0.1, k=1),
        row(0, "pass_at_k", 0.9, k=4), row(1, "pass_at_k", 0.8, -0.1, k=4),
        row(0, "entropy_bits", 2.0), row(1, "entropy_bits", 1.5, -0.5),
    ]  # fmt: skip
    figure: Any = draw(found, [{"round": 1, "alarm": "verifier_gap"}, {"round": 1, "alarm": "narrowing"}])
    left, right = figure.axes
    drawn = {each.get_label(): each.lines[0].get_ydata().tolist() for each in left.containers}
    assert drawn == {"pass@4": [0.9, 0.8], "pass@1": [0.5, 0.6]}
    assert [each.lines[0].get_ydata().tolist() for each in right.containers] == [[1.0, 0.75]]
    assert [text.get_text() for text in left.get_xticklabels()] == ["0", "1\nalarm:\nverifier gap\nnarrowing"]
    assert figure.get_suptitle() == "50 held-out problems, 4 samples each, 95% intervals"


async def test_a_loop_may_stop_at_an_alarm_and_go_on_without_it(
    loop: Callable[..., Awaitable[SelfTraining]], tmp_path: Path
) -> None:
    found = await loop(rounds=1)
    with Store(tmp_path / "r.duckdb") as store:
        last = store.rounds(found.loop_id)[-1]
        store.note_round(replace(last, figures={**last.figures, "alarms": ["narrowing: planted"]}))
    stopped = await loop(rounds=2, all_rounds=True, stop_on_alarm=True)
    assert [one.round for one in stopped.rounds] == [0, 1]
    assert stopped.one_line().endswith("; ALARM, narrowing: planted")
    assert [one.round for one in (await loop(rounds=2, all_rounds=True)).rounds] == [0, 1, 2]
