"""What a probe finds out: every state of every capability, by what servers do and not by what they say."""

import itertools
from typing import Any

import pytest

from redraft.llm.capabilities import Capabilities, Continuing
from redraft.llm.model import Cause, Finish, Message, ModelError, Request
from redraft.llm.prompts.chat_template import ChatTemplate
from redraft.llm.providers.openai_server.probe import BEGUN, COUNT

ASKED = (Message("user", "Two and two?"),)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, Capabilities(
            n=True, seed=True, logprobs=True, schema=True, temperature=True, continuing=Continuing.FLAG)),
        ({"continues": "none", "structured": "ignore", "with_logprobs": False}, Capabilities(
            n=True, seed=True, logprobs=False, schema=False, temperature=True, continuing=Continuing.NONE)),
        ({"ignores": {"n", "seed"}, "structured": "reject"}, Capabilities(
            n=False, seed=False, logprobs=True, schema=False, temperature=True, continuing=Continuing.FLAG)),
        ({"rejects": {"n", "seed", "logprobs", "temperature", "max_tokens", "continue_final_message"}}, Capabilities(
            n=False, seed=False, logprobs=False, schema=True, temperature=False, continuing=Continuing.NONE)),
    ],
    ids=["everything", "chat only", "ignores", "rejects"],
)  # fmt: skip
async def test_a_probe_finds_out_what_the_server_does(
    openai_server: Any, model_at: Any, settings: dict[str, Any], expected: Capabilities
) -> None:
    openai_server.write = None
    for name, value in settings.items():
        setattr(openai_server, name, value)
    model = model_at(openai_server.url)
    assert await model.probe() == expected
    assert model.capabilities == expected
    assert len(openai_server.requests) <= 16
    assert all((sent.get("max_tokens") or sent["max_completion_tokens"]) <= 32 for sent in openai_server.requests)


async def test_a_probe_is_made_once_and_remembered_between_processes(openai_server: Any, model_at: Any) -> None:
    first = await model_at(openai_server.url).probe()
    asked = len(openai_server.requests)
    model = model_at(openai_server.url)
    assert model.capabilities == first
    assert await model.probe() == await model.probe() == first
    assert len(openai_server.requests) == asked
    await model_at(openai_server.url, "other").probe()
    assert len(openai_server.requests) == 2 * asked


async def test_a_server_that_goes_on_by_itself_is_known_by_its_answer(openai_server: Any, model_at: Any) -> None:
    openai_server.continues = "trailing"
    openai_server.write = lambda messages, seed, index: BEGUN + "0 11 12"
    model = model_at(openai_server.url)
    assert (await model.probe()).continuing is Continuing.TRAILING
    openai_server.write = lambda messages, seed, index: "It is four."
    [choice] = (await model.complete(Request(ASKED, prefix="It is"))).choices
    assert choice.text == " four."
    assert "continue_final_message" not in openai_server.requests[-1]


async def test_a_repeated_beginning_is_cut_off(speaks: Any, model_at: Any, chat: Any) -> None:
    """As llama.cpp repeats it."""

    def answer(path: str, body: dict[str, Any]) -> Any:
        messages = body["messages"]
        prefix = messages[-1]["content"] if messages[-1]["role"] == "assistant" else ""
        return chat(prefix + "0 11")

    server = await speaks(answer)
    model = model_at(server.url)
    assert (await model.probe()).continuing is Continuing.TRAILING
    [choice] = (await model.complete(Request(ASKED, prefix="0 11"))).choices
    assert choice.text == "0 11"


def raw(text: str) -> dict[str, Any]:
    """A reply of the completions endpoint, in the form of its own log-probabilities."""
    listed = {"tokens": [text], "token_logprobs": [-0.5], "text_offset": [0], "top_logprobs": None}
    return {"choices": [{"text": text, "finish_reason": "stop", "logprobs": listed}], "usage": {}}


