"""What can go wrong between redraft and a server, each with its cause and cure in one line."""

import json
import time
from contextlib import suppress
from email.utils import formatdate
from types import ModuleType
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.llm.limits import Limits
from redraft.llm.model import Cause, Choice, Finish, Message, ModelError, Request, UnsupportedRequest
from redraft.llm.providers.openai_server.learned import facts_after_reply
from redraft.llm.providers.openai_server.replies import MalformedReply, read_reply
from redraft.llm.providers.openai_server.requests import request_body
from redraft.llm.providers.openai_server.server_facts import NO_FACTS
from redraft.llm.providers.openai_server.token import parse_reply
from redraft.llm.providers.shared.unsupported import UnsupportedSigns
from redraft.llm.usage import Usage

ASKED = (Message("user", "Two and two?"),)
USED = {"prompt_tokens": 5, "completion_tokens": 7}
KINDS = {
    "drop": "broken connection",
    "cut": "broken connection",
    "hang": "timeout",
    "blank": "bad reply",
    "malformed": "bad reply",
    "empty": "empty reply",
}


async def failed(model: Any, **request: Any) -> ModelError:
    with pytest.raises(ModelError) as raised:
        await model.complete(Request(ASKED, **request))
    assert "\n" not in str(raised.value)
    return raised.value


@pytest.mark.parametrize(
    ("fault", "cause", "usage", "words"),
    [
        (429, Cause.BUSY, Usage(), "is too busy for tiny (as the test wants it). Lower --concurrency."),
        (503, Cause.BUSY, Usage(), "is too busy for tiny"),
        (529, Cause.BUSY, Usage(), "is too busy for tiny"),
        (500, Cause.FAULT, Usage(), "failed with HTTP 500 (as the test wants it). Try again later."),
        (502, Cause.FAULT, Usage(), "failed with HTTP 502"),
        (408, Cause.FAULT, Usage(), "failed with HTTP 408"),
        ("drop", Cause.FAULT, None, "The connection to http://127.0.0.1:"),
        ("cut", Cause.FAULT, None, "The connection to http://127.0.0.1:"),
        ("hang", Cause.FAULT, None, "gave no answer in 0.2 s. Raise --timeout"),
        ("blank", Cause.FAULT, None, "answered with nothing."),
        ("malformed", Cause.FAULT, None, "answered with broken JSON"),
        ("empty", Cause.FAULT, Usage(1, 1), "gave no answer at all."),
        (400, Cause.REQUEST, Usage(), "rejects the request to tiny (as the test wants it)."),
    ],
)
async def test_a_fault_has_its_cause_and_what_it_was_charged(
    openai_server: Any, openai_protocol: ModuleType, model_at: Any, fault: Any, cause: Cause, usage: Any, words: str
) -> None:
    openai_server.faults = [openai_protocol.Fault(fault)]
    openai_server.cached = 0
    error = await failed(model_at(openai_server.url, limits=Limits(timeout_s=0.2)))
    assert words in str(error)
    assert (error.cause, error.fatal, error.wait_s, error.attempts) == (cause, False, None, 1)
    assert error.kind == KINDS.get(fault, f"HTTP {fault}")
    assert error.usage == usage or (fault == "empty" and error.usage is not None and error.usage.prompt > 0)
    assert openai_server.faults == []


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, {"error": {"message": "no"}}, "asks for a key and there is none (no). Set REDRAFT_API_KEY"),
        (403, {"detail": "no"}, "asks for a key and there is none (no)."),
        (402, {"error": {"message": "no"}}, "has no money left (no). Top it up."),
        (429, {"error": {"message": "no", "code": "insufficient_quota"}}, "has no money left (no)."),
        (404, {"error": {"message": "The model `tiny` does not exist."}}, "has no model 'tiny'"),
        (400, {"detail": "Server is pinned to 'big'; requested 'tiny'."}, "has no model 'tiny'"),
        (400, {"error": {"message": "no", "code": "model_not_found"}}, "has no model 'tiny'"),
        (404, b"<style>a{}</style><h1>404</h1> nginx", "does not speak OpenAI's protocol (HTTP 404: 404 nginx)"),
        (405, b"", "does not speak OpenAI's protocol (HTTP 405: HTTP 405)"),
    ],
)  # fmt: skip
async def test_what_every_call_would_meet_is_fatal(
    speaks: Any, model_at: Any, status: int, body: Any, words: str
) -> None:
    server = await speaks(lambda path, asked: (status, body))
    error = await failed(model_at(server.url))
    assert words in str(error)
    assert error.fatal


async def test_a_missing_model_s_error_names_those_that_there_are(speaks: Any, model_at: Any) -> None:
    listed = {"data": [{"id": f"m{number}"} for number in range(7)]}
    missing = {"error": {"message": "The model `tiny` does not exist."}}
    server = await speaks(lambda path, body: listed if path == "/v1/models" else (404, missing))
    error = await failed(model_at(server.url))
    assert str(error).endswith("It has 'm0', 'm1', 'm2', 'm3', 'm4', ....")
    assert error.fatal


