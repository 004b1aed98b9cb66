"""One base for all that a person can mend."""

import pytest

from redraft.agents import solve
from redraft.llm.model import BudgetExceeded, ModelError, UnsupportedRequest
from redraft.store.errors import RedraftError


@pytest.mark.parametrize("kind", [ModelError, UnsupportedRequest, BudgetExceeded])
def test_a_model_that_gives_no_answer_is_a_redraft_error(kind: type[Exception]) -> None:
    assert issubclass(kind, RedraftError)


async def test_except_redraft_error_catches_a_model_that_is_not_there() -> None:
    with pytest.raises(RedraftError, match=r"127\.0\.0\.1:9"):
        await solve("How much?", model="none", api_base="http://127.0.0.1:9/v1")
