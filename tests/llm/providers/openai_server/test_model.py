"""The direct route against real HTTP servers on loopback: requests, replies, what is found out on the way."""

import asyncio
from typing import Any

import pytest

from redraft.llm.capabilities import Capabilities, Continuing
from redraft.llm.client.client import Client
from redraft.llm.model import Choice, Finish, Message, Request, UnsupportedRequest
from redraft.llm.providers.route import route
from redraft.llm.usage import Usage
from redraft.store.problems import Question

ASKED = (Message("system", "Be brief."), Message("user", "Two and two?"))
USED = {"prompt_tokens": 5, "completion_tokens": 7}


def spelled(*tokens: str, **more: Any) -> dict[str, Any]:
    """Log-probabilities as the chat protocol gives them: -0.5, -0.75, ..."""
    entries = [
        {"token": token, "bytes": list(token.encode()), "logprob": -0.5 - i / 4} for i, token in enumerate(tokens)
    ]
    return {"content": [entry | {"top_logprobs": [], **more} for entry in entries]}


async def test_a_request_reaches_the_server_whole_and_comes_back_as_choices(model_at: Any, openai_server: Any) -> None:
    openai_server.write = lambda messages, seed, index: ["It is four.", "Four, I think."][index]
    model = model_at(openai_server.url)

    reply = await model.complete(Request(ASKED, n=2, temperature=0.5, max_tokens=20, stop=("\n\n",), seeds=(7, 8)))

    [sent] = openai_server.requests
    assert sent == {
        "model": "tiny",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Two and two?"}],
        "n": 2,
        "temperature": 0.5,
        "max_tokens": 20,
        "stop": ["\n\n"],
        "seed": 7,
        "logprobs": True,
    }
    assert reply.choices == (
        Choice("It is four.", Finish.END, 3, logprobs=(-0.5, -0.75, -1.0), offsets=(0, 2, 5)),
        Choice("Four, I think.", Finish.END, 3, logprobs=(-0.5, -0.75, -1.0), offsets=(0, 5, 7)),
    )
    assert reply.usage == Usage(prompt=5, completion=6, cached=2)
    assert (reply.cost_usd, reply.attempts) == (None, 1)
    assert model.capabilities == Capabilities(n=True, logprobs=True, stop_reason=True, temperature=True)


async def test_a_text_ends_at_a_stop_string_at_the_token_limit_or_by_itself(model_at: Any, openai_server: Any) -> None:
    openai_server.write = lambda messages, seed, index: "one two\n\nthree"
    model = model_at(openai_server.url)
    requests = [Request(ASKED, stop=("\n\n",)), Request(ASKED, max_tokens=1), Request(ASKED, stop=("four",))]
    ends = [(await model.complete(request)).choices[0] for request in requests]
    assert [(choice.text, choice.finish) for choice in ends] == [
        ("one two", Finish.STOP),
        ("one", Finish.LENGTH),
        ("one two\n\nthree", Finish.END),
    ]
    assert (model.capabilities.stop, model.capabilities.stop_reason) == (True, True)


@pytest.mark.parametrize(
    ("choice", "text", "finish"),
    [
        ({"stop_reason": "\n"}, "one", Finish.STOP),
        ({"stop_reason": None}, "one", Finish.END),
        ({"stop_reason": 32007}, "one", Finish.END),
        ({"matched_stop": "\n"}, "one", Finish.STOP),
        ({"matched_stop": 2}, "one", Finish.END),
        ({"finish_reason": "stop_sequence"}, "one", Finish.STOP),
        ({"finish_reason": "eos_token", "stop_reason": None}, "one", Finish.END),
        ({"logprobs": spelled("one", "")}, "one", Finish.END),
        ({"logprobs": spelled("one")}, "one", Finish.STOP),
        ({}, "one", Finish.STOP),
    ],
    ids=[
        "vLLM's string", "vLLM's end", "vLLM's token", "SGLang's string", "SGLang's token", "TGI's string", "TGI's end",
        "llama.cpp's end", "llama.cpp's string", "nobody says",
    ],
)  # fmt: skip
async def test_what_ended_a_text_is_read_as_each_server_says_it(
    model_at: Any, speaks: Any, chat: Any, choice: dict[str, Any], text: str, finish: Finish
) -> None:
    server = await speaks(lambda path, body: chat(text) | {"choices": [chat(text)["choices"][0] | choice]})
    [read] = (await model_at(server.url).complete(Request(ASKED, stop=("\n",)))).choices
    assert (read.text, read.finish) == (text, finish)