async def test_a_redirect_is_named_and_not_followed(speaks: Any, model_at: Any) -> None:
    server = await speaks(lambda path, body: (308, b""))
    server.headers = {"Location": "https://elsewhere/v1"}
    error = await failed(model_at(server.url))
    assert "it says to go to https://elsewhere/v1). Check --api-base." in str(error)
    assert error.fatal


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.25"}, 0.25),
        ({"retry-after-ms": "250", "Retry-After": "1"}, 0.25),
        ({"Retry-After": "soon"}, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m2.5s"}, 62.5),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "20ms"}, 0.02),
        ({"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "20ms"}, None),
    ],
)
async def test_the_pause_that_a_server_asks_for_is_passed_on(
    openai_server: Any, openai_protocol: ModuleType, model_at: Any, headers: dict[str, str], wait: float | None
) -> None:
    openai_server.faults = [openai_protocol.Fault(429, headers=headers)]
    assert (await failed(model_at(openai_server.url))).wait_s == wait


async def test_a_pause_until_a_date_is_the_seconds_until_then(
    openai_server: Any, openai_protocol: ModuleType, model_at: Any
) -> None:
    until = formatdate(time.time() + 30, usegmt=True)
    openai_server.faults = [openai_protocol.Fault(429, headers={"Retry-After": until})]
    wait = (await failed(model_at(openai_server.url))).wait_s
    assert wait is not None
    assert 20 < wait <= 30


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<!doctype html><title>Hello</title><script>x()</script>", "a web page, not with JSON ( Hello)"),
        (b"[]", "broken JSON ([])"),
        (b'{"choices": 7}', "broken JSON"),
        (b'"Four."', 'broken JSON ("Four.")'),
    ],
)
async def test_a_body_that_is_no_reply_is_a_fault_that_nobody_can_price(
    speaks: Any, model_at: Any, body: bytes, words: str
) -> None:
    server = await speaks(lambda path, asked: body)
    error = await failed(model_at(server.url))
    assert words.replace("( ", "(") in str(error)
    assert (error.cause, error.usage, error.fatal) == (Cause.FAULT, None, False)


@pytest.mark.parametrize(
    ("code", "cause"), [(429, Cause.BUSY), (502, Cause.FAULT), ("busy", Cause.FAULT), (400, Cause.REQUEST)]
)
async def test_an_error_inside_a_reply_of_status_200_is_that_error(
    speaks: Any, model_at: Any, code: Any, cause: Cause
) -> None:
    server = await speaks(lambda path, asked: {"error": {"message": "no", "code": code}})
    error = await failed(model_at(server.url))
    assert (error.cause, "(no)" in str(error)) == (cause, True)


@pytest.mark.parametrize(
    "choice",
    [
        {"finish_reason": "stop"},
        {"message": None, "finish_reason": "stop"},
        {"message": {"content": None}, "finish_reason": "stop"},
        {"message": {"content": 7}, "finish_reason": "stop"},
        {"message": {"content": "Four."}, "finish_reason": "abort"},
        "Four.",
    ],
)
async def test_a_choice_without_an_answer_is_left_out(speaks: Any, model_at: Any, chat: Any, choice: Any) -> None:
    whole = chat("Four.")["choices"][0]
    server = await speaks(lambda path, asked: {"choices": [choice, whole][: asked.get("n", 1)], "usage": USED})
    model = model_at(server.url)
    assert (await model.complete(Request(ASKED, n=2))).choices == (Choice("Four.", Finish.END, 7),)
    error = await failed(model)
    assert (error.cause, error.usage) == (Cause.FAULT, Usage(5, 7))


async def test_what_a_filter_withholds_is_refused(speaks: Any, model_at: Any, chat: Any) -> None:
    server = await speaks(lambda path, asked: chat(None, "content_filter"))
    error = await failed(model_at(server.url))
    assert isinstance(error, UnsupportedRequest)
    assert (error.cause, error.usage) == (Cause.REQUEST, Usage(5, 7))


@pytest.mark.parametrize(("fault", "texts"), [("few", 2), ("many", 3), ("truncated", 3), ("nan", 3), ("null", 3)])
async def test_a_reply_that_is_partly_wrong_gives_what_is_right(
    openai_server: Any, openai_protocol: ModuleType, model_at: Any, fault: str, texts: int
) -> None:
    openai_server.write = lambda messages, seed, index: f"one two three {index}"
    openai_server.faults = [openai_protocol.Fault(fault)]
    choices = (await model_at(openai_server.url).complete(Request(ASKED, n=3))).choices
    cut = fault == "truncated"
    assert [choice.text for choice in choices] == [f"one two{'' if cut else f' three {i}'}" for i in range(texts)]
    assert {choice.finish for choice in choices} == {Finish.LENGTH if cut else Finish.END}
    assert all((choice.logprobs is None) is (fault in ("nan", "null")) for choice in choices)


