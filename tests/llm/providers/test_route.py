"""Which route a name takes."""

import pytest

from redraft.llm.model import ModelError
from redraft.llm.providers.embedded.model import EmbeddedModel
from redraft.llm.providers.route import route


def test_the_embedded_model_needs_nothing() -> None:
    assert isinstance(route("embedded"), EmbeddedModel)


def test_the_embedded_model_is_not_what_a_server_serves() -> None:
    with pytest.raises(ModelError, match=r"not served at http://localhost:1/v1\. Name the server's model") as raised:
        route("embedded", "http://localhost:1/v1")
    assert raised.value.fatal
