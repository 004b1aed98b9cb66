"""A method in one line of text."""

import pytest

from redraft.flows.evaluation.method import Method, method
from redraft.store.errors import PartError


def test_a_method_is_a_strategy_with_its_settings() -> None:
    assert method("correct feedback=none turns=3") == Method(
        "correct feedback=none turns=3", "correct", arguments={"feedback": "none", "turns": "3"}
    )
    assert method(" best_of_n  samples=8 grader=likelihood ") == Method(
        "best_of_n samples=8 grader=likelihood", "best_of_n", grader="likelihood", samples=8
    )
    assert method("correct feedback.note='look again'").arguments == {"feedback.note": "look again"}
    assert method("greedy critic=none").critic == "none"
    assert method(method("greedy")) == method("greedy")


def test_what_works_in_turns_is_measured_by_turn() -> None:
    assert [method(name).in_turns for name in ("correct", "greedy", "best_of_n")] == [True, False, False]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("correct turns", "'turns' in strategy 'correct turns' is no setting: write it as"),
        ("correct =3", "'=3' in strategy"),
        ("correct 'turns=3", "cannot be read: write it as"),
        ("best_of_n samples=0", "samples='0' must be a whole number from 1 on"),
        ("best_of_n samples=many", "samples='many' must be"),
    ],
)
def test_a_method_that_cannot_be_read_says_how_to_write_it(given: str, said: str) -> None:
    with pytest.raises(PartError, match=said):
        method(given)