async def test_too_long_a_prompt_is_named_as_such(speaks: Any, model_at: Any) -> None:
    said = {"error": {"code": 400, "message": "request (2426 tokens) exceeds the available context size (1024 tokens)"}}
    server = await speaks(lambda path, asked: (400, said))
    error = await failed(model_at(server.url))
    assert "The prompt and --max-tokens are too long for tiny (request (2426 tokens)" in str(error)
    assert (error.cause, error.fatal) == (Cause.REQUEST, False)


@pytest.mark.parametrize(
    "variables", [("REDRAFT_API_KEY",), ("OPENAI_API_KEY",), ("REDRAFT_API_KEY", "OPENAI_API_KEY")]
)
async def test_the_key_is_sent_and_redraft_s_own_first(
    openai_server: Any, model_at: Any, monkeypatch: pytest.MonkeyPatch, variables: tuple[str, ...]
) -> None:
    for variable in variables:
        monkeypatch.setenv(variable, f"of {variable}")
    await model_at(openai_server.url).complete(Request(ASKED))
    assert openai_server.keys == [f"of {variables[0]}"]


async def test_no_key_sends_no_header(openai_server: Any, model_at: Any) -> None:
    await model_at(openai_server.url).complete(Request(ASKED))
    assert openai_server.keys == [""]


@pytest.mark.parametrize("key", ["sk-very-secret-000", "4f9a77c0d1e2b3a4958677", "short"])
async def test_a_wrong_key_is_fatal_and_never_shown(
    speaks: Any, model_at: Any, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("REDRAFT_API_KEY", key)
    said = {"error": {"message": f"Incorrect API key provided: {key}, or {key[:12]}... Bearer {key}\nsee " + "x" * 900}}
    server = await speaks(lambda path, asked: (401, said))
    error = await failed(model_at(server.url))
    assert error.fatal
    assert "refuses the key for tiny (Incorrect API key provided: ***, or ***" in str(error)
    assert not any(key[at : at + 8] in str(error) for at in range(max(1, len(key) - 7)))
    assert len(str(error)) < 500


async def test_a_password_in_the_address_is_sent_and_never_shown(speaks: Any, model_at: Any) -> None:
    server = await speaks(lambda path, asked: (500, b"broken"))
    model = model_at(server.url.replace("://", "://ann:secret-word@") + "?token=hidden-word")
    error = await failed(model)
    assert server.root in str(error)
    assert "secret-word" not in str(error)
    assert "hidden-word" not in str(error)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 10**20) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(place=st.integers(0, 17), value=VALUES)
def test_no_reply_whatever_is_in_it_breaks_the_reading(place: int, value: Any) -> None:
    """Any one part of a reply may be anything, and it reads the same however it was parsed."""
    entry: dict[str, Any] = {"token": "Four.", "logprob": -1.0, "bytes": [70], "top_logprobs": []}
    message: dict[str, Any] = {"content": "Four.", "reasoning_content": "hm"}
    classic: dict[str, Any] = {"tokens": ["Four."], "token_logprobs": [-1.0]}
    choice: dict[str, Any] = {"message": message, "logprobs": {"content": [entry]}, "finish_reason": "stop"}
    choice["stop_reason"] = None
    usage: dict[str, Any] = {"prompt_tokens": 5, "completion_tokens": 7, "completion_tokens_details": {}}
    reply: dict[str, Any] = {"choices": [choice, {"text": "Four.", "logprobs": classic}], "usage": usage}
    parts = [(part, name) for part in (entry, message, classic, choice, usage, reply) for name in part]
    part, name = parts[place % len(parts)]
    part[name] = value
    said = json.dumps(reply).encode()
    for request in (Request(ASKED, n=2), Request(ASKED, n=2, stop=("r",)), Request(ASKED, n=2, prefix="F")):
        _read(reply, request)
        with suppress(ValueError):  # NaN
            assert _read(parse_reply(said), request) == _read(orjson.loads(said), request)


def _read(reply: Any, request: Request) -> Any:
    sent = request_body("tiny", request, NO_FACTS)
    try:
        choices, used, signs = read_reply(reply, request, NO_FACTS, sent)
    except MalformedReply:
        return None
    assert all(isinstance(choice.text, str) and choice.tokens >= 0 for choice in choices)
    assert used.prompt > 0
    return choices, used, facts_after_reply(NO_FACTS, signs, UnsupportedSigns())


@pytest.mark.parametrize("text", ["a\\ud83d b", "a\\ude42 b"])
async def test_half_a_character_is_replaced(speaks: Any, model_at: Any, text: str) -> None:
    said = f'{{"choices":[{{"message":{{"content":"{text}"}},"finish_reason":"stop"}}]}}'
    server = await speaks(lambda path, asked: said.encode())
    [choice] = (await model_at(server.url).complete(Request((Message("user", "half \ud83d"),)))).choices
    assert choice.text == "a\ufffd b"
    assert server.bodies()[0]["messages"][0]["content"] == "half \ud83d"