async def test_prompts_that_llama_cpp_makes_serve_where_chat_does_not_go_on(
    speaks: Any, model_at: Any, chat: Any
) -> None:
    def answer(path: str, body: dict[str, Any]) -> Any:
        if path == "/apply-template":
            said = "".join(f"<{m['role']}>{m['content']}" for m in body["messages"])
            return {"prompt": said + "<assistant>"}
        return raw(" four.") if path == "/v1/completions" else chat("Hello.")

    server = await speaks(answer)
    model = model_at(server.url)
    for _ in range(2):
        [choice] = (await model.complete(Request(ASKED, prefix="It is"))).choices
        assert (choice.text, choice.logprobs, choice.offsets) == (" four.", (-0.5,), (0,))
    assert model.capabilities.continuing is Continuing.COMPLETIONS
    sent = server.bodies("/v1/completions")[-1]
    assert (sent["prompt"], sent["logprobs"]) == ("<user>Two and two?<assistant>It is", 1)
    assert [body["messages"][0]["content"] for body in server.bodies("/apply-template")].count("Two and two?") == 1
    assert (await model.complete(Request(ASKED))).choices[0].text == "Hello."


async def test_a_server_whose_template_keeps_the_answer_open_goes_on(speaks: Any, model_at: Any, chat: Any) -> None:
    """Whatever a small model makes of the numbers that it is to count."""

    def answer(path: str, body: dict[str, Any]) -> Any:
        if path == "/apply-template":
            return {"prompt": "".join(m["content"] for m in body["messages"])}
        counted = sum(len(message["content"]) for message in body["messages"])
        return chat("12 + 12", usage={"prompt_tokens": counted, "completion_tokens": 1})

    server = await speaks(answer)
    assert (await model_at(server.url).probe()).continuing is Continuing.TRAILING


async def test_prompts_that_vllm_makes_serve_too(speaks: Any, model_at: Any, chat: Any) -> None:
    def answer(path: str, body: dict[str, Any]) -> Any:
        if path == "/tokenize":
            assert body["add_generation_prompt"]
            return {"tokens": [ord(c) for c in "<user>" + body["messages"][0]["content"] + "<assistant>"]}
        if path == "/detokenize":
            return {"prompt": "".join(map(chr, body["tokens"]))}
        if path == "/v1/completions":
            return raw(" four.")
        return chat("Hello.") if path == "/v1/chat/completions" else (404, {"detail": "Not Found"})

    server = await speaks(answer)
    model = model_at(server.url)
    assert (await model.complete(Request(ASKED, prefix="It is"))).choices[0].text == " four."
    assert server.bodies("/v1/completions")[-1]["prompt"] == "<user>Two and two?<assistant>It is"


async def test_a_chat_template_makes_everything_raw(openai_server: Any, model_at: Any) -> None:
    openai_server.write = lambda messages, seed, index: f"It is {seed + index}."
    template = "{% for m in messages %}<{{ m.role }}>\n{{ m.content }}\n{% endfor %}{{ '<assistant>\n' }}"
    model = model_at(openai_server.url, chat_template=template)
    assert (await model.probe()).continuing is Continuing.COMPLETIONS

    reply = await model.complete(Request(ASKED, n=2, seeds=(7, 8), stop=("!",)))
    assert [choice.text for choice in reply.choices] == ["It is 7.", "It is 8."]
    assert [choice.offsets for choice in reply.choices] == [(0, 2, 5)] * 2
    sent = openai_server.requests[-1]
    assert (sent["prompt"], "messages" in sent) == ("<user>\nTwo and two?\n<assistant>\n", False)

    [rest] = (await model.complete(Request(ASKED, prefix="It is", seeds=(7,)))).choices
    assert rest.text == " 7."
    assert openai_server.requests[-1]["prompt"] == "<user>\nTwo and two?\n<assistant>\nIt is"


