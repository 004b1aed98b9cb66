"""How a server is told to draw: truncated sampling and beam search, found out once whether they are heeded."""

from typing import Any

import pytest

from redraft.llm.model import Beam, Choice, Finish, Message, Request, UnsupportedRequest
from redraft.llm.truncation import Truncation

ASKED = (Message("user", "Two and two?"),)


async def test_a_server_is_sent_what_was_asked_once_it_has_shown_that_it_heeds_it(
    openai_server: Any, model_at: Any
) -> None:
    openai_server.write = None
    model = model_at(openai_server.url)
    reply = await model.complete(Request(ASKED, n=4, truncation=Truncation(0.9, 20), seeds=(1, 2, 3, 4)))
    sent = openai_server.requests[-1]
    assert (sent["top_p"], sent["top_k"], "min_p" in sent) == (0.9, 20, False)
    assert len({choice.text for choice in reply.choices}) == 4
    assert (model.capabilities.top_p, model.capabilities.top_k, model.capabilities.min_p) == (True, True, None)
    asked = len(openai_server.requests)
    assert asked == 9
    again = model_at(openai_server.url)
    await again.complete(Request(ASKED, truncation=Truncation(0.9, 20)))
    await again.complete(Request(ASKED))
    assert len(openai_server.requests) == asked + 2
    assert not {"top_p", "top_k"} & openai_server.requests[-1].keys()


@pytest.mark.parametrize("how", ["ignores", "rejects"])
@pytest.mark.parametrize("name", ["top_p", "top_k", "min_p"])
async def test_a_server_that_does_not_heed_a_setting_ends_the_run_in_one_line(
    openai_server: Any, model_at: Any, how: str, name: str
) -> None:
    openai_server.write = None
    setattr(openai_server, how, {name})
    settings: dict[str, Any] = {name: 1 if name == "top_k" else 0.5}
    request = Request(ASKED, truncation=Truncation(**settings))
    for _ in range(2):
        with pytest.raises(UnsupportedRequest) as refused:
            await model_at(openai_server.url).complete(request)
        option = name.replace("_", "-")
        assert str(refused.value) == f"tiny takes no {name}. Leave out --{option}, or name another model."
        assert refused.value.fatal
    assert len(openai_server.requests) <= 8
    await model_at(openai_server.url).complete(Request(ASKED))


async def test_a_server_like_vllm_searches_with_a_beam(openai_server: Any, model_at: Any) -> None:
    openai_server.write = lambda messages, seed, index: f"seed {seed}" + " and so on" * index
    reply = await model_at(openai_server.url).complete(
        Request(ASKED, n=3, temperature=0.7, max_tokens=20, beam=Beam(0.5), seeds=(5, 6, 7))
    )
    sent = openai_server.requests[-1]
    assert (sent["use_beam_search"], sent["n"], sent["length_penalty"]) == (True, 3, 0.5)
    assert reply.choices[0] == Choice("seed 0", Finish.END, 2, logprobs=(-0.5, -0.75), offsets=(0, 4))
    assert [choice.text.count("and") for choice in reply.choices] == [0, 1, 2]
    asked = len(openai_server.requests)
    assert asked == 5
    await model_at(openai_server.url).complete(Request(ASKED, n=2, beam=Beam()))
    assert len(openai_server.requests) == asked + 1


@pytest.mark.parametrize("how", ["ignores", "rejects"])
async def test_a_server_without_beam_search_is_told_of_in_one_line(openai_server: Any, model_at: Any, how: str) -> None:
    openai_server.write = None
    setattr(openai_server, how, {"use_beam_search"} | ({"length_penalty"} if how == "rejects" else set()))
    for _ in range(2):
        with pytest.raises(UnsupportedRequest, match="tiny does no beam search over tokens") as refused:
            await model_at(openai_server.url).complete(Request(ASKED, n=2, beam=Beam()))
        assert refused.value.fatal
        assert "Name another strategy" in str(refused.value)
    assert len(openai_server.requests) <= 12


async def test_a_beam_wider_than_vllm_allows_is_told_and_costs_no_log_probabilities(
    speaks: Any, model_at: Any, chat: Any
) -> None:
    """In the words of vLLM 0.32."""

    def answer(path: str, body: dict[str, Any]) -> Any:
        if body.get("n", 1) > 10:
            said = "Requested sample logprobs of 24, which is greater than max allowed: 20"
            return 400, {"error": {"message": f"{said} (parameter=logprobs, value=24)", "param": "logprobs"}}
        return {"choices": [chat(text)["choices"][0] for text in ("Four.", "It is four.")[: body.get("n", 1)]]}

    server = await speaks(answer)
    model = model_at(server.url)
    with pytest.raises(UnsupportedRequest, match="Lower the width, or start vLLM with --max-logprobs 24") as refused:
        await model.complete(Request(ASKED, n=12, beam=Beam()))
    assert refused.value.fatal
    assert len((await model.complete(Request(ASKED, n=2, beam=Beam()))).choices) == 2
    assert server.bodies()[-1]["logprobs"] is True