async def test_a_server_that_keeps_stop_strings_in_its_texts_tells_by_them(
    model_at: Any, speaks: Any, chat: Any
) -> None:
    texts = iter(["one\n", "two"])
    server = await speaks(lambda path, body: chat(next(texts)))
    model = model_at(server.url)
    read = [(await model.complete(Request(ASKED, stop=("\n",)))).choices[0] for _ in range(2)]
    assert [(choice.text, choice.finish) for choice in read] == [("one", Finish.STOP), ("two", Finish.END)]
    assert (model.capabilities.stop, model.capabilities.stop_reason) == (True, True)


async def test_an_end_whose_text_was_held_back_is_told_by_the_number_of_tokens(
    model_at: Any, speaks: Any, chat: Any
) -> None:
    """llama.cpp holds text back that a stop string could begin with, and gives it to the entry of the end."""
    replies = iter([
        chat("a 15", logprobs=spelled("a", " 1", "5", ""), usage={"prompt_tokens": 5, "completion_tokens": 4}),
        chat("a 15", logprobs=spelled("a", " 1", "", "5"), usage={"prompt_tokens": 5, "completion_tokens": 4}),
        chat("a 1", logprobs=spelled("a", " 1"), usage={"prompt_tokens": 5, "completion_tokens": 4}),
    ])  # fmt: skip
    server = await speaks(lambda path, body: next(replies))
    model = model_at(server.url)
    read = [(await model.complete(Request(ASKED, stop=("5x", "5y")))).choices[0] for _ in range(3)]
    assert [choice.finish for choice in read] == [Finish.END, Finish.END, Finish.STOP]
    assert (read[0].logprobs, read[0].offsets) == ((-0.5, -0.75, -1.0), (0, 1, 3))


async def test_a_text_that_runs_past_an_ignored_stop_string_is_cut_here(model_at: Any, openai_server: Any) -> None:
    openai_server.ignores = {"stop"}
    openai_server.write = lambda messages, seed, index: "one two\n\nthree four"
    model = model_at(openai_server.url)
    [choice] = (await model.complete(Request(ASKED, stop=("\n\n",)))).choices
    assert (choice.text, choice.finish, choice.logprobs, choice.offsets) == (
        "one two", Finish.STOP, (-0.5, -0.75), (0, 3),
    )  # fmt: skip
    assert choice.tokens == 4
    assert model.capabilities.stop is False


async def test_what_a_server_rejects_is_left_out_from_then_on(model_at: Any, openai_server: Any) -> None:
    openai_server.rejects = {"logprobs", "stop", "n", "seed", "temperature", "max_tokens"}
    openai_server.write = lambda messages, seed, index: "one\n\ntwo"
    model = model_at(openai_server.url)
    client = Client(model)

    choices = await client.complete(Question("p", "q", unit="u"), "propose", "u/", ASKED, n=2, stop=["\n\n"])

    assert [(choice.text, choice.finish, choice.logprobs) for choice in choices] == [("one", Finish.STOP, None)] * 2
    assert len(openai_server.requests) == 8
    assert openai_server.requests[-1].keys() == {"model", "messages", "max_completion_tokens"}
    assert model.capabilities == Capabilities(n=False, seed=False, logprobs=False, stop=False, temperature=False)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"message": "Unsupported parameter", "param": "logprobs"}}),
        (400, {"error": {"message": "This model does not support logprobs", "type": "invalid"}}),
        (422, {"detail": "Unexpected fields in the request: {'logprobs'}"}),
        (422, {"detail": [{"loc": ["body", "logprobs"], "msg": "Extra inputs are not permitted"}]}),
        (400, {"error": "`logprobs` is not supported", "error_type": "validation"}),
        (400, {"object": "error", "message": "logprobs are disabled", "code": 400}),
    ],
)
async def test_a_rejection_is_understood_in_every_form(
    model_at: Any, speaks: Any, chat: Any, status: int, body: Any
) -> None:
    server = await speaks(lambda path, asked: (status, body) if "logprobs" in asked else chat("Four."))
    model = model_at(server.url)
    reply = await model.complete(Request(ASKED))
    assert (reply.choices[0].text, reply.attempts, model.capabilities.logprobs) == ("Four.", 2, False)


async def test_a_value_that_is_wrong_is_not_taken_for_a_missing_ability(model_at: Any, speaks: Any) -> None:
    said = {"error": {"message": "temperature must be in [0, 2]", "param": "temperature"}}
    server = await speaks(lambda path, body: (400, said))
    model = model_at(server.url)
    with pytest.raises(UnsupportedRequest, match=r"temperature must be in \[0, 2\]"):
        await model.complete(Request(ASKED, temperature=7.0))
    assert len(server.asked) == 1


