"""Claude's own ways through LiteLLM, on a server that speaks Anthropic's protocol: prefixes, marks for the cache,
thinking, no `n`."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from redraft.llm.client.client import Client
from redraft.llm.model import Finish, Message, Model, Request
from redraft.llm.providers.via_litellm.model import LiteLLMModel
from redraft.llm.providers.via_litellm.route import litellm_model
from redraft.llm.usage import Prices, Usage
from redraft.store.problems import Question

ASKED = (Message("system", "Be brief."), Message("user", "Two and two?"))


@dataclass
class Anthropic:
    """Answers with `content`, and keeps what it was asked in `requests`."""

    content: list[dict[str, Any]] = field(default_factory=lambda: [{"type": "text", "text": "Four."}])
    usage: dict[str, int] = field(default_factory=lambda: {"input_tokens": 10, "output_tokens": 3})
    requests: list[dict[str, Any]] = field(default_factory=list)
    stop_reason: str = "end_turn"

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append(await request.json())
        return web.json_response(
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "claude-sonnet-4-5",
                "content": self.content,
                "stop_reason": self.stop_reason,
                "stop_sequence": None,
                "usage": self.usage,
            }
        )


@pytest.fixture
async def anthropic(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Anthropic]:
    server = Anthropic()
    app = web.Application()
    app.router.add_post("/v1/messages", server.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("ANTHROPIC_API_BASE", f"http://127.0.0.1:{runner.addresses[0][1]}")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    yield server
    await runner.cleanup()


def claude() -> Model:
    return litellm_model("anthropic/claude-sonnet-4-5")


async def test_an_unfinished_answer_is_sent_without_the_space_at_its_end_which_is_not_given_twice(
    anthropic: Anthropic,
) -> None:
    anthropic.content = [{"type": "text", "text": "\n\nSo it is four."}]

    [choice] = (await claude().complete(Request(ASKED, prefix="Two and two.\n\n", stop=("\n\n",)))).choices

    [sent] = anthropic.requests
    assert sent["messages"][-1]["role"] == "assistant"
    assert _text(sent["messages"][-1]) == "Two and two."
    assert "stop_sequences" not in sent  # Claude takes none of white space: the text is cut here
    assert (choice.text, choice.finish) == ("So it is four.", Finish.END)


async def test_a_step_ends_at_white_space_though_claude_goes_on(anthropic: Anthropic) -> None:
    anthropic.content = [{"type": "text", "text": "\n\nSo it is four.\n\nDone."}]
    request = Request(ASKED, prefix="Two and two.\n\n", stop=("\n\n",))
    [choice] = (await claude().complete(request)).choices
    assert (choice.text, choice.finish) == ("So it is four.", Finish.STOP)


async def test_samples_come_one_a_call(anthropic: Anthropic) -> None:
    client = Client(claude())
    choices = await client.complete(Question("p", "q", unit="u"), "propose", "u/", ASKED, n=3)
    assert [choice.text for choice in choices] == ["Four."] * 3
    assert [sorted(sent.keys() & {"n", "seed", "logprobs"}) for sent in anthropic.requests] == [[], [], []]


async def test_a_long_system_prompt_is_marked_for_the_cache_and_a_short_one_is_not(anthropic: Anthropic) -> None:
    long = Message("system", "Be brief. " * 500)

    await claude().complete(Request((long, ASKED[1])))
    await claude().complete(Request(ASKED))

    marked, plain = (sent["system"][0].get("cache_control") for sent in anthropic.requests)
    assert (marked, plain) == ({"type": "ephemeral"}, None)


@pytest.mark.parametrize("name", ["vertex_ai/gemini-2.5-pro", "openai/gpt-4o-mini", "bedrock/amazon.nova-pro-v1:0"])
def test_others_get_no_marks(name: str) -> None:
    """For some of them LiteLLM would set up a cache that is paid by the hour."""
    model = litellm_model(name)
    assert isinstance(model, LiteLLMModel)
    asked = Request((Message("system", "Be brief. " * 500), ASKED[1]))
    assert model.messages(asked)[0] == {"role": "system", "content": asked.messages[0].content}


async def test_cached_tokens_are_counted_and_priced(anthropic: Anthropic) -> None:
    anthropic.usage |= {"cache_read_input_tokens": 2_000, "cache_creation_input_tokens": 0}

    reply = await claude().complete(Request(ASKED))

    assert reply.usage == Usage(prompt=2_010, completion=3, cached=2_000)
    assert reply.cost_usd == pytest.approx(10 * 3e-6 + 2_000 * 3e-7 + 3 * 1.5e-5)


def test_what_is_set_aside_for_a_call_holds_for_writing_to_the_cache(anthropic: Anthropic) -> None:
    assert claude().prices == Prices(3.75e-6, 1.5e-5, 3e-7)


async def test_thinking_blocks_are_kept_apart(anthropic: Anthropic) -> None:
    anthropic.content.insert(0, {"type": "thinking", "thinking": "two, and two more", "signature": "x"})
    [choice] = (await claude().complete(Request(ASKED))).choices
    assert (choice.text, choice.thinking) == ("Four.", "two, and two more")


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)
