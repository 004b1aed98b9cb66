"""One base for all that a person can mend."""

import pytest

from redraft.agents import solve
from redraft.llm.model import BudgetExceeded, ModelError, UnsupportedRequest
from redraft.store.errors import QueryError, RedraftError, alternatives, broken, wrong
from redraft.store.tables.store import Store


@pytest.mark.parametrize("kind", [ModelError, UnsupportedRequest, BudgetExceeded])
def test_a_model_that_gives_no_answer_is_a_redraft_error(kind: type[Exception]) -> None:
    assert issubclass(kind, RedraftError)


async def test_except_redraft_error_catches_a_model_that_is_not_there() -> None:
    with pytest.raises(RedraftError, match=r"127\.0\.0\.1:9"):
        await solve("How much?", model="none", api_base="http://127.0.0.1:9/v1")


@pytest.mark.parametrize(
    ("name", "names", "says"),
    [
        ("gredy", ["beam", "greedy"], "there are beam, greedy. Did you mean 'greedy'?"),
        (
            "feedback.treshold",
            ["feedback.threshold"],
            "there are feedback.threshold. Did you mean 'feedback.threshold'?",
        ),
        ("mine", ["beam", "greedy"], "there are beam, greedy"),
        ("mine", [], "there are none"),
        (3, ["three"], "there are three"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_name_that_is_meant(name: object, names: list[str], says: str) -> None:
    assert alternatives(name, names) == says


def test_an_error_knows_which_of_its_words_may_repeat_a_question() -> None:
    with pytest.raises(ValueError, match="lemurs") as raised:
        raise ValueError("How many lemurs?")
    assert broken("grader 'mine'", raised.value).quoted == "How many lemurs?"
    told = wrong("critic 'mine'", "How many lemurs?", "a Review")
    assert told.quoted == "'How many lemurs?'"
    assert str(told) == "critic 'mine' returned a str, 'How many lemurs?': a Review"
    assert wrong("critic 'mine'", None, "a Review").quoted == ""
    with Store(":memory:") as store:
        with pytest.raises(QueryError) as value:
            store.query("SELECT 'How many lemurs?'::INTEGER")
        with pytest.raises(QueryError) as name:
            store.query("SELECT lemurs")
    assert "How many lemurs?" in value.value.quoted == str(value.value)
    assert name.value.quoted == ""
