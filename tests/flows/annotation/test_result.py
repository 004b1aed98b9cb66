"""The counts of an annotation, in a sentence, in a notebook, and over several tries of one run."""

from dataclasses import replace

from redraft.flows.annotation.result import Annotation, sum_of_tries
from redraft.store.problems import Question
from redraft.store.trajectory import Grade, Trajectory

EMPTY = Annotation("r.duckdb", "run", "prm")


def test_a_grade_without_a_value_is_lost_for_its_reason() -> None:
    found = replace(EMPTY, lost={})
    rollout = Trajectory(Question("p", "How much?", unit="u"))
    found.count([Grade("prm", "a", 1, value=0.0, steps=(0.5, None, 0.0)), Grade("prm", "b", 1, value=1.0)])
    found.count([Grade("prm", "c", 1, reason="too long", steps=(0.5,)), Grade("prm", "d", 1, reason="too long")])
    found.count([Grade("prm", "e", 1, rollouts=(rollout, rollout))])
    assert (found.drafts, found.values, found.steps, found.rollouts) == (5, 2, 3, 2)
    assert found.lost == {"too long": 2, "the grader gave no reason": 1}


def test_the_sentence_leaves_out_what_there_was_not() -> None:
    assert str(EMPTY) == "0 drafts judged by prm, 0 with a value, 0 steps; 0 were known: kept in r.duckdb"
    whole = replace(
        EMPTY, drafts=1200, values=1100, steps=5000, rollouts=40000, known=7, lost={"too long": 60, "no idea": 40},
        spent="The budget of 9 calls is used up.",
    )  # fmt: skip
    assert str(whole) == (
        "1,200 drafts judged by prm, 1,100 with a value, 5,000 steps, 40,000 rollouts (without a value: 60 too long, 40"
        " no idea); 7 were known: kept in r.duckdb; stopped: The budget of 9 calls is used up."
    )


def test_a_notebook_shows_reasons_and_what_stopped_it() -> None:
    shown = replace(EMPTY, drafts=3, lost={"a < b": 2}, spent="used up & over")._repr_html_()
    assert "without a value: a &lt; b" in shown
    assert "used up &amp; over" in shown


def test_several_tries_are_one_run() -> None:
    # The second try knows the 2 + 3 drafts that were judged before it, and judges the failed one again.
    first = replace(EMPTY, drafts=4, values=3, steps=9, rollouts=8, known=2, failed=1, lost={"no idea": 1})
    second = replace(EMPTY, drafts=1, values=1, steps=3, rollouts=2, known=5)
    together = sum_of_tries([first, second])
    assert (together.drafts, together.known, together.values) == (4, 2, 4)
    assert (together.steps, together.rollouts, together.failed) == (12, 10, 0)


def test_a_single_try_is_itself() -> None:
    one = replace(EMPTY, drafts=4, values=3, steps=9, known=2, lost={"no idea": 1})
    assert sum_of_tries([one]) == one
