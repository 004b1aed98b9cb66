"""What a server's words about a failure say, whatever stands in them."""

import pytest

from redraft.llm.providers.openai_server.errors import ErrorBody


@pytest.mark.parametrize(
    ("body", "text", "param", "code"),
    [
        (b'{"error": {"message": "too long", "param": "n", "code": 7}}', "too long", "n", "7"),
        (b'{"error": {"message": "too long", "param": null, "type": "bad"}}', "too long", "", "bad"),
        (b'{"error": "busy"}', "busy", "", ""),
        (b'{"message": "busy", "code": "c"}', "busy", "", "c"),
        (b"[1]", "[1]", "", ""),
        (b"half \xff", "half \ufffd", "", ""),
        (b"", "", "", ""),
    ],
)
def test_the_words_the_parameter_and_the_code(body: bytes, text: str, param: str, code: str) -> None:
    found = ErrorBody(body)
    assert (found.text, found.param, found.code) == (text, param, code)


def test_a_page_has_no_tags_and_a_body_nested_without_end_is_a_text() -> None:
    page = ErrorBody(b" <html><b>502</b> Bad Gateway</html>")
    assert (page.page, page.text.split()) == (True, ["502", "Bad", "Gateway"])
    assert ErrorBody(b"[" * 50_000).text == "[" * 50_000
