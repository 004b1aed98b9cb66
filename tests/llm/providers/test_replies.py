"""What servers really answer, and the one verdict that both routes give: a table, served by a real HTTP server."""

import gzip
import json
import warnings
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from redraft.llm.client.client import Client
from redraft.llm.limits import Limits
from redraft.llm.model import Cause, Choice, Finish, Message, Model, ModelError
from redraft.llm.providers.route import route
from redraft.llm.providers.shared.json_body import reply_in_body
from redraft.llm.providers.via_litellm.route import litellm_model
from redraft.store.journal import Journal
from redraft.store.problems import Question

ASKED = (Message("user", "Two and two?"),)
USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
ROUTES: dict[str, Callable[[str], Model]] = {
    "direct": lambda url: route("tiny", url),
    "litellm": lambda url: litellm_model("tiny", url),
}


class Sent(NamedTuple):
    """An HTTP answer whose status, type or bytes are not the usual ones."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class Seen(NamedTuple):
    """A row without its reply. After "again" the second try gets "Five.", whose tokens are left out. `tokens` are those
    of prompt and answer."""

    verdict: str  # answered, cut, again (failed, and tried again), refused (this call fails), or fatal (the run stops)
    text: str = ""
    thinking: str = ""
    finish: str = ""
    tokens: int = 12
    requests: int = 1


def chat(content: Any, finish: Any = "stop", usage: Any = USAGE, **choice: Any) -> dict[str, Any]:
    """A reply of one choice. `content` is its text, or the fields of its message."""
    message = {"role": "assistant"} | (content if isinstance(content, dict) else {"content": content})
    listed = [{"index": 0, "message": message, "finish_reason": finish, **choice}]
    return {"id": "1", "object": "chat.completion", "created": 1, "model": "tiny", "choices": listed, "usage": usage}


def answer(text: str, thinking: str = "", finish: str = "end", tokens: int = 12) -> Seen:
    return Seen("cut" if finish == "length" else "answered", text, thinking, finish, tokens)


def events(*deltas: tuple[dict[str, Any], str | None], end: str = "data: [DONE]\n\n") -> bytes:
    """A stream of events, one a delta with its finish reason, and one with the usage."""
    listed: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]} for delta, finish in deltas
    ]
    listed.append({"choices": [], "usage": USAGE})
    return ("".join(f"data: {json.dumps(event)}\n\n" for event in listed) + end).encode()


def without(reply: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in reply.items() if key != name}


AGAIN, UNCOUNTED = Seen("again", tokens=12, requests=2), Seen("again", tokens=0, requests=2)
REFUSED, FATAL = Seen("refused", tokens=0), Seen("fatal", tokens=0)
FOUR, THOUGHT, MUSED = answer("Four."), answer("Four.", "two and"), answer("", "two and")
DIED = 'data: {"error": {"message": "it died", "code": 500}}\n\n'
BODY = json.dumps(chat("Four.")).encode()
TOOL = {"tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}
PIECES = ({"role": "assistant", "content": ""}, None), ({"content": "Fo"}, None), ({"content": "ur."}, "stop")
HARMONY = "<|channel|>analysis<|message|>two and<|end|><|start|>assistant<|channel|>final<|message|>Four.<|return|>"
COHERE = "<|START_THINKING|>two and<|END_THINKING|><|START_RESPONSE|>Four.<|END_RESPONSE|>"

ROWS: dict[str, tuple[Any, Seen]] = {
    # finish reasons
    "stop":                          (chat("Four.", "stop"), FOUR),
    "STOP":                          (chat("Four.", "STOP"), FOUR),
    "COMPLETE":                      (chat("Four.", "COMPLETE"), FOUR),
    "end_turn":                      (chat("Four.", "end_turn"), FOUR),
    "stop_sequence":                 (chat("Four.", "stop_sequence"), answer("Four.", finish="stop")),
    "a reason that nobody knows":    (chat("Four.", "satisfied"), FOUR),
    "a number for a reason":         (chat("Four.", 7), FOUR),
    "no reason":                     (chat("Four.", None), FOUR),
    "no reason, at the limit":       (chat("Four.", None, USAGE | {"completion_tokens": 1024}),
                                      answer("Four.", finish="length", tokens=1029)),
    "length":                        (chat("Fou", "length"), answer("Fou", finish="length")),
    "LENGTH":                        (chat("Fou", "LENGTH"), answer("Fou", finish="length")),
    "MAX_TOKENS":                    (chat("Fou", "MAX_TOKENS"), answer("Fou", finish="length")),
    "model_length":                  (chat("Fou", "model_length"), answer("Fou", finish="length")),
    "a gateway's word and its own":  (chat("Fou", "stop", native_finish_reason="MAX_TOKENS"),
                                      answer("Fou", finish="length")),
    "error":                         (chat("Fou", "error"), AGAIN),
    "abort":                         (chat("Fou", "abort"), AGAIN),
    "insufficient_system_resource":  (chat("Fou", "insufficient_system_resource"), AGAIN),
    "network_error":                 (chat("Fou", "network_error"), AGAIN),
    "content_filter":                (chat("Fou", "content_filter"), REFUSED._replace(tokens=12)),
    "content_filter without text":   (chat(None, "content_filter"), REFUSED._replace(tokens=12)),
    "SAFETY":                        (chat("Fou", "SAFETY"), REFUSED._replace(tokens=12)),
    "an error inside a choice":      (chat("Fou", "stop", error={"code": 502, "message": "it died"}), AGAIN),
    # thinking
    "reasoning_content":             (chat({"content": "\n\nFour.", "reasoning_content": "two and\n"}), THOUGHT),
    "reasoning":                     (chat({"content": "Four.", "reasoning": "two and"}), THOUGHT),
    "reasoning beside a null":       (chat({"content": "Four.", "reasoning_content": None, "reasoning": "two and"}),
                                      THOUGHT),
    "reasoning_details":             (chat({"content": "Four.", "reasoning_details": [
                                          {"type": "reasoning.text", "text": "two and"}]}), THOUGHT),
    "thinking_blocks":               (chat({"content": "Four.", "thinking_blocks": [
                                          {"type": "thinking", "thinking": "two and"}]}), THOUGHT),
    "parts with thinking":           (chat([{"type": "thinking", "thinking": [{"type": "text", "text": "two and"}]},
                                            {"type": "text", "text": "Four."}]), THOUGHT),
    "thinking alone":                (chat({"content": None, "reasoning_content": "two and"}), MUSED),
    "thinking alone, cut":           (chat({"content": None, "reasoning_content": "two and"}, "length"),
                                      answer("", "two and", "length")),
    "<think>":                       (chat("<think>\ntwo and\n</think>\n\nFour."), THOUGHT),
    "<think> that never ends":       (chat("<think>two and"), MUSED),
    "<think> that is cut":           (chat("<think>two and", "length"), answer("", "two and", "length")),
    "only </think>":                 (chat("two and</think>Four."), THOUGHT),
    "a text about tags":             (chat("The tags are <think> and </think>."),
                                      answer("The tags are <think> and </think>.")),
    "<thinking>":                    (chat("<thinking>two and</thinking>Four."), THOUGHT),
    "<thought> (Gemini)":            (chat("<thought>two and</thought>Four."), THOUGHT),
    "[THINK] (Magistral)":           (chat("[THINK]two and[/THINK]Four."), THOUGHT),
    "◁think▷ (Kimi)":                (chat("◁think▷two and◁/think▷Four."), THOUGHT),
    "<seed:think> (Seed-OSS)":       (chat("<seed:think>two and</seed:think>Four."), THOUGHT),
    "<|channel>thought (Gemma 4)":   (chat("<|channel>thought\ntwo and<channel|>Four."), THOUGHT),
    "<|START_THINKING|> (Cohere)":   (chat(COHERE), THOUGHT),
    "channels (GPT-OSS)":            (chat(HARMONY), THOUGHT),
    "channels without their tokens": (chat("analysistwo andassistantfinalFour."), THOUGHT),
    "an analysis in words":          (chat("analysis shows four."), answer("analysis shows four.")),
    # contents
    "a token at the end (Qwen)":     (chat("Four.<|im_end|>"), FOUR),
    "a token at the end (Llama)":    (chat("Four.<|eot_id|>\n"), FOUR),
    "a token at the end (Gemma)":    (chat("<think>two and</think>Four.<end_of_turn>"), THOUGHT),
    "a token at the end (Mistral)":  (chat({"content": "Four.</s>", "reasoning_content": "two and"}), THOUGHT),
    "a tag at the end":              (chat("No, <s>five</s>"), answer("No, <s>five</s>")),
    "parts":                         (chat([{"type": "text", "text": "Fo"}, {"type": "text", "text": "ur."}]), FOUR),
    "a raw completion":              ({**chat(""), "choices": [{"text": "Four.", "finish_reason": "stop"}]}, FOUR),
    "a refusal":                     (chat({"content": None, "refusal": "I will not."}), answer("I will not.")),
    "a tool's call and a text":      (chat({"content": "Four.", **TOOL}, "tool_calls"), FOUR),
    "a tool's call":                 (chat({"content": None, **TOOL}, "tool_calls"), AGAIN),
    "an empty text":                 (chat(""), AGAIN),
    "an empty text, cut":            (chat("", "length"), answer("", finish="length")),
    "white space":                   (chat(" \n"), AGAIN),
    "a null":                        (chat(None), AGAIN),
    "a number":                      (chat({"content": 7}), AGAIN),
    "no message":                    ({**chat(""), "choices": [{"index": 0, "finish_reason": "stop"}]}, AGAIN),
    "no choices":                    ({**chat(""), "choices": []}, AGAIN),
    "choices: null":                 ({**chat(""), "choices": None}, AGAIN),
    "choices: null without usage":   ({**chat("", usage=None), "choices": None}, UNCOUNTED),
    "no usage":                      (without(chat("Four."), "usage"), answer("Four.", tokens=6)),
    # errors with HTTP 200
    'error: "busy"':                 ({"error": "busy"}, UNCOUNTED),
    "error without a code":          ({"error": {"message": "busy"}}, UNCOUNTED),
    "error 429":                     ({"error": {"message": "slow down", "code": 429}}, UNCOUNTED),
    "error 502, choices: []":        ({"choices": [], "error": {"message": "it died", "code": 502}}, UNCOUNTED),
    'object: "error"':               ({"object": "error", "message": "busy", "code": 50001}, UNCOUNTED),
    "error 400":                     ({"error": {"message": "no", "code": 400}}, REFUSED),
    "error: null beside an answer":  ({**chat("Four."), "error": None}, FOUR),
    "error beside an answer":        ({**chat("Four."), "error": "late"}, FOUR),
    # bodies
    "a stream that nobody asked":    (Sent(200, events(*PIECES), "text/event-stream"), FOUR),
    "a stream that breaks off":      (Sent(200, events(*PIECES[:2], end=""), "text/event-stream"), AGAIN),
    "an error in a stream":          (Sent(200, events(*PIECES[:2], end=f"{DIED}data: [DONE]\n\n")), UNCOUNTED),
    "an error that ends a stream":   (Sent(200, events(*PIECES, end=DIED), "text/event-stream"), UNCOUNTED),
    "half a character":              (Sent(200, BODY.replace(b"Four", b"Fo\\ud83dur")), answer("Fo\ufffdur.")),
    "[DONE] after the JSON":         (Sent(200, BODY + b"\ndata: [DONE]\n\n"), FOUR),
    "one event":                     (Sent(200, b"data: " + BODY + b"\n\ndata: [DONE]\n\n"), FOUR),
    "a comment first":               (Sent(200, b": processing\n\n" + BODY), FOUR),
    "empty lines first":             (Sent(200, b"\n\n" + BODY), FOUR),
    "a byte order mark":             (Sent(200, b"\xef\xbb\xbf" + BODY), FOUR),
    "gzip":                          (Sent(200, gzip.compress(BODY), headers=(("Content-Encoding", "gzip"),)), FOUR),
    "text/plain":                    (Sent(200, BODY, "text/plain"), FOUR),
    "a web page":                    (Sent(200, b"<html><h1>Log in</h1></html>", "text/html"), UNCOUNTED),
    "half a JSON":                   (Sent(200, BODY[:90]), UNCOUNTED),
    "nothing":                       (Sent(200, b""), UNCOUNTED),
    "a list":                        (Sent(200, b"[]"), UNCOUNTED),
    # statuses
    "429 with Retry-After":          (Sent(429, b'{"error": {"message": "slow"}}', headers=(("Retry-After", "0"),)),
                                      UNCOUNTED),
    "503":                           (Sent(503, b'{"error": {"message": "slow"}}'), UNCOUNTED),
    "502 and a page":                (Sent(502, b"<h1>Bad Gateway</h1>", "text/html"), UNCOUNTED),
    "400, too long":                 (Sent(400, b'{"error": {"message": "the context length is 8 tokens"}}'), REFUSED),
    "400":                           (Sent(400, b'{"error": {"message": "no"}}'), REFUSED),
    "401":                           (Sent(401, b'{"error": {"message": "no"}}'), FATAL),
    "402":                           (Sent(402, b'{"error": {"message": "no"}}'), FATAL),
    "404, no such model":            (Sent(404, b'{"error": {"message": "The model `tiny` does not exist."}}'), FATAL),
    "429, no money left":            (Sent(429, b'{"error": {"message": "no", "code": "insufficient_quota"}}'), FATAL),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
async def test_both_routes_give_the_verdict_of_the_table(speaks: Any, name: str) -> None:
    reply, expected = ROWS[name]
    assert {each: await seen(speaks, ROUTES[each], reply) for each in ROUTES} == dict.fromkeys(ROUTES, expected)


async def seen(speaks: Callable[..., Awaitable[Any]], model_at: Callable[[str], Model], reply: Any) -> Seen:
    """What one call on a route makes of a reply."""
    replies = iter([reply])
    server = await speaks(lambda path, body: next(replies, chat("Five.")) if body else {"data": []})
    journal = Journal(None)
    client = Client(model_at(server.url), journal=journal, limits=Limits(tries=2, wait_s=0.0))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Pydantic serializer warnings")  # LiteLLM's, for contents that are no text
        try:
            [drawn] = await client.draw(Question("p", "q", unit="u"), "propose", "u/", client.request(ASKED))
        except ModelError as error:
            drawn = error
    await client.close()
    requests = len([body for _, body in server.asked if body])
    tokens = sum(call.prompt_tokens + call.completion_tokens for call, _ in journal.calls("u"))
    if isinstance(drawn, ModelError):
        assert drawn.cause is Cause.REQUEST, drawn
        return Seen("fatal" if drawn.fatal else "refused", tokens=tokens, requests=requests)
    if requests > 1:
        assert drawn.text == "Five."
        return Seen("again", tokens=tokens - 12, requests=requests)
    verdict = "cut" if drawn.finish is Finish.LENGTH else "answered"
    return Seen(verdict, drawn.text, drawn.thinking, drawn.finish.value, tokens, requests)


@pytest.mark.parametrize("model_at", ROUTES.values(), ids=ROUTES)
async def test_a_missing_sample_is_asked_for(speaks: Any, model_at: Callable[[str], Model]) -> None:
    server = await speaks(lambda path, body: chat("Four."))
    client = Client(model_at(server.url))
    drawn = await client.draw(Question("p", "q", unit="u"), "propose", "u/", client.request(ASKED, n=2))
    await client.close()
    assert [choice.text for choice in drawn if isinstance(choice, Choice)] == ["Four.", "Four."]
    assert [body.get("n", 1) for body in server.bodies()] == [2, 1]


@pytest.mark.parametrize("model_at", ROUTES.values(), ids=ROUTES)
async def test_a_server_that_gave_a_reason_before_broke_off_the_text_without_one(
    speaks: Any, model_at: Callable[[str], Model]
) -> None:
    replies = iter([chat("One."), chat("Tw", None), chat("Two.")])
    assert await texts(speaks, model_at, lambda path, body: next(replies)) == [("One.", ""), ("Two.", "")]
    server = await speaks(lambda path, body: chat("Four.", None))
    assert await texts(speaks, model_at, server.answers) == [("Four.", ""), ("Four.", "")]


@pytest.mark.parametrize("model_at", ROUTES.values(), ids=ROUTES)
async def test_thinking_without_a_tag_is_known_once_its_end_was_seen(
    speaks: Any, model_at: Callable[[str], Model]
) -> None:
    replies = iter([chat("two, two</think>Four."), chat("two and", "length")])
    assert await texts(speaks, model_at, lambda path, body: next(replies)) == [("Four.", "two, two"), ("", "two and")]


async def texts(speaks: Any, model_at: Callable[[str], Model], answers: Any) -> list[tuple[str, str]]:
    """The texts and the thinking of two calls in a row."""
    server = await speaks(answers)
    client = Client(model_at(server.url), limits=Limits(tries=2, wait_s=0.0))
    drawn = [(await client.complete(Question("p", "q", unit="u"), "propose", f"u/{at}", ASKED))[0] for at in (0, 1)]
    await client.close()
    return [(choice.text, choice.thinking) for choice in drawn]


@pytest.mark.parametrize("body", ["data: {}\n\ndata: 7", 'data: {"choices": [{"delta": 7}]}', "data: {", ":"])
def test_events_that_are_no_reply_are_a_value_error(body: str) -> None:
    with pytest.raises(ValueError, match=r"events of the stream|Expecting"):
        reply_in_body(body)