@pytest.mark.parametrize(
    ("counted", "status", "words"),
    [(1, 404, "has no raw completions"), (14, 200, "puts raw prompts into a chat template of its own")],
)
async def test_a_chat_template_is_refused_where_prompts_do_not_stay_raw(
    speaks: Any, model_at: Any, chat: Any, counted: int, status: int, words: str
) -> None:
    used = {"usage": {"prompt_tokens": counted, "completion_tokens": 1}}
    server = await speaks(lambda path, body: chat("x") if "chat" in path else (status, raw("x") | used))
    with pytest.raises(ModelError, match=words) as raised:
        await model_at(server.url, chat_template="{{ messages[0].content }}").complete(Request(ASKED))
    assert raised.value.fatal


@pytest.mark.parametrize(("adds", "prompt"), [(True, "Two and two?"), (False, "<s>Two and two?")])
async def test_the_special_token_at_the_beginning_is_there_once(
    speaks: Any, model_at: Any, adds: bool, prompt: str
) -> None:
    def answer(path: str, body: dict[str, Any]) -> Any:
        tokens = adds + len(body["prompt"].split())
        return raw(" four.") | {"usage": {"prompt_tokens": tokens, "completion_tokens": 1}}

    server = await speaks(answer)
    template = ChatTemplate("{{ bos_token + messages[0].content }}", bos_token="<s>")
    for _ in range(2):
        model = model_at(server.url, chat_template=template)
        await model.complete(Request(ASKED))
        assert server.bodies("/v1/completions")[-1]["prompt"] == prompt
    assert len(server.asked) == 3


async def test_samples_that_are_one_and_the_same_are_asked_for_one_by_one(
    speaks: Any, model_at: Any, chat: Any
) -> None:
    """A server that gives every choice of a call the same seed."""

    def answer(path: str, body: dict[str, Any]) -> Any:
        one = chat(f"seed {body.get('seed')}")
        return one | {"choices": one["choices"] * body.get("n", 1)}

    server = await speaks(answer)
    model = model_at(server.url)
    known = await model.probe()
    assert (known.n, known.seed) == (False, True)
    await model.complete(Request(ASKED, n=4))
    assert "n" not in server.asked[-1][1]


@pytest.mark.parametrize(
    ("text", "finish", "honoured"),
    [
        ('{"answer": "four"}', "stop", True),
        ('{"answer": "fo', "length", True),
        ('{"answer": "fo', "stop", False),
        ("Four.", "stop", False),
        ("7", "stop", False),
        ("", "length", None),
    ],
)
async def test_a_schema_is_honoured_where_the_answer_has_its_form(
    speaks: Any, model_at: Any, chat: Any, text: str, finish: str, honoured: bool | None
) -> None:
    server = await speaks(lambda path, body: chat(text, finish))
    assert (await model_at(server.url).probe()).schema is honoured


async def test_a_seed_that_holds_only_for_a_call_alone_is_no_seed(speaks: Any, model_at: Any, chat: Any) -> None:
    """As where all calls in flight draw from one generator."""
    drawn = itertools.count()
    server = await speaks(lambda path, body: chat(f"draw {next(drawn)}"))
    assert (await model_at(server.url).probe()).seed is False


async def test_a_model_that_always_says_the_same_tells_nothing_of_seeds(speaks: Any, model_at: Any, chat: Any) -> None:
    server = await speaks(lambda path, body: chat("Four."))
    assert (await model_at(server.url).probe()).seed is None


async def test_a_probe_bears_passing_faults(openai_server: Any, openai_protocol: Any, model_at: Any) -> None:
    fault = openai_protocol.Fault
    openai_server.faults = [fault(429, headers={"Retry-After": "0"}), None, fault("drop"), fault(500)]
    assert (await model_at(openai_server.url).probe()).continuing is Continuing.FLAG


