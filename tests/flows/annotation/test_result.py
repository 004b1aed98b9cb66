"""The counts of an annotation, in a sentence, in a notebook, and over several tries of one run."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import Any

from redraft.flows.annotate import annotate
from redraft.flows.annotation.result import Annotation, read_annotation, sum_of_tries
from redraft.flows.generate import generate
from redraft.graders.grader import Grader
from redraft.llm.scripted import Scripted
from redraft.store import Problem, Store, replace
from redraft.store.trajectory import Grade, Role, Stop, Trajectory

Sums = Callable[..., list[Problem]]
Adder = Callable[..., Scripted]

EMPTY = Annotation("r.duckdb", "run", "prm")


async def test_counts_are_read_from_the_store(tmp_path: Path, sums: Sums, adder: Adder) -> None:
    """Of five drafts one has a value for its first step alone, two have no value for one reason, and one for none."""
    store, model = Store(tmp_path / "redraft.duckdb"), adder(lambda number, sample, turn: True)
    await generate(sums(5), db=store, model=model, strategy="greedy")

    def grader() -> Grader:
        async def grade(trajectories: Sequence[Trajectory]) -> list[Grade]:
            return [judged(trajectory) for trajectory in trajectories]

        return grade

    def judged(draft: Trajectory) -> Grade:
        number = int(re.findall(r"What is (\d+)", draft.question.text)[0])
        steps = len(draft.steps)
        facts: dict[int, dict[str, Any]] = {
            1: {"value": 0.0, "steps": (0.5, *[None] * (steps - 1))},
            2: {"value": 1.0},
            3: {"reason": "too long", "steps": (0.5,) * steps},
            4: {"reason": "too long"},
            5: {"rollouts": (rollout(draft),)},
        }
        return Grade("own", draft.trajectory_id, draft.turn, **facts[number])

    def rollout(draft: Trajectory) -> Trajectory:
        return replace(draft, role=Role.ROLLOUT, stop=Stop.ANSWERED)

    found = await annotate(db=store, model=model, grader=grader)
    assert (found.drafts, found.values, found.failed, found.known, found.rollouts) == (5, 2, 0, 0, 1)
    assert found.steps == 1 + 2
    assert found.lost == {"too long": 2, "the grader gave no reason": 1}
    assert read_annotation(store, found.run_id, "own", 3) == replace_fields(found, grader="own", known=3)
    assert read_annotation(store, "no such run", "own", 0).drafts == 0


def test_the_sentence_leaves_out_what_there_was_not() -> None:
    assert str(EMPTY) == "0 drafts judged by prm, 0 with a value, 0 steps; 0 were known: kept in r.duckdb"
    whole = replace_fields(
        EMPTY, drafts=1200, values=1100, steps=5000, rollouts=40000, known=7, lost={"too long": 60, "no idea": 40},
        spent="The budget of 9 calls is used up.",
    )  # fmt: skip
    assert str(whole) == (
        "1,200 drafts judged by prm, 1,100 with a value, 5,000 steps, 40,000 rollouts (without a value: 60 too long, 40"
        " no idea); 7 were known: kept in r.duckdb; stopped: The budget of 9 calls is used up."
    )


def test_a_notebook_shows_reasons_and_what_stopped_it() -> None:
    shown = replace_fields(EMPTY, drafts=3, lost={"a < b": 2}, spent="used up & over")._repr_html_()
    assert "without a value: a &lt; b" in shown
    assert "used up &amp; over" in shown


def test_several_tries_are_one_run() -> None:
    # The second try knows the 2 + 3 drafts that were judged before it, and judges the failed one again.
    first = replace_fields(EMPTY, drafts=4, values=3, steps=9, rollouts=8, known=2, failed=1, lost={"no idea": 1})
    second = replace_fields(EMPTY, drafts=1, values=1, steps=3, rollouts=2, known=5)
    together = sum_of_tries([first, second])
    assert (together.drafts, together.known, together.values) == (4, 2, 4)
    assert (together.steps, together.rollouts, together.failed) == (12, 10, 0)


def test_a_single_try_is_itself() -> None:
    one = replace_fields(EMPTY, drafts=4, values=3, steps=9, known=2, lost={"no idea": 1})
    assert sum_of_tries([one]) == one