async def test_a_limit_on_n_is_found_and_kept(model_at: Any, speaks: Any, chat: Any) -> None:
    def answer(path: str, body: dict[str, Any]) -> Any:
        n = body.get("n", 1)
        if n > 2:
            return 400, {"error": {"message": f"n is {n}, at most 2", "param": "n"}}
        return {"choices": chat("Four.")["choices"] * n, "usage": USED}

    server = await speaks(answer)
    model = model_at(server.url)
    reply = await model.complete(Request(ASKED, n=8))
    assert (len(reply.choices), reply.attempts) == (2, 3)
    assert len((await model.complete(Request(ASKED, n=8))).choices) == 2
    assert [body.get("n") for body in server.bodies()] == [8, 4, 2, 2]


async def test_a_server_that_ignores_n_is_asked_one_by_one_with_each_samples_own_seed(
    model_at: Any, openai_server: Any
) -> None:
    openai_server.ignores = {"n"}
    openai_server.write = lambda messages, seed, index: f"seed {seed}"
    model = model_at(openai_server.url)
    client = Client(model)

    for unit in ("u", "v"):
        choices = await client.complete(Question("p", "q", unit=unit), "propose", "", ASKED, n=4)
        seeds = [client.seed(unit, "propose", "", sample) for sample in range(4)]
        assert [choice.text for choice in choices] == [f"seed {seed}" for seed in seeds]
    assert len(openai_server.requests) == 8

    await client.complete(Question("p", "q", unit="w"), "propose", "", ASKED, n=4)
    assert model.capabilities.n is False
    assert all("n" not in request for request in openai_server.requests[-4:])


async def test_log_probabilities_that_never_come_are_not_asked_for_for_ever(model_at: Any, openai_server: Any) -> None:
    openai_server.ignores = {"logprobs"}
    model = model_at(openai_server.url)
    known = []
    for _ in range(3):
        [choice] = (await model.complete(Request(ASKED))).choices
        known.append((choice.logprobs, choice.offsets, model.capabilities.logprobs))
    assert known == [(None, None, None), (None, None, False), (None, None, False)]


async def test_one_top_log_probability_is_asked_for_where_many_come_unasked(
    model_at: Any, speaks: Any, chat: Any
) -> None:
    many = spelled("Four", ".", top_logprobs=[{"token": "x", "logprob": -1.0}] * 20)
    server = await speaks(lambda path, body: chat("Four.", logprobs=many))
    model = model_at(server.url)
    for _ in range(2):
        assert (await model.complete(Request(ASKED))).choices[0].logprobs == (-0.5, -0.75)
    assert [body.get("top_logprobs") for body in server.bodies()] == [None, 1]


async def test_tokens_that_are_parts_of_characters_begin_at_them(model_at: Any, speaks: Any, chat: Any) -> None:
    raw = "né🙂!".encode()
    parts = [raw[:2], raw[2:4], raw[4:7], raw[7:]]
    entries = [{"token": part.decode(errors="replace"), "bytes": list(part), "logprob": -1.0} for part in parts]
    lost = [{"token": t, "bytes": None, "logprob": -1.0} for t in ("né", "\ufffd", "\ufffd", "!")]
    replies = iter([chat("né🙂!", logprobs={"content": entries}), chat("né🙂!", logprobs={"content": lost})])
    server = await speaks(lambda path, body: next(replies))
    model = model_at(server.url)
    read = [(await model.complete(Request(ASKED))).choices[0] for _ in range(2)]
    assert [choice.offsets for choice in read] == [(0, 1, 2, 3), (0, 2, 2, 3)]


@pytest.mark.parametrize(
    "logprobs",
    ['{"content":[{"token":"Four.","logprob":NaN}]}', '{"content":[{"token":"Four.","logprob":-Infinity}]}',
     '{"content":[{"token":"Four.","logprob":null}]}', '{"content":[{"token":"Five.","logprob":-1}]}',
     '{"content":[{"token":"Four."}]}', '{"content":7}', '"none"', '{"content":[]}'],
)  # fmt: skip
async def test_log_probabilities_that_are_no_numbers_are_dropped_and_the_text_kept(
    model_at: Any, speaks: Any, logprobs: str
) -> None:
    body = (
        '{"choices":[{"message":{"content":"Four."},"finish_reason":"stop","logprobs":%s}],'
        '"usage":{"prompt_tokens":5,"completion_tokens":7}}'
    )
    server = await speaks(lambda path, asked: (body % logprobs).encode())
    reply = await model_at(server.url).complete(Request(ASKED))
    assert reply.choices == (Choice("Four.", Finish.END, 7),)