async def test_a_probe_of_a_dead_server_fails_and_is_not_remembered(openai_server: Any, model_at: Any) -> None:
    model = model_at(openai_server.url)
    await openai_server.down(0)
    await openai_server.stop()
    with pytest.raises(ModelError) as raised:
        await model.probe()
    assert raised.value.cause is Cause.DOWN
    assert model.capabilities == Capabilities()


async def test_a_flag_that_is_rejected_later_is_looked_at_again(speaks: Any, model_at: Any, chat: Any) -> None:
    """A server that was started anew, with another program."""
    takes = True

    def answer(path: str, body: dict[str, Any]) -> Any:
        flagged = "continue_final_message" in body
        if flagged and not takes:
            return 400, {"error": {"message": "Unrecognized request argument: 'continue_final_message'"}}
        return chat("four", usage={"prompt_tokens": 9 if flagged else 12, "completion_tokens": 1})

    server = await speaks(answer)
    model = model_at(server.url)
    assert (await model.probe()).continuing is Continuing.FLAG
    takes = False
    with pytest.raises(ModelError, match="does not go on"):
        await model.complete(Request(ASKED, prefix="It is"))
    assert model.capabilities.continuing is Continuing.NONE


def trimming(chat: Any, pages: dict[str, Any]) -> Any:
    """A server with vLLM's flag whose template trims what it is given, as Llama 3's does. The model starts a new
    paragraph after "It is."."""

    def answer(path: str, body: dict[str, Any]) -> Any:
        if path in pages:
            return pages[path](body)
        if path != "/v1/chat/completions":
            return 404, {"detail": "Not Found"}
        flagged = "continue_final_message" in body
        said = body["messages"][-1]["content"].strip()
        text = "\n\nIt is four.\n\nYes." if said == "It is." else "0 11"
        if "stop" in body:
            text = text.partition(body["stop"][0])[0]
        used = {"prompt_tokens": len(said) + (0 if flagged else 9), "completion_tokens": 3}
        return chat(text, usage=used, stop_reason=None)

    return answer


async def test_white_space_that_a_template_trims_is_no_step(speaks: Any, model_at: Any, chat: Any) -> None:
    server = await speaks(trimming(chat, {}))
    model = model_at(server.url)
    assert (await model.probe()).continuing is Continuing.FLAG
    [choice] = (await model.complete(Request(ASKED, prefix="It is.\n\n", stop=("\n\n",)))).choices
    assert (choice.text, choice.finish) == ("It is four.", Finish.STOP)
    assert "stop" not in server.asked[-1][1]


async def test_white_space_that_a_template_trims_is_kept_in_prompts_of_the_server(
    speaks: Any, model_at: Any, chat: Any
) -> None:
    pages = {
        "/apply-template": lambda body: {"prompt": body["messages"][0]["content"] + "[A]"},
        "/v1/completions": lambda body: (
            raw("It is four.") | {"choices": [{"text": "It is four.", "finish_reason": "stop"}]}
        ),
    }
    server = await speaks(trimming(chat, pages))
    model = model_at(server.url)
    assert (await model.probe()).continuing is Continuing.COMPLETIONS
    await model.complete(Request(ASKED, prefix="It is.\n\n", stop=("\n\n",)))
    sent = server.bodies("/v1/completions")[-1]
    assert (sent["prompt"], sent["stop"]) == ("Two and two?[A]It is.\n\n", ["\n\n"])


async def test_what_the_probe_asks_is_plain(openai_server: Any, model_at: Any) -> None:
    """The half-written count ends in the midst of a number, so that only going on writes a zero."""
    await model_at(openai_server.url).probe()
    halves = [sent for sent in openai_server.requests if sent["messages"][-1]["role"] == "assistant"]
    asked = {"role": "user", "content": COUNT[0].content}
    assert [sent["messages"] for sent in halves] == [
        [asked, {"role": "assistant", "content": begun}] for begun in (BEGUN, BEGUN, BEGUN + "\n\n")
    ]
    assert ["continue_final_message" in sent for sent in halves] == [False, True, True]
