"""Models that think: their thinking is kept apart, counted, and never part of the answer."""

from typing import Any

import pytest

from redraft.llm.model import Choice, Finish, Message, Request
from redraft.llm.prompts.chat_template import ChatTemplate
from redraft.llm.providers.shared.thinking import split_inline_thinking
from redraft.llm.usage import Usage

ASKED = (Message("user", "Two and two?"),)


def spelled(*tokens: str) -> dict[str, Any]:
    return {"content": [{"token": token, "logprob": -0.25 * (i + 1)} for i, token in enumerate(tokens)]}


@pytest.mark.parametrize(
    "message",
    [
        {"content": "Four.", "reasoning_content": "two, two"},
        {"content": "Four.", "reasoning": "two, two"},
        {"content": "Four.", "reasoning": "two, two", "reasoning_content": None},
        {"content": "<think>two, two</think>Four."},
        {"content": "<think>\ntwo, two\n</think>\n\nFour."},
        {"content": "\n<think>\ntwo, two</think>\nFour."},
        {"content": "two, two\n</think>\n\nFour."},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "two, two"}]}, {"text": "Four."}]},
        {"content": [{"type": "thinking", "thinking": "two, two"}, {"type": "text", "text": "Four."}, "?"]},
    ],
)
async def test_thinking_is_kept_apart_wherever_it_stands(
    speaks: Any, model_at: Any, chat: Any, message: dict[str, Any]
) -> None:
    server = await speaks(lambda path, body: chat(message, usage={"prompt_tokens": 5, "completion_tokens": 14}))
    reply = await model_at(server.url).complete(Request(ASKED))
    assert reply.choices == (Choice("Four.", Finish.END, 14, thinking="two, two"),)
    assert reply.usage == Usage(5, 14, reasoning=14 * 8 // 13)


async def test_what_the_server_counts_as_reasoning_is_taken(openai_server: Any, model_at: Any) -> None:
    openai_server.thinking = "let me see"
    openai_server.write = lambda messages, seed, index: "Four."
    reply = await model_at(openai_server.url).complete(Request(ASKED, n=2))
    assert [(choice.text, choice.thinking) for choice in reply.choices] == [("Four.", "let me see")] * 2
    assert reply.usage == Usage(reply.usage.prompt, 8, 2, 6)
    assert [choice.tokens for choice in reply.choices] == [4, 4]


@pytest.mark.parametrize(
    "tokens",
    [
        ("<think>", "Four", ".", "</think>", "\n\n", "Four", "."),
        ("Four", ".", "</think>", "\n\n", "Four", ".", "<|end|>"),
        ("<|channel|>", "Four", ".", "<|final|>", "Four", "."),
        ("Four", "."),
    ],
)
async def test_log_probabilities_are_those_of_the_answer(
    speaks: Any, model_at: Any, chat: Any, tokens: tuple[str, ...]
) -> None:
    message = {"content": "Four.", "reasoning_content": "Four."}
    server = await speaks(lambda path, body: chat(message, logprobs=spelled(*tokens)))
    [choice] = (await model_at(server.url).complete(Request(ASKED))).choices
    at = len(tokens) - 1 - tokens[::-1].index("Four")
    assert (choice.logprobs, choice.offsets) == ((-0.25 * (at + 1), -0.25 * (at + 2)), (0, 4))


@pytest.mark.parametrize(
    "message",
    [
        {"content": "<think>two and"},
        {"content": None, "reasoning_content": "two and"},
        {"content": "", "reasoning": "two and"},
    ],
)
async def test_thinking_that_the_token_limit_cuts_off_leaves_an_empty_answer(
    speaks: Any, model_at: Any, chat: Any, message: dict[str, Any]
) -> None:
    server = await speaks(lambda path, body: chat(message, "length"))
    [choice] = (await model_at(server.url).complete(Request(ASKED))).choices
    assert choice == Choice("", Finish.LENGTH, 7, thinking="two and")


async def test_thinking_without_a_tag_is_known_once_its_end_was_seen(speaks: Any, model_at: Any, chat: Any) -> None:
    replies = iter([chat("two, two</think>Four."), chat("two and", "length")])
    server = await speaks(lambda path, body: next(replies))
    model = model_at(server.url)
    read = [(await model.complete(Request(ASKED))).choices[0] for _ in range(2)]
    assert [(choice.text, choice.thinking) for choice in read] == [("Four.", "two, two"), ("", "two and")]


async def test_an_answer_that_speaks_of_tags_keeps_them(speaks: Any, model_at: Any, chat: Any) -> None:
    text = "The tags are <think> and </think>."
    server = await speaks(lambda path, body: chat(text))
    assert (await model_at(server.url).complete(Request(ASKED))).choices == (Choice(text, Finish.END, 7),)


async def test_stop_strings_hold_for_the_answer_and_not_for_the_thinking(speaks: Any, model_at: Any, chat: Any) -> None:
    """A server that ends a text at a stop string in the midst of its thinking is asked without them."""

    def answer(path: str, body: dict[str, Any]) -> Any:
        if "stop" in body:
            return chat({"content": None, "reasoning_content": "two"}, stop_reason="\n")
        return chat({"content": "Four.\nYes.", "reasoning_content": "two\ntwo"})

    server = await speaks(answer)
    model = model_at(server.url)
    reply = await model.complete(Request(ASKED, stop=("\n",)))
    assert reply.choices == (Choice("Four.", Finish.STOP, 7, thinking="two\ntwo"),)
    assert (reply.attempts, reply.usage.completion) == (2, 14)
    await model.complete(Request(ASKED, stop=("\n",)))
    assert ["stop" in body for body in server.bodies()] == [True, False, False]


async def test_what_goes_on_from_an_answer_is_answer_whatever_the_server_calls_it(
    speaks: Any, model_at: Any, chat: Any
) -> None:
    """vLLM's parser takes all before a closing tag for thinking, and in the midst of an answer none comes."""

    def answer(path: str, body: dict[str, Any]) -> Any:
        tokens = 9 if body.get("continue_final_message") else 12
        return chat(
            {"content": None, "reasoning_content": " four."}, usage={"prompt_tokens": tokens, "completion_tokens": 2}
        )

    server = await speaks(answer)
    [choice] = (await model_at(server.url).complete(Request(ASKED, prefix="It is"))).choices
    assert (choice.text, choice.thinking) == (" four.", "")


async def test_a_server_that_begins_a_turn_of_its_own_may_think_in_it(speaks: Any, model_at: Any, chat: Any) -> None:
    def answer(path: str, body: dict[str, Any]) -> Any:
        if body["messages"][-1]["content"] == "It is":
            return chat({"content": None, "reasoning_content": "two and"}, "length")
        return chat("0 11", usage={"prompt_tokens": len(str(body["messages"])), "completion_tokens": 2})

    server = await speaks(answer)
    [choice] = (await model_at(server.url).complete(Request(ASKED, prefix="It is"))).choices
    assert choice == Choice("", Finish.LENGTH, 7, thinking="two and")


async def test_a_template_that_opens_the_thinking_is_closed_before_a_prefix(speaks: Any, model_at: Any) -> None:
    def answer(path: str, body: dict[str, Any]) -> Any:
        text = " four." if body["prompt"].endswith("It is") else "two, two</think>\n\nIt is four."
        return {"choices": [{"text": text, "finish_reason": "stop"}], "usage": {}}

    server = await speaks(answer)
    template = ChatTemplate("{{ messages[-1].content }}{% if add_generation_prompt %}[A]<think>\n{% endif %}")
    model = model_at(server.url, chat_template=template)
    [whole] = (await model.complete(Request(ASKED))).choices
    [rest] = (await model.complete(Request(ASKED, prefix="It is"))).choices
    assert (whole.text, whole.thinking) == ("It is four.", "two, two")
    assert (rest.text, rest.thinking) == (" four.", "")
    prompts = [body["prompt"] for body in server.bodies("/v1/completions")]
    assert (prompts[1], prompts[-1]) == ("Two and two?[A]<think>\n", "Two and two?[A]<think>\n\n</think>\n\nIt is")


@pytest.mark.parametrize(
    ("text", "unopened", "expected"),
    [
        ("<think>a</think>b</think>c", False, ("b</think>c", "a", False)),
        ("a <think>b</think>", False, ("a <think>b</think>", "", False)),
        ("a</think>b", True, ("b", "a", True)),
        ("a", True, ("", "a", False)),
        ("a", False, ("a", "", False)),
        ("", True, ("", "", False)),
    ],
)
def test_tags_are_read_at_the_beginning_only(text: str, unopened: bool, expected: tuple[str, str, bool]) -> None:
    assert split_inline_thinking(text, unopened) == expected