@pytest.mark.parametrize(
    ("usage", "logprobs", "expected"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 8}}, None, (9, 4, 8)),
        ({"prompt_tokens": 9, "completion_tokens": 4, "prompt_cache_hit_tokens": 6}, None, (9, 4, 6)),
        ({"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": None}, None, (9, 4, 0)),
        ({}, spelled("It is", " four."), (6, 2, 0)),
        (None, None, (6, 3, 0)),
        ("none", None, (6, 3, 0)),
        ({"prompt_tokens": 9, "completion_tokens": 1}, spelled("It is", " four."), (9, 2, 0)),
    ],
)
async def test_tokens_that_nobody_counts_are_estimated(
    model_at: Any, speaks: Any, chat: Any, usage: Any, logprobs: Any, expected: tuple[int, int, int]
) -> None:
    server = await speaks(lambda path, body: chat("It is four.", logprobs=logprobs) | {"usage": usage})
    reply = await model_at(server.url).complete(Request(ASKED))
    assert (reply.usage.prompt, reply.usage.completion, reply.usage.cached) == expected
    assert reply.choices[0].tokens == expected[1]


@pytest.mark.parametrize(
    ("structured", "known"), [("honour", None), ("ignore", None), ("reject", False)]
)  # fmt: skip
async def test_a_schema_is_sent_until_it_is_rejected(
    model_at: Any, openai_server: Any, structured: str, known: bool | None
) -> None:
    openai_server.structured = structured
    openai_server.write = lambda messages, seed, index: '{"step": "a"}'
    model = model_at(openai_server.url)
    schema = {"type": "object", "properties": {"step": {"type": "string"}}}
    for _ in range(2):
        assert (await model.complete(Request(ASKED, schema=schema))).choices[0].text == '{"step": "a"}'
    assert model.capabilities.schema is known
    assert openai_server.requests[0]["response_format"]["json_schema"]["schema"] == schema
    assert ("response_format" in openai_server.requests[-1]) is (known is not False)


async def test_a_prefix_is_gone_on_from_and_is_no_part_of_the_text(model_at: Any, openai_server: Any) -> None:
    openai_server.write = lambda messages, seed, index: "one two three"
    model = model_at(openai_server.url)
    [choice] = (await model.complete(Request(ASKED, prefix="one "))).choices
    assert (choice.text, choice.offsets) == ("two three", (0, 3))
    sent = openai_server.requests[-1]
    assert sent["messages"][-1] == {"role": "assistant", "content": "one "}
    assert (sent["continue_final_message"], sent["add_generation_prompt"]) == (True, False)
    assert model.capabilities.continuing is Continuing.FLAG


async def test_a_prefix_that_the_model_does_not_go_on_from_is_refused(model_at: Any, openai_server: Any) -> None:
    openai_server.continues = "none"
    model = model_at(openai_server.url)
    for _ in range(2):
        with pytest.raises(UnsupportedRequest, match="does not go on from a half-written answer"):
            await model.complete(Request(ASKED, prefix="one "))
    assert model.capabilities.continuing is Continuing.NONE


async def test_an_answer_that_ends_right_where_it_was_continued_is_a_sample(
    model_at: Any, speaks: Any, chat: Any
) -> None:
    server = await speaks(lambda path, body: chat("", usage={"prompt_tokens": 9 - len(body), "completion_tokens": 1}))
    [choice] = (await model_at(server.url).complete(Request(ASKED, prefix="one ", stop=("\n",)))).choices
    assert (choice.text, choice.finish) == ("", Finish.END)


async def test_calls_of_one_loop_after_another_have_connections_of_their_own(openai_protocol: Any) -> None:
    def once(model: Any) -> str:
        async def ask() -> str:
            server = await openai_protocol.OpenAIServer(lambda m, s, i: "Four.").start(port)
            reply = await model.complete(Request(ASKED))
            await model.close()
            await server.stop()
            return reply.choices[0].text

        return asyncio.run(ask())

    server = await openai_protocol.OpenAIServer(lambda m, s, i: "Four.").start()
    port, url = server.port, server.url
    await server.stop()
    model = route("tiny", url)
    assert [await asyncio.to_thread(once, model) for _ in range(2)] == ["Four.", "Four."]
